//! The run: loads the stores, then has them commit in turns, one at a time, and looks at each on its own in the end.
//!
//! The machine is never quite still, so a cell is played in rounds: each contender in turn, and again, every round with
//! another one first. Nobody begins before the one before is done with its work in the background, and that work counts
//! for whoever caused it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use crate::contenders::Kind;
use crate::lane::{Commits, Lane, time_to_first_read};
use crate::machine::{self, Usage};
use crate::protocol::{Limit, Ran, Reply, Request};
use crate::results::{Cell, Load, Row, Run, Skipped, Spread, Store, median, quantile};
use crate::workload::Workload;

/// Keys of a batch while loading.
const LOAD_BATCH: u64 = 50_000;
/// Batches that are acknowledged before the process is killed within the next one, and their size at most.
const KILL_AFTER: u64 = 10;
const KILL_BATCH: u64 = 1_000;

/// What is run, and for how long at most.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the stores are, each in a directory that goes when it is done.
    pub directory: PathBuf,
    pub contenders: Vec<Kind>,
    pub keys: Vec<u64>,
    pub batches: Vec<u64>,
    pub workloads: Vec<Workload>,
    pub rounds: u64,
    /// Of commits, for each cell and contender.
    pub seconds: u64,
    /// Commits for each cell and contender.
    pub commits_max: u64,
    /// Keys that are read cold, warm and with proofs.
    pub reads: u64,
    pub cache_mib: usize,
    pub seed: u64,
    /// Compare every key with a model that has made the same changes.
    pub check: bool,
}

/// Who takes the rows as they come.
pub type Sink<'a> = &'a mut dyn FnMut(Row) -> Result<()>;

impl Plan {
    /// All contenders at each number of keys.
    pub fn compare(&self, sink: Sink<'_>) -> Result<()> {
        sink(self.run_row())?;
        let contenders = self.able(sink)?;
        for keys in &self.keys {
            let scratch = self.scratch()?;
            let mut lanes = Vec::new();
            for kind in &contenders {
                lanes.push(self.lane(*kind, *keys, scratch.path())?);
            }
            self.play(&mut lanes, sink)?;
            for lane in &mut lanes {
                sink(Row::Store(self.inspect(lane)?))?;
            }
        }
        Ok(())
    }

    /// The contenders at all numbers of keys at once, and the cells alone: what a commit costs as a store grows.
    pub fn growth(&self, sink: Sink<'_>) -> Result<()> {
        sink(self.run_row())?;
        let contenders = self.able(sink)?;
        let scratch = self.scratch()?;
        let mut lanes = Vec::new();
        for keys in &self.keys {
            for kind in &contenders {
                lanes.push(self.lane(*kind, *keys, scratch.path())?);
            }
        }
        self.play(&mut lanes, sink)
    }

    fn run_row(&self) -> Row {
        Row::Run(Run {
            machine: machine::describe(&self.directory),
            seed: self.seed,
            rounds: self.rounds,
            seconds: self.seconds,
            commits_max: self.commits_max,
            cache_mib: self.cache_mib,
        })
    }

    /// The contenders that this machine can run.
    fn able(&self, sink: Sink<'_>) -> Result<Vec<Kind>> {
        let mut able = Vec::new();
        for kind in &self.contenders {
            match kind.obstacle() {
                None => able.push(*kind),
                Some(reason) => {
                    eprintln!("{} is left out: {reason}", kind.name());
                    sink(Row::Skipped(Skipped { contender: *kind, reason: reason.to_owned() }))?;
                }
            }
        }
        ensure!(!able.is_empty(), "no contender is left");
        Ok(able)
    }

    fn scratch(&self) -> Result<tempfile::TempDir> {
        std::fs::create_dir_all(&self.directory)?;
        Ok(tempfile::Builder::new().prefix("quorate-bench-").tempdir_in(&self.directory)?)
    }

