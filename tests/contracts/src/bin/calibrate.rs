//! `cargo calibrate`: the cost table that this machine would choose, beside the present one, and the
//! spread of the adversarial corpus under the present one.

use std::process::ExitCode;

use clap::Parser;
use quorate_contract_tests::calibration::calibrate;
use quorate_contract_tests::chain::Difference;
use quorate_contract_tests::corpus::{Table, all, measure};
use quorate_contract_tests::on_a_big_stack;

/// Measures operators and host functions, and prints what each should cost so that all are as dear
/// for their time.
#[derive(Debug, Parser)]
struct Arguments {
    /// Gas that a nanosecond shall cost [default: the median of what is measured]
    #[arg(long)]
    gas_per_ns: Option<f64>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match on_a_big_stack(|| calibrate(arguments.gas_per_ns)) {
        Ok(calibration) => print!("{calibration}"),
        Err(Difference(what)) => {
            println!("FAILED {what}");
            return ExitCode::FAILURE;
        }
    }
    let mut measured = Vec::new();
    for attack in all() {
        match on_a_big_stack(|| measure(&attack)) {
            Ok(figures) => measured.push((attack, figures)),
            Err(what) => println!("FAILED {}: {what}", attack.name),
        }
    }
    let table = Table::new(&measured);
    println!("\nThe corpus: from the slowest to the median {:.1}.", table.spread());
    ExitCode::SUCCESS
}
