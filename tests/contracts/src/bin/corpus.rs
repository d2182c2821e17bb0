//! `cargo corpus`: every attack of the corpus, what it takes, and what its gas buys.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use quorate_contract_tests::corpus::{Table, all, measure};
use quorate_contract_tests::on_a_big_stack;

/// What the slowest attack may take beyond the median, for the same gas.
const SPREAD_MAX: f64 = 5.0;

/// Runs the adversarial corpus on the product's engine and lists the worst. On a machine that does
/// something else meanwhile the figures are worse.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only attacks whose name contains this
    #[arg(long, default_value = "")]
    attack: String,
    /// Write the table to this file too
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut measured = Vec::new();
    let mut failures = 0;
    for attack in all() {
        if !attack.name.contains(&arguments.attack) {
            continue;
        }
        match on_a_big_stack(|| measure(&attack)) {
            Ok(figures) => measured.push((attack, figures)),
            Err(what) => {
                println!("FAILED {}: {what}", attack.name);
                failures += 1;
            }
        }
    }
    let table = Table::new(&measured);
    print!("{table}");
    if let Some(file) = arguments.markdown
        && let Err(error) = std::fs::write(&file, table.to_string())
    {
        println!("FAILED {}: {error}", file.display());
        failures += 1;
    }
    let is_good = failures == 0 && table.spread() <= SPREAD_MAX;
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