    fn lane(&self, kind: Kind, keys: u64, scratch: &Path) -> Result<Lane> {
        let directory = scratch.join(format!("{}-{keys}", kind.name()));
        std::fs::create_dir(&directory)?;
        Ok(Lane::new(kind, keys, directory, self.cache_mib, self.seed))
    }

    /// Loads all lanes, plays all cells, and leaves the processes that did so running.
    fn play(&self, lanes: &mut [Lane], sink: Sink<'_>) -> Result<()> {
        for lane in lanes.iter_mut() {
            sink(Row::Load(load(lane)?))?;
        }
        for workload in &self.workloads {
            for batch in &self.batches {
                for cell in self.cell(lanes, *workload, *batch)? {
                    sink(Row::Cell(cell))?;
                }
            }
        }
        Ok(())
    }

    fn cell(&self, lanes: &mut [Lane], workload: Workload, batch: u64) -> Result<Vec<Cell>> {
        let limit = Limit {
            batches: self.commits_max.div_ceil(self.rounds),
            ms: self.seconds * 1_000 / self.rounds,
        };
        let mut rounds: Vec<Vec<Commits>> = lanes.iter().map(|_| Vec::new()).collect();
        for round in 0..self.rounds {
            let mut turns: Vec<_> = lanes.iter_mut().zip(&mut rounds).collect();
            let first = usize::try_from(round)? % turns.len().max(1);
            turns.rotate_left(first);
            for (lane, rounds) in turns {
                let cursor = lane.cursor;
                machine::warm(&lane.directory)?;
                rounds.push(lane.commits(&Request::Run { cursor, workload, batch, limit })?);
            }
        }
        let cells = lanes.iter().zip(&rounds);
        Ok(cells.map(|(lane, rounds)| cell_of(lane, workload, batch, rounds)).collect())
    }

    /// What is seen of a store by itself: what it holds, reads, proofs, and opening.
    fn inspect(&self, lane: &mut Lane) -> Result<Store> {
        let peak_memory_bytes = lane.peak_memory()?;
        let written = lane.usage()?.since(&lane.opened).written_bytes;
        lane.stop()?;
        let disk_bytes = machine::disk_bytes(&lane.directory)?;
        machine::evict(&lane.directory)?;
        let open_cold = lane.start()?;
        let written = written + lane.settled_usage()?.written_bytes;
        // Opening may have read everything.
        machine::evict(&lane.directory)?;
        let (cursor, salt, count) = (lane.cursor, 1, self.reads);
        let cold = lane.turn(&Request::Read { cursor, salt, count })?;
        let warm = lane.ask(&Request::Read { cursor, salt, count })?;
        let (Reply::Read { ns: cold_ns }, Reply::Read { ns: warm_ns }) = (cold.reply, warm) else {
            bail!("{}: it was to read", lane.name());
        };
        let mut proofs = None;
        if lane.kind.is_authenticated() {
            match lane.ask(&Request::Prove { cursor, salt, count })? {
                Reply::Proved { ns, bytes } => proofs = Some((ns, bytes)),
                other => bail!("{}: {other:?}", lane.name()),
            }
        }
        if self.check {
            let steps = lane.steps.clone();
            expect_good(lane, &Request::Check { seed: self.seed, steps })?;
        }
        lane.stop()?;
        Ok(Store {
            contender: lane.kind,
            keys: lane.keys,
            peak_memory_bytes,
            disk_bytes,
            written_bytes_per_update: written as f64 / lane.updates().max(1) as f64,
            open_cold_ms: open_cold.as_secs_f64() * 1e3,
            cold_read_disk_bytes: cold.usage.read_bytes as f64 / cold_ns.len().max(1) as f64,
            cold_read_us: Spread::us(&cold_ns),
            warm_read_us: Spread::us(&warm_ns),
            proof_us: proofs.as_ref().map(|(ns, _)| Spread::us(ns)),
            proof_bytes_p50: proofs.as_ref().map(|(_, bytes)| quantile(bytes, 50)),
            reopen_after_kill_ms: crash(lane)?,
        })
    }
}

