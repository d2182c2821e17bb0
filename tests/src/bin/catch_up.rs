//! `cargo catch-up`: how fast a validator that is far behind catches up with a net under load.

use std::time::Duration;

use clap::Parser;
use quorate_tests::catch_up::{self, Plan};

/// Makes a long chain, starts a net of four with it, loads the net, starts one validator with nothing, and reports.
#[derive(Debug, Parser)]
#[command(name = "catch-up")]
struct Arguments {
    /// How far the validator is behind
    #[arg(long, default_value_t = 100_000)]
    blocks: u64,
    /// Seconds for which the net's throughput is measured before
    #[arg(long, default_value_t = 15)]
    before: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let before = Duration::from_secs(arguments.before);
    println!("{}", catch_up::run(Plan { blocks: arguments.blocks, before }).await?);
    Ok(())
}
