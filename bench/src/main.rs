//! `cargo stores`: measures the authenticated stores, and makes the table and the plot.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use quorate_bench::contenders::Kind;
use quorate_bench::race::Plan;
use quorate_bench::results::{self, Row};
use quorate_bench::workload::Workload;
use quorate_bench::{child, plot, table};

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Authenticated stores side by side. Stops by itself: what it does is bounded in commits and in time.
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
    /// What a commit costs as a store grows: the same batch on stores of several sizes, in turns.
    Growth {
        #[arg(long, value_delimiter = ',', default_values_t = [10_000, 10_000_000])]
        keys: Vec<u64>,
        #[arg(long, default_value_t = 1_000)]
        batch: u64,
        #[arg(long, value_delimiter = ',', value_enum, default_values_t = [Kind::Ours])]
        contenders: Vec<Kind>,
        #[command(flatten)]
        bounds: Bounds,
        #[command(flatten)]
        output: Output,
    },
    /// Makes table and plot again from what a run wrote.
    Render {
        results: PathBuf,
        #[command(flatten)]
        output: Rendered,
    },
    /// Holds one store and does what is said on its standard input.
    #[command(hide = true)]
    Child,
}

#[derive(Debug, Args)]
struct Race {
    /// Keys that are loaded first.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000_000, 10_000_000])]
    keys: Vec<u64>,
    /// Updates in a batch.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000, 10_000])]
    batches: Vec<u64>,
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Workload::ALL)]
    workloads: Vec<Workload>,
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Kind::ALL)]
    contenders: Vec<Kind>,
    #[command(flatten)]
    bounds: Bounds,
    /// Keys that are read cold, warm and with proofs.
    #[arg(long, default_value_t = 2_000)]
    reads: u64,
    /// Compare every key with a model in the end. It holds all of them in memory.
    #[arg(long)]
    check: bool,
    /// 20,000 keys and two commits for each cell, checked: whether everything runs, and nothing to learn from.
    #[arg(long, conflicts_with_all = ["keys", "seconds", "rounds", "commits_max", "reads"])]
    smoke: bool,
}

#[derive(Debug, Args)]
struct Bounds {
    /// Seconds of commits for each cell and store, all rounds together.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Commits for each cell and store, all rounds together.
    #[arg(long, default_value_t = 3_000)]
    commits_max: u64,
    /// How often each store has its turn in a cell.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// MiB of each cache that can be set.
    #[arg(long, default_value_t = 256)]
    cache_mib: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A directory on the disk that is to be measured; the system's temporary one when not given.
    #[arg(long)]
    directory: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Output {
    /// Write every result into this file as it comes, one JSON value a line.
    #[arg(long)]
    results: Option<PathBuf>,
    #[command(flatten)]
    rendered: Rendered,
}

#[derive(Debug, Args)]
struct Rendered {
    /// Write the table into this file.
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Draw updates a second of the workload `uniform` into this file, as SVG.
    #[arg(long)]
    plot: Option<PathBuf>,
}

fn main() -> Result<()> {
    let Arguments { command, race, output } = Arguments::parse();
    match command {
        None => {
            let plan = race.plan();
            let rows = collect(&output, |sink| plan.compare(sink))?;
            output.rendered.write(&rows, table::compared(&rows))
        }
        Some(Command::Growth { keys, batch, contenders, bounds, output }) => {
            let race = Race {
                keys,
                batches: vec![batch],
                workloads: vec![Workload::Uniform],
                contenders,
                bounds,
                reads: 0,
                check: false,
                smoke: false,
            };
            let plan = race.plan();
            let rows = collect(&output, |sink| plan.growth(sink))?;
            output.rendered.write(&rows, table::grown(&rows))
        }
        Some(Command::Render { results, output }) => {
            let rows = results::read(&results)?;
            output.write(&rows, table::compared(&rows))
        }
        Some(Command::Child) => child::serve(),
    }
}

impl Race {
    fn plan(self) -> Plan {
        let bounds = self.bounds;
        let plan = Plan {
            directory: bounds.directory.unwrap_or_else(std::env::temp_dir),
            contenders: self.contenders,
            keys: self.keys,
            batches: self.batches,
            workloads: self.workloads,
            rounds: bounds.rounds,
            seconds: bounds.seconds,
            commits_max: bounds.commits_max,
            reads: self.reads,
            cache_mib: bounds.cache_mib,
            seed: bounds.seed,
            check: self.check,
        };
        if !self.smoke {
            return plan;
        }
        Plan { keys: vec![20_000], rounds: 1, commits_max: 2, reads: 200, check: true, ..plan }
    }
}

/// Runs, and returns all rows. Each is written and told as it comes, so that a run that is broken off leaves something.
fn collect(
    output: &Output,
    run: impl FnOnce(quorate_bench::race::Sink<'_>) -> Result<()>,
) -> Result<Vec<Row>> {
    let mut file = output.results.as_deref().map(create).transpose()?;
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

fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| path.display().to_string())
}

impl Rendered {
    fn write(&self, rows: &[Row], table: String) -> Result<()> {
        println!("{table}");
        let plot = plot::updates_per_s(rows, Workload::Uniform);
        for (path, text) in [(&self.markdown, table), (&self.plot, plot)] {
            if let Some(path) = path {
                fs::write(path, text).with_context(|| path.display().to_string())?;
            }
        }
        Ok(())
    }
}
