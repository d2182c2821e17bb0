//! `cargo state-sync`: how fast a validator joins by snapshot and by blocks, and what giving costs the net.

use std::time::Duration;

use clap::Parser;
use quorate_tests::state_sync::{self, Plan};

/// Makes a chain with many accounts, starts a net on it, loads the net, lets one validator join by snapshot and one by
/// replaying all blocks, and reports.
#[derive(Debug, Parser)]
#[command(name = "state-sync")]
struct Arguments {
    /// Accounts of the chain
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// Blocks of the chain
    #[arg(long, default_value_t = 100_000)]
    blocks: u64,
    /// Seconds for which the net's throughput is measured before
    #[arg(long, default_value_t = 15)]
    before: u64,
    /// Transactions a second that are offered to the net meanwhile; 0: as many as it takes
    #[arg(long, default_value_t = 0)]
    rate: u32,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { keys, blocks, before, rate } = Arguments::parse();
    let before = Duration::from_secs(before);
    println!("{}", state_sync::run(Plan { keys, blocks, before, rate }).await?);
    Ok(())
}
