//! `cargo conformance`: the WebAssembly specification's test suite, metered and not, in two engines.

use std::process::ExitCode;

use clap::Parser;
use quorate_contract_tests::conformance::{VERSIONS, run};
use quorate_contract_tests::on_a_big_stack;

/// Runs the accepted part of the specification's core test suite as it is and instrumented, in
/// wasmer and in wasmi, and says what differs.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only files whose name contains this
    #[arg(long, default_value = "")]
    file: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (mut passed, mut failed) = (0, 0);
    for (version, name) in VERSIONS {
        let report = on_a_big_stack(|| run(version, &arguments.file));
        print!("core {name}\n{report}");
        passed += report.passed();
        failed += report.failures.len();
    }
    println!("{passed} assertions passed, {failed} failed");
    if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
