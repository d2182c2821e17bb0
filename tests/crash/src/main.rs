//! `cargo crash`: ends a process that writes the store at each operation on the disk, and looks at what is left.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use quorate_crash::case::{Bench, Case};
use quorate_crash::check::check;
use quorate_crash::disk::Disk;
use quorate_crash::matrix::{Row, Sample, Trace, play};
use quorate_crash::mode::{MODES, Mode};
use quorate_crash::workload::{Progress, WORKLOADS, Workload};

/// A process that takes so long hangs.
const PROCESS_SECONDS_MAX: u64 = 120;

/// Ends a process that writes the store at each of its operations on the disk, and looks at what is left.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    process: Option<Process>,
    /// Only these workloads.
    #[arg(long, value_parser = workload)]
    workload: Vec<&'static dyn Workload>,
    /// Only these modes.
    #[arg(long, value_parser = mode)]
    mode: Vec<&'static Mode>,
    /// Plays only this point, and leaves its files.
    #[arg(long)]
    point: Option<u64>,
    /// Plays every so many points.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// Decides what remains after a power cut.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Points at a time; as many as there are cores, when not given.
    #[arg(long)]
    jobs: Option<usize>,
    /// Where the stores are made. In memory, when not given and where that can be: the disk is simulated anyway.
    #[arg(long)]
    directory: Option<PathBuf>,
}

/// What the processes do that are ended.
#[derive(Debug, Subcommand)]
enum Process {
    /// Runs a workload in front of whatever disk there is.
    #[command(hide = true)]
    Run {
        #[arg(value_parser = workload)]
        workload: &'static dyn Workload,
        store: PathBuf,
    },
    /// Looks at what is left.
    #[command(hide = true)]
    Check {
        #[arg(value_parser = workload)]
        workload: &'static dyn Workload,
        store: PathBuf,
        #[arg(long)]
        begun: u64,
        #[arg(long)]
        done: Option<u64>,
    },
}

fn workload(name: &str) -> Result<&'static dyn Workload, String> {
    let found = WORKLOADS.into_iter().find(|workload| workload.name() == name);
    found.ok_or_else(|| {
        format!(
            "no workload is called so; there are {}",
            WORKLOADS.map(|one| one.name()).join(", ")
        )
    })
}

fn mode(name: &str) -> Result<&'static Mode, String> {
    let found = MODES.iter().find(|mode| mode.name == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = MODES.iter().map(|mode| mode.name).collect();
        format!("no mode is called so; there are {}", names.join(", "))
    })
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.process {
        Some(Process::Run { workload, store }) => {
            end_when_hanging();
            #[cfg(feature = "fault-points")]
            state::fault::watch(quorate_crash::disk::step);
            workload.run(&workload.chain(), store).map(|()| true)
        }
        Some(Process::Check { workload, store, begun, done }) => {
            end_when_hanging();
            check(*workload, store, Progress { begun: *begun, done: *done }).map(|()| true)
        }
        None => matrix(&arguments),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn end_when_hanging() {
    thread::spawn(|| {
        thread::sleep(Duration::from_secs(PROCESS_SECONDS_MAX));
        eprintln!("the process hangs");
        std::process::abort();
    });
}

/// Whether all went well.
fn matrix(arguments: &Arguments) -> Result<bool> {
    ensure!(state::fault::TOLD, "built without the store's steps; say `cargo crash`");
    let base = arguments.directory.clone().unwrap_or_else(memory);
    let home = tempfile::Builder::new().prefix("quorate-crash-").tempdir_in(&base)?;
    let program = std::env::current_exe().context("finding this program")?;
    let disk = Disk::build(home.path())?;
    let bench = Bench { disk, program, directory: home.path().to_path_buf() };
    let workloads = chosen(&arguments.workload, WORKLOADS.into_iter());
    let modes = chosen(&arguments.mode, MODES.iter());
    if let Some(point) = arguments.point {
        let is_good = replay(&bench, &workloads, &modes, point, arguments.seed)?;
        println!("the files: {}", home.keep().display());
        return Ok(is_good);
    }
    let jobs = arguments.jobs.or_else(|| thread::available_parallelism().ok().map(Into::into));
    let sample = Sample { every: arguments.every, jobs: jobs.unwrap_or(1) };
    let begun = Instant::now();
    let mut missing = state::fault::POINTS.iter().map(|name| format!("step {name}")).collect();
    let (mut met, mut failed) = (0, 0);
    println!("{}", Row::HEAD);
    for workload in workloads {
        let trace = Trace::new(&bench, workload, &mut missing)?;
        for mode in &modes {
            let row = play(&bench, sample, &trace, mode, arguments.seed)?;
            println!("{row}");
            met += row.met;
            failed += row.failed;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{met} crashes and failures in {seconds:.0} s: {failed} of them went wrong");
    let is_missing = arguments.workload.is_empty() && !missing.is_empty();
    if is_missing {
        println!("FAILED: no workload comes to these steps: {missing:?}");
    }
    Ok(failed == 0 && !is_missing)
}

/// The ones that were asked for, or all.
fn chosen<T: Copy>(asked: &[T], all: impl Iterator<Item = T>) -> Vec<T> {
    if asked.is_empty() { all.collect() } else { asked.to_vec() }
}

/// A file system in memory, where there is one.
fn memory() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() }
}

/// Plays single points, and leaves their files.
fn replay(
    bench: &Bench,
    workloads: &[&'static dyn Workload],
    modes: &[&'static Mode],
    point: u64,
    seed: u64,
) -> Result<bool> {
    let mut is_good = true;
    for (workload, mode) in
        workloads.iter().flat_map(|workload| modes.iter().map(move |mode| (*workload, *mode)))
    {
        let case = Case { workload, mode, point, seed };
        let outcome = bench.play_and_keep(&case, &format!("{}-{}", workload.name(), mode.name))?;
        for (number, point) in (1..).zip(&outcome.report.trace) {
            println!("{number:>6} {}", point.operation);
        }
        println!("{}", case.tell(&outcome));
        is_good &= outcome.failure.is_none();
    }
    Ok(is_good)
}
