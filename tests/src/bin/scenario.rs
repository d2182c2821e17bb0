//! `cargo scenario`: plays Byzantine tests that are written as text, in the simulator or on real processes.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use quorate_tests::scenario::{self, Outcome, Scenario};

/// Plays scenarios: in the simulator under many seeds, or on real processes.
#[derive(Debug, Parser)]
struct Arguments {
    /// The scenario's file, or several.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Play it on real processes, once.
    #[arg(long)]
    live: bool,
    /// How many seeds to play in the simulator.
    #[arg(long, default_value_t = 20, conflicts_with = "live")]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Print everything that happens under the first seed.
    #[arg(long, conflicts_with = "live")]
    log: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut good = true;
    for file in &arguments.files {
        match play(&arguments, file) {
            Ok(met) => good &= met,
            Err(error) => {
                eprintln!("error: {error:#}");
                good = false;
            }
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether everything was as expected.
fn play(arguments: &Arguments, file: &std::path::Path) -> anyhow::Result<bool> {
    let scenario = Scenario::load(file)?;
    println!("{}: {}", file.display(), scenario.about);
    if arguments.live {
        let runtime = tokio::runtime::Runtime::new()?;
        let outcome = runtime.block_on(scenario::run_live(&scenario))?;
        return Ok(tell(&scenario, &outcome, "on real processes"));
    }
    let seeds = if arguments.log { 1 } else { arguments.seeds };
    let mut good = true;
    for seed in arguments.first..arguments.first.saturating_add(seeds) {
        let (outcome, report) = scenario::run_simulated(&scenario, seed, arguments.log)?;
        print!("{}", report.log);
        let met = tell(&scenario, &outcome, &format!("seed {seed}"));
        if !met {
            println!("  replay: cargo scenario {} --first {seed} --log", file.display());
        }
        good &= met;
    }
    Ok(good)
}

/// Prints what came of a run; whether it was as expected.
fn tell(scenario: &Scenario, outcome: &Outcome, run: &str) -> bool {
    let recovery =
        outcome.recovery_ms(scenario).map_or_else(|| "never".into(), |ms| format!("{ms} ms"));
    let unmet = outcome.unmet(scenario);
    println!(
        "  {} {run}: {} transactions, a block everywhere after {recovery}",
        if unmet.is_empty() { "ok    " } else { "FAILED" },
        outcome.transactions,
    );
    for expectation in &unmet {
        println!("         {expectation}");
    }
    unmet.is_empty()
}
