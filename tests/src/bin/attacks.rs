//! `cargo attacks`: every attacker as a live validator in a net of real processes, and what it costs the honest.

use std::path::PathBuf;

use attackers::AttackKind;
use clap::Parser;
use quorate_tests::attacks::{Faulty, Table, Trial};
use quorate_tests::load::Plan;

/// Runs nets of real processes with f attackers each, under load, and compares them with the good case.
#[derive(Debug, Parser)]
#[command(name = "attacks")]
struct Arguments {
    /// Validators of each net; the last f of them are faulty
    #[arg(long, default_value_t = 4)]
    validators: usize,
    /// How long each net is under load
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Transfers a second
    #[arg(long, default_value_t = 500)]
    rate: u64,
    /// The attacks [default: all, and f that are killed]
    #[arg(long = "attack", value_name = "NAME")]
    attacks: Vec<AttackKind>,
    /// Write the table to this file too
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let plan = Plan::new(arguments.rate, arguments.seconds, None)?;
    let trial = |faulty| Trial { validators: arguments.validators, faulty };
    let good = trial(Faulty::Honest).run(&plan).await?;
    let attacks = |kinds: &[AttackKind]| kinds.iter().copied().map(Faulty::Attack).collect();
    let faults: Vec<Faulty> = match arguments.attacks.as_slice() {
        [] => [vec![Faulty::Crashed], attacks(&AttackKind::ALL)].concat(),
        some => attacks(some),
    };
    let (mut attacked, mut failures) = (Vec::new(), 0);
    for fault in faults {
        match trial(fault).run(&plan).await {
            Ok(outcome) => {
                let rate = outcome.report.committed_per_second;
                eprintln!("{fault}: {rate:.0} transfers/s, agreed at height {}", outcome.height);
                attacked.push(outcome);
            }
            Err(error) => {
                eprintln!("FAILED {fault}: {error:#}");
                failures += 1;
            }
        }
    }
    let table = Table { good: &good, attacked: &attacked }.to_string();
    print!("{table}");
    if let Some(file) = arguments.markdown {
        std::fs::write(file, &table)?;
    }
    anyhow::ensure!(failures == 0, "the honest were harmed in {failures} nets");
    Ok(())
}
