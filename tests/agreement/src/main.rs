//! `cargo agreement`: plays schedules, prints what broke, and the line that plays it again.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use consensus::Rule;
use quorate_agreement::campaign::{Kind, Totals, play, play_all};
use quorate_agreement::{mutation, twins};

/// Agreement alone, thousands of schedules a second.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Schedules of faults and Byzantine validators, one a seed.
    Chance {
        /// How many seeds to play.
        #[arg(long, default_value_t = 10_000)]
        seeds: u64,
        /// The first seed.
        #[arg(long, default_value_t = 0)]
        first: u64,
        #[arg(long, default_value_t = 4)]
        validators: usize,
        #[command(flatten)]
        replay: Replay,
    },
    /// Validators that run twice with one key: every way to split four for some views, or samples with loss and
    /// restarts.
    Twins {
        /// Views of which every split is played.
        #[arg(long, default_value_t = 3)]
        views: u32,
        /// Play so many samples instead.
        #[arg(long)]
        sampled: Option<u64>,
        #[arg(long, default_value_t = 4)]
        validators: usize,
        /// The first sample or scenario.
        #[arg(long, default_value_t = 0)]
        first: u64,
        /// Scenarios at most; all of them when not given.
        #[arg(long)]
        scenarios: Option<u64>,
        #[command(flatten)]
        replay: Replay,
    },
    /// Removes each rule of the protocol in turn: each absence must be caught.
    Mutations {
        /// Schedules for each rule, at most.
        #[arg(long, default_value_t = 20_000)]
        seeds: u64,
        /// Only this rule.
        #[arg(long, value_parser = rule)]
        rule: Option<Rule>,
        /// Write the table here, too.
        #[arg(long)]
        markdown: Option<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
struct Replay {
    /// Print everything that happens under the first seed alone.
    #[arg(long)]
    log: bool,
    /// Do so without a rule.
    #[arg(long, value_parser = rule, requires = "log")]
    without: Option<Rule>,
}

fn rule(name: &str) -> Result<Rule, String> {
    let found = Rule::ALL.iter().find(|rule| rule.name().eq_ignore_ascii_case(name));
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        format!("no rule is called so; there are {}", names.join(", "))
    })
}

fn main() -> ExitCode {
    let is_good = match Arguments::parse().command {
        Command::Chance { seeds, first, validators, replay } => {
            let kind = Kind::Chance { validators };
            if replay.log { show(kind.plan(first), &replay) } else { sample(kind, first, seeds) }
        }
        Command::Twins { sampled: Some(count), validators, first, replay, .. } => {
            let kind = Kind::SampledTwins { validators };
            if replay.log { show(kind.plan(first), &replay) } else { sample(kind, first, count) }
        }
        Command::Twins { views, first, scenarios, replay, .. } => {
            let all = twins::Scenarios::new(views);
            if replay.log {
                show(all.plan(first), &replay)
            } else {
                exhaust(&all, first, scenarios)
            }
        }
        Command::Mutations { seeds, rule, markdown } => mutate(seeds, rule, markdown),
    };
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn show(plan: quorate_agreement::plan::Plan, replay: &Replay) -> bool {
    println!("{plan:#?}");
    let report = play(plan, replay.without, true);
    print!("{}", report.log);
    println!("fingerprint {:016x}", report.fingerprint);
    if let Some(violation) = &report.violation {
        println!("VIOLATION {}: {}", violation.oracle, violation.text);
    }
    report.violation.is_none()
}

fn sample(kind: Kind, first: u64, seeds: u64) -> bool {
    let totals = play_all(first, seeds, |seed| kind.plan(seed));
    tell(&totals, |seed| kind.replay(seed, None));
    totals.failures.is_empty()
}

fn exhaust(all: &twins::Scenarios, first: u64, scenarios: Option<u64>) -> bool {
    let count = scenarios.unwrap_or(all.count()).min(all.count() - first.min(all.count()));
    println!(
        "twins of four validators, {} views: {count} of {} scenarios; left out: {}",
        all.views(),
        all.count(),
        twins::REDUCTION
    );
    let totals = play_all(first, count, |number| all.plan(number));
    let kind = Kind::Twins { views: all.views() };
    tell(&totals, |number| kind.replay(number, None));
    totals.failures.is_empty()
}

fn tell(totals: &Totals, replay: impl Fn(u64) -> String) {
    for (number, violation) in totals.failures.iter().take(20) {
        println!("FAILED {number}: {}: {}", violation.oracle, violation.text);
        println!("  replay: {}", replay(*number));
    }
    println!(
        "{} schedules in {:.1} s: {:.0} in a second of one core; {} blocks, {:.0} events each; \
         slowest progress {} ms (seed {}); {} violations",
        totals.schedules,
        totals.took.as_secs_f64(),
        totals.rate(),
        totals.blocks,
        totals.events as f64 / totals.schedules.max(1) as f64,
        totals.worst.0,
        totals.worst.1,
        totals.failures.len(),
    );
}

fn mutate(seeds: u64, only: Option<Rule>, markdown: Option<PathBuf>) -> bool {
    // A removed rule may break an assertion of the core: that is a way to be caught, and needs no backtrace.
    std::panic::set_hook(Box::new(|_| {}));
    let baseline = seeds.min(2_000);
    let totals = play_all(0, baseline, |seed| mutation::KIND.plan(seed));
    println!("with all rules: {} schedules, {} violations", baseline, totals.failures.len());
    tell(&totals, |seed| mutation::KIND.replay(seed, None));
    let rules: Vec<Rule> =
        Rule::ALL.iter().copied().filter(|rule| only.is_none_or(|one| one == *rule)).collect();
    let scores = mutation::hunt_all(&rules, seeds);
    for score in &scores {
        let name = score.rule.name();
        match &score.caught {
            Some(caught) => println!(
                "{name:28} {:22} after {:>6} schedules  {}",
                caught.violation.oracle,
                score.schedules,
                caught.kind.replay(caught.seed, Some(score.rule)),
            ),
            None => println!("{name:28} NOT CAUGHT in {} schedules", score.schedules),
        }
    }
    let caught = scores.iter().filter(|score| score.caught.is_some()).count();
    println!("{caught} of {} removed rules were caught", scores.len());
    if let Some(path) = markdown
        && let Err(error) = std::fs::write(&path, mutation::markdown(&scores))
    {
        println!("{}: {error}", path.display());
        return false;
    }
    let is_fine = |score: &mutation::Score| score.caught.is_some();
    scores.iter().all(is_fine) && totals.failures.is_empty()
}
