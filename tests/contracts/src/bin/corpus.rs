//! `cargo corpus`: every attack of the corpus, what it takes, and what its gas buys.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use quorate_contract_tests::corpus::{Table, all, measure};
use quorate_contract_tests::on_a_big_stack;
use vm::check_code;
use vm::instrument::{Exports, instrument};

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
    /// Only write the accepted modules with their meters, as a compiler gets them, to this directory
    #[arg(long, value_name = "DIR")]
    metered: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(directory) = &arguments.metered {
        let written = write_metered(directory, &arguments.attack);
        return written.map_or_else(fail, |()| ExitCode::SUCCESS);
    }
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
    let spreads = [table.spread(), table.compile_spread(), table.load_spread()];
    let is_good = failures == 0 && spreads.iter().all(|spread| *spread <= SPREAD_MAX);
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn write_metered(directory: &Path, name: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    for attack in all().into_iter().filter(|attack| attack.name.contains(name)) {
        if check_code(&attack.code).is_err() {
            continue;
        }
        let metered = instrument(&attack.code, Exports::Interface);
        let wasm = metered.map_err(std::io::Error::other)?.wasm;
        std::fs::write(directory.join(attack.name).with_extension("wasm"), wasm)?;
    }
    Ok(())
}

fn fail(error: std::io::Error) -> ExitCode {
    println!("FAILED {error}");
    ExitCode::FAILURE
}