/// Loads the keys, and has a new process open what is there: what opening writes is what loading had left to do.
fn load(lane: &mut Lane) -> Result<Load> {
    lane.start()?;
    let (cursor, keys) = (lane.cursor, lane.keys);
    let loaded = lane.commits(&Request::Load { cursor, keys, batch: LOAD_BATCH })?;
    let peak_memory_bytes = lane.peak_memory()?;
    lane.stop()?;
    let disk_bytes = machine::disk_bytes(&lane.directory)?;
    lane.start()?;
    lane.opened = lane.settled_usage()?;
    let written = loaded.usage.written_bytes + lane.opened.written_bytes;
    Ok(Load {
        contender: lane.kind,
        keys,
        keys_per_s: per_s(keys, &loaded.ran.commit_ns),
        written_bytes_per_key: written as f64 / keys as f64,
        peak_memory_bytes,
        disk_bytes,
    })
}

fn cell_of(lane: &Lane, workload: Workload, batch: u64, rounds: &[Commits]) -> Cell {
    let all = |times: fn(&Ran) -> &Vec<u64>| -> Vec<u64> {
        rounds.iter().flat_map(|round| times(&round.ran)).copied().collect()
    };
    let (commit, root) = (all(|ran| &ran.commit_ns), all(|ran| &ran.root_ns));
    let updates = commit.len() as f64 * batch as f64;
    let used = |part: fn(&Usage) -> u64| -> f64 {
        rounds.iter().map(|round| part(&round.usage)).sum::<u64>() as f64
    };
    let rate = |round: &Commits| {
        let commits = &round.ran.commit_ns;
        per_s(batch * commits.len() as u64, commits)
    };
    let rates: Vec<f64> = rounds.iter().map(rate).collect();
    Cell {
        contender: lane.kind,
        keys: lane.keys,
        workload,
        batch,
        commits: commit.len() as u64,
        updates_per_s: median(&rates),
        updates_per_s_of_rounds: rates,
        commit_us_p50: quantile(&commit, 50) / 1e3,
        commit_us_p99: quantile(&commit, 99) / 1e3,
        root_us_p50: (!root.is_empty()).then(|| quantile(&root, 50) / 1e3),
        cpu_us_per_update: used(|usage| usage.cpu_ms) * 1e3 / updates,
        written_bytes_per_update: used(|usage| usage.written_bytes) / updates,
        others: rounds.iter().map(|round| round.others).sum::<f64>() / rounds.len().max(1) as f64,
    }
}

/// Kills the process while it commits, and has another one open what is left. Returns the milliseconds until that has
/// read a key.
fn crash(lane: &mut Lane) -> Result<f64> {
    lane.start()?;
    let (workload, batch) = (Workload::Uniform, KILL_BATCH.min(lane.cursor.live() / 2));
    lane.send(&Request::RunUntilKilled { cursor: lane.cursor, workload, batch })?;
    let mut last = lane.cursor;
    for _ in 0..KILL_AFTER {
        last = lane.cursor;
        match lane.receive()? {
            Reply::Ran(ran) => lane.cursor = ran.cursor,
            other => bail!("{}: {other:?}", lane.name()),
        }
    }
    lane.kill()?;
    let took = time_to_first_read(lane)?;
    expect_good(lane, &Request::Survived { cursor: last, workload, batch })?;
    lane.stop()?;
    Ok(took.as_secs_f64() * 1e3)
}

fn expect_good(lane: &mut Lane, request: &Request) -> Result<()> {
    match lane.ask(request)? {
        Reply::Good => Ok(()),
        other => bail!("{}: {other:?}", lane.name()),
    }
}

fn per_s(count: u64, ns: &[u64]) -> f64 {
    count as f64 * 1e9 / ns.iter().sum::<u64>().max(1) as f64
}
