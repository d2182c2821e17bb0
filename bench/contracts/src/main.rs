//! `cargo contracts`: measures the execution of contracts, and makes the tables.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use quorate_bench_contracts::contenders::Kind;
use quorate_bench_contracts::race::{Plan, Sink};
use quorate_bench_contracts::results::{self, Row};
use quorate_bench_contracts::{parts, table, threads};

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Execution of contracts side by side. Stops by itself.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    race: Race,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes the tables again from what a run wrote.
    Render {
        results: PathBuf,
        /// Write the tables into this file.
        #[arg(long)]
        markdown: Option<PathBuf>,
    },
    /// Blocks of ours on several threads, beside one.
    Threads {
        #[arg(long, default_value_t = 2)]
        threads: usize,
        #[command(flatten)]
        race: Race,
    },
    /// One contender alone, for a profiler to look at.
    Profile {
        #[arg(value_enum)]
        contender: Kind,
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        #[command(flatten)]
        race: Race,
    },
}

#[derive(Debug, Args)]
struct Race {
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(2..))]
    accounts: u32,
    /// For each contender and round.
    #[arg(long, default_value_t = 20_000)]
    transfers: usize,
    /// How often each contender, and each part, has its turn.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Transactions of a block, where there are blocks.
    #[arg(long, default_value_t = 1_000)]
    block: usize,
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Kind::ALL)]
    contenders: Vec<Kind>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Leave out the parts.
    #[arg(long)]
    without_parts: bool,
    /// Also with the real state, in a directory on this disk.
    #[cfg(feature = "state")]
    #[arg(long)]
    directory: Option<PathBuf>,
    /// Transfers of a block, with the real state.
    #[cfg(feature = "state")]
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000])]
    state_blocks: Vec<usize>,
    /// Transfers for each of these sizes.
    #[cfg(feature = "state")]
    #[arg(long, default_value_t = 100_000)]
    state_transfers: usize,
    /// A little of everything, in seconds: whether all runs and agrees, and nothing to learn from.
    #[arg(long, conflicts_with_all = ["accounts", "transfers", "rounds", "block"])]
    smoke: bool,
}

#[derive(Debug, Args)]
struct Output {
    /// Write every result into this file as it comes, one JSON value a line.
    #[arg(long)]
    results: Option<PathBuf>,
    /// Write the tables into this file.
    #[arg(long)]
    markdown: Option<PathBuf>,
}

fn main() -> Result<()> {
    let Arguments { command, race, output } = Arguments::parse();
    match command {
        None => {
            let rows = collect(output.results.as_deref(), |sink| race.run(sink))?;
            show(&rows, output.markdown.as_deref())
        }
        Some(Command::Render { results, markdown }) => {
            show(&results::read(&results)?, markdown.as_deref())
        }
        Some(Command::Threads { threads, race }) => threads::run(&race.plan(), threads),
        Some(Command::Profile { contender, seconds, race }) => {
            race.plan().profile(contender, seconds)
        }
    }
}

impl Race {
    fn plan(&self) -> Plan {
        let plan = Plan {
            contenders: self.contenders.clone(),
            accounts: self.accounts,
            transfers: self.transfers,
            rounds: self.rounds,
            block: self.block.max(1),
            asked: 1_000,
            seed: self.seed,
        };
        if !self.smoke {
            return plan;
        }
        Plan { accounts: 100, transfers: 200, rounds: 1, block: 64, asked: 100, ..plan }
    }

    fn run(&self, sink: Sink<'_>) -> Result<()> {
        let plan = self.plan();
        sink(plan.run_row())?;
        plan.race(sink)?;
        #[cfg(feature = "state")]
        self.real(&plan, sink)?;
        if !self.without_parts {
            let scale = if self.smoke { 50 } else { 1 };
            parts::measure_all(plan.rounds, scale, sink)?;
        }
        Ok(())
    }

    #[cfg(feature = "state")]
    fn real(&self, plan: &Plan, sink: Sink<'_>) -> Result<()> {
        use quorate_bench_contracts::real;
        if self.smoke {
            return real::run(plan, &std::env::temp_dir(), &[50], 200, sink);
        }
        let Some(directory) = &self.directory else { return Ok(()) };
        real::run(plan, directory, &self.state_blocks, self.state_transfers, sink)
    }
}

/// Runs, and returns all rows. Each is written and told as it comes, so that a run that is broken off leaves something.
fn collect(results: Option<&Path>, run: impl FnOnce(Sink<'_>) -> Result<()>) -> Result<Vec<Row>> {
    let create = |path: &Path| File::create(path).with_context(|| path.display().to_string());
    let mut file = results.map(create).transpose()?;
    let mut rows = Vec::new();
    run(&mut |row| {
        let line = serde_json::to_string(&row)?;
        eprintln!("{line}");
        if let Some(file) = &mut file {
            writeln!(file, "{line}")?;
        }
        rows.push(row);
        Ok(())
    })?;
    Ok(rows)
}

fn show(rows: &[Row], markdown: Option<&Path>) -> Result<()> {
    let text = table::all(rows);
    println!("{text}");
    if let Some(path) = markdown {
        fs::write(path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
