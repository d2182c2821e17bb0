//! `cargo sim`: plays seeds in the simulator and says what broke, with the line that replays it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use attackers::AttackKind;
use clap::Parser;
use quorate_tests::sim::{Cluster, Plan};

/// Plays schedules of faults, one a seed.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds to play.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Validators; up to f of them are faulty, and everybody crashes now and then.
    #[arg(long, default_value_t = 4)]
    validators: usize,
    /// Let the faulty validators attack in this way, under every seed.
    #[arg(long)]
    attack: Option<AttackKind>,
    /// Print everything that happens under the one seed named by --first.
    #[arg(long)]
    log: bool,
}

impl Arguments {
    fn plan(&self, seed: u64) -> Plan {
        match self.attack {
            None => Plan::from_seed(seed, self.validators),
            Some(kind) => Plan::with_attack(seed, self.validators, kind),
        }
    }

    /// The line that plays this seed again.
    fn replay(&self, seed: u64) -> String {
        let attack = self.attack.map(|kind| format!(" --attack {kind}")).unwrap_or_default();
        format!("cargo sim --validators {}{attack} --first {seed} --log", self.validators)
    }
}

#[derive(Debug, Default)]
struct Totals {
    blocks: u64,
    transactions: u64,
    convicted: usize,
    worst: (u64, u64),
    failures: Vec<(u64, String)>,
}

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    if arguments.log {
        let report = Cluster::new(arguments.plan(arguments.first), true).run();
        print!("{}", report.log);
        println!("log hash {}", report.log_hash);
        return exit(report.violation.is_none());
    }
    let began = Instant::now();
    let next = AtomicU64::new(arguments.first);
    let end = arguments.first + arguments.seeds;
    let totals = Mutex::new(Totals::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let report = Cluster::new(arguments.plan(seed), false).run();
                    let mut totals = match totals.lock() {
                        Ok(totals) => totals,
                        Err(poisoned) => poisoned.into_inner(),
                    };
                    totals.blocks += report.height;
                    totals.transactions += report.committed_transactions;
                    totals.convicted += report.accused.len();
                    totals.worst = totals.worst.max((report.recovery_ms, seed));
                    if let Some(violation) = report.violation {
                        println!("seed {seed}: {}", violation.0);
                        totals.failures.push((seed, violation.0));
                    }
                }
            });
        }
    });
    let totals = match totals.into_inner() {
        Ok(totals) => totals,
        Err(poisoned) => poisoned.into_inner(),
    };
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} schedules of {} validators in {seconds:.1} s ({:.1} a second): {} blocks, {} transactions, {} culprits \
         convicted; slowest recovery {} ms (seed {})",
        arguments.seeds,
        arguments.validators,
        arguments.seeds as f64 / seconds,
        totals.blocks,
        totals.transactions,
        totals.convicted,
        totals.worst.0,
        totals.worst.1,
    );
    for (seed, what) in &totals.failures {
        println!("FAILED seed {seed}: {what}");
        println!("  replay: {}", arguments.replay(*seed));
    }
    exit(totals.failures.is_empty())
}

fn exit(good: bool) -> std::process::ExitCode {
    if good { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}
