//! `cargo load`: drives signed transfers through a running testnet, and reports.

use std::path::PathBuf;

use clap::Parser;
use quorate_tests::load::{self, Plan};
use quorate_tests::net::Directory;

/// Sends signed transfers through all validators of a running net at a fixed rate, and reports.
#[derive(Debug, Parser)]
#[command(name = "load")]
struct Arguments {
    /// Transfers a second
    #[arg(long, default_value_t = 500)]
    rate: u64,
    /// How long
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Accounts that send [default: a fifth of the rate, 32 to 2000]
    #[arg(long)]
    accounts: Option<u64>,
    /// The net's directory
    #[arg(long, env = "QUORATE_TESTNET_DIR", default_value = "testnet/.run")]
    dir: PathBuf,
    /// Report in JSON
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let plan = Plan::new(arguments.rate, arguments.seconds, arguments.accounts)?;
    let report = load::run(&plan, &Directory::at(arguments.dir)).await?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(())
}
