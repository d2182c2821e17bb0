//! `cargo differ`: random contracts in several engines, and the line that replays what differs.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use quorate_contract_tests::chain::Difference;
use quorate_contract_tests::differ::{Differ, Tally};
use quorate_contract_tests::on_a_big_stack;

/// Plays random contracts in wasmer, in wasmi, and in wasmer without its optimiser, one case a
/// seed.
#[derive(Debug, Parser)]
struct Arguments {
    /// Cases to play
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Go on for so long instead, whatever the number of cases
    #[arg(long)]
    seconds: Option<u64>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // An engine that stops says so below, once.
    std::panic::set_hook(Box::new(|_| {}));
    let began = Instant::now();
    let mut tally = Tally::default();
    let played = on_a_big_stack(|| play(&arguments, began, &mut tally));
    println!("{tally}");
    println!("{:.0} seconds from seed {} on", began.elapsed().as_secs_f64(), arguments.first);
    match played {
        Ok(()) => ExitCode::SUCCESS,
        Err((seed, Difference(what))) => {
            println!("FAILED seed {seed}:\n{what}");
            println!("  replay: cargo differ --first {seed} --seeds 1");
            ExitCode::FAILURE
        }
    }
}

fn play(arguments: &Arguments, began: Instant, tally: &mut Tally) -> Result<(), (u64, Difference)> {
    let mut differ = Differ::new().map_err(|difference| (0, difference))?;
    let limit = arguments.seconds.map(Duration::from_secs);
    let count = if limit.is_some() { u64::MAX } else { arguments.seeds };
    for seed in arguments.first..arguments.first.saturating_add(count) {
        if limit.is_some_and(|limit| began.elapsed() >= limit) {
            break;
        }
        differ.play(seed, tally).map_err(|difference| (seed, difference))?;
    }
    Ok(())
}
