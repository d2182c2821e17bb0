//! All points of a workload in a mode, and the table of them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::case::{Bench, Case, Outcome};
use crate::disk::Point;
use crate::mode::{Mode, UNDISTURBED};
use crate::workload::Workload;

/// Which points are played.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Every so many; 1 is all of them.
    pub every: u64,
    /// Points at a time.
    pub jobs: usize,
}

/// One line of the table.
#[derive(Debug)]
pub struct Row {
    pub workload: &'static str,
    pub mode: &'static str,
    /// Points of the undisturbed run. Since the store has threads of its own, another run may have some more or fewer.
    pub points: u64,
    /// Points that a process met.
    pub met: u64,
    /// Of those, how often it stopped by itself with the reason.
    pub stopped: u64,
    pub failed: u64,
    pub took: Duration,
}

/// A workload to which nothing happens.
#[derive(Debug)]
pub struct Trace {
    pub workload: &'static dyn Workload,
    points: Vec<Point>,
    /// The store's steps that no workload has come to before. They are always played.
    new_steps: BTreeSet<String>,
}

impl Trace {
    /// Runs a workload, and takes the steps that it comes to from those that are missing.
    pub fn new(
        bench: &Bench,
        workload: &'static dyn Workload,
        missing_steps: &mut BTreeSet<String>,
    ) -> Result<Self> {
        let case = Case { workload, mode: &UNDISTURBED, point: 0, seed: 0 };
        let outcome = bench.play(&case, "undisturbed")?;
        ensure!(outcome.failure.is_none(), "{}", case.tell(&outcome));
        let points = outcome.report.trace;
        let steps = points.iter().filter(|point| point.is_step());
        let new_steps = steps.filter_map(|step| missing_steps.take(&step.operation)).collect();
        Ok(Self { workload, points, new_steps })
    }
}

/// Plays the points of a workload in a mode. It goes on until a run ends before it meets its point.
pub fn play(
    bench: &Bench,
    sample: Sample,
    trace: &Trace,
    mode: &'static Mode,
    seed: u64,
) -> Result<Row> {
    let begun = Instant::now();
    let chosen = Chosen::new(sample, mode, trace);
    let workload = trace.workload;
    let row = Mutex::new(Row {
        workload: workload.name(),
        mode: mode.name,
        points: chosen.points,
        met: 0,
        stopped: 0,
        failed: 0,
        took: Duration::ZERO,
    });
    let next = AtomicU64::new(1);
    let work = |home: String| -> Result<()> {
        loop {
            let point = next.fetch_add(1, Ordering::Relaxed);
            if chosen.is_beyond(point) {
                return Ok(());
            }
            if !chosen.has(point) {
                continue;
            }
            let case = Case { workload, mode, point, seed };
            let outcome = bench.play(&case, &home)?;
            row.lock().unwrap_or_else(PoisonError::into_inner).take(&case, &outcome);
            if outcome.report.struck.is_none() && point > chosen.points {
                return Ok(());
            }
        }
    };
    thread::scope(|scope| {
        let start = |job| scope.spawn(move || work(format!("job-{job}")));
        let jobs: Vec<_> = (0..sample.jobs).map(start).collect();
        let end = |job: thread::ScopedJoinHandle<'_, Result<()>>| {
            job.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        jobs.into_iter().try_for_each(end)
    })?;
    let mut row = row.into_inner().unwrap_or_else(PoisonError::into_inner);
    row.took = begun.elapsed();
    Ok(row)
}

/// The points that are played.
#[derive(Debug)]
struct Chosen {
    /// Of the undisturbed run.
    points: u64,
    every: u64,
    /// Modes begin at different points, so that together they see more of them.
    offset: u64,
    also: BTreeSet<u64>,
}

impl Chosen {
    fn new(sample: Sample, mode: &Mode, trace: &Trace) -> Self {
        let mut new_steps = trace.new_steps.clone();
        let mut also = BTreeSet::new();
        let mut points = 0;
        for point in trace.points.iter().filter(|point| mode.blow.is_counting(point)) {
            points += 1;
            if new_steps.remove(&point.operation) {
                also.insert(points);
            }
        }
        let offset = mode.name.bytes().map(u64::from).sum::<u64>() % sample.every;
        Self { points, every: sample.every, offset, also }
    }

    fn has(&self, point: u64) -> bool {
        point % self.every == self.offset || self.also.contains(&point)
    }

    /// A sample needs no more points than there were; all are only known to be all when one was not met.
    fn is_beyond(&self, point: u64) -> bool {
        self.every > 1 && point > self.points
    }
}

impl Row {
    fn take(&mut self, case: &Case, outcome: &Outcome) {
        self.met += u64::from(outcome.report.struck.is_some());
        self.stopped += u64::from(outcome.has_stopped);
        if outcome.failure.is_some() {
            println!("{}", case.tell(outcome));
            self.failed += 1;
        }
    }
}

impl Case {
    /// How it went, and when it failed the line that plays it again.
    pub fn tell(&self, outcome: &Outcome) -> String {
        let (workload, mode) = (self.workload.name(), self.mode.name);
        let (point, seed) = (self.point, self.seed);
        let struck = outcome.report.struck.as_deref().unwrap_or("not met");
        let done = outcome.progress.done.map_or("nothing".to_owned(), |height| height.to_string());
        let begun = outcome.progress.begun;
        let text =
            format!("{workload} × {mode}, point {point}: {struck}; done {done}, begun {begun}");
        match &outcome.failure {
            None => format!("passed {text}"),
            Some(why) => format!(
                "FAILED {text}\n  {}\n  replay: cargo crash --workload {workload} --mode {mode} \
                 --point {point} --seed {seed}",
                why.replace('\n', "\n  ")
            ),
        }
    }
}

impl Row {
    /// The head of the table.
    pub const HEAD: &'static str =
        "workload   mode         points     met stopped  failed  seconds";
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workload, mode, points, met, stopped, failed, took } = self;
        let seconds = took.as_secs_f64();
        write!(
            f,
            "{workload:<10} {mode:<10} {points:>8} {met:>7} {stopped:>7} {failed:>7} {seconds:>8.1}"
        )
    }
}
