//! A process that holds one contender's store and does what its parent says.

use std::io::{self, BufRead as _, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use crate::contenders::{Applied, Contender, Kind, Settings};
use crate::model::Model;
use crate::protocol::{Limit, Ran, Reply, Request, Role, Step};
use crate::workload::{Cursor, Workload, key, written_by};

/// Of the keys that a check compares, one in so many has its proof verified as well.
const PROVED: usize = 10;

struct Child {
    kind: Kind,
    store: Box<dyn Contender>,
}

/// Serves the parent until it closes the pipe. What fails is said to the parent first.
pub fn serve() -> Result<()> {
    let result = converse();
    if let Err(error) = &result {
        say(&Reply::Failed { reason: format!("{error:#}") })?;
    }
    result
}

fn converse() -> Result<()> {
    let mut lines = io::stdin().lock().lines();
    let role = lines.next().context("no line says what this process is")??;
    let role: Role = serde_json::from_str(&role)?;
    let settings = Settings { keys_max: role.keys_max, cache_mib: role.cache_mib };
    let began = Instant::now();
    let store = role.kind.open(&role.directory, &settings)?;
    say(&Reply::Opened { ns: ns(began.elapsed()) })?;
    let mut child = Child { kind: role.kind, store };
    for line in lines {
        say(&child.answer(serde_json::from_str(&line?)?)?)?;
    }
    Ok(())
}

fn say(reply: &impl Serialize) -> Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, reply)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

impl Child {
    fn answer(&mut self, request: Request) -> Result<Reply> {
        Ok(match request {
            Request::Load { cursor, keys, batch } => Reply::Ran(self.load(cursor, keys, batch)?),
            Request::Run { cursor, workload, batch, limit } => {
                Reply::Ran(self.run(cursor, workload, batch, limit)?)
            }
            Request::RunUntilKilled { mut cursor, workload, batch } => loop {
                let ran = self.run(cursor, workload, batch, Limit { batches: 1, ms: 0 })?;
                cursor = ran.cursor;
                say(&Reply::Ran(ran))?;
            },
            Request::Read { cursor, salt, count } => {
                let (ns, _) = self.read(&cursor.sample(salt, count))?;
                Reply::Read { ns }
            }
            Request::Prove { cursor, salt, count } => self.prove(&cursor.sample(salt, count))?,
            Request::Check { seed, steps } => {
                Model::after(seed, &steps)?.check(self.kind, self.store.as_mut(), PROVED)?;
                Reply::Good
            }
            Request::Survived { cursor, workload, batch } => {
                self.look_for(cursor, workload, batch)?;
                Reply::Good
            }
        })
    }

    fn load(&mut self, mut cursor: Cursor, keys: u64, batch: u64) -> Result<Ran> {
        let mut ran = Ran::new(cursor);
        while cursor.live() < keys {
            let size = batch.min(keys - cursor.live());
            let applied = self.store.apply(cursor.load(size))?;
            ran.add(cursor, Step { workload: None, size, batches: 1 }, applied);
        }
        Ok(ran)
    }

    fn run(
        &mut self,
        mut cursor: Cursor,
        workload: Workload,
        size: u64,
        limit: Limit,
    ) -> Result<Ran> {
        let mut ran = Ran::new(cursor);
        let mut took = Duration::ZERO;
        for batch in 0..limit.batches {
            if batch >= 2 && took >= Duration::from_millis(limit.ms) {
                break;
            }
            let changes = cursor.batch(workload, size)?;
            let applied = self.store.apply(changes)?;
            took += applied.commit;
            ran.add(cursor, Step { workload: Some(workload), size, batches: 1 }, applied);
        }
        Ok(ran)
    }

    /// What each read took, and which batch wrote what was read.
    fn read(&mut self, numbers: &[u64]) -> Result<(Vec<u64>, Vec<u64>)> {
        let (mut times, mut writers) = (Vec::new(), Vec::new());
        for number in numbers {
            let key = key(*number);
            let began = Instant::now();
            let value = self.store.get(&key)?;
            times.push(ns(began.elapsed()));
            let value = value.with_context(|| format!("key {number} has no value"))?;
            let writer = written_by(*number, &value);
            writers.push(writer.with_context(|| format!("key {number} has another's value"))?);
        }
        Ok((times, writers))
    }

    fn prove(&mut self, numbers: &[u64]) -> Result<Reply> {
        let (mut times, mut sizes) = (Vec::new(), Vec::new());
        for number in numbers {
            let key = key(*number);
            let began = Instant::now();
            let proof = self.store.prove(&key)?;
            times.push(ns(began.elapsed()));
            let proof = proof.context("a store without a tree proves nothing")?;
            sizes.push(proof.encoded.len() as u64);
            ensure!(proof.value.is_some(), "key {number} has no value");
            self.store.verify(&key, &proof)?;
        }
        Ok(Reply::Proved { ns: times, bytes: sizes })
    }

    fn look_for(&mut self, mut cursor: Cursor, workload: Workload, size: u64) -> Result<()> {
        for (key, value) in cursor.batch(workload, size)? {
            let Some(value) = value else { continue };
            let found = self.store.get(&key)?.context("a key of an acknowledged batch is gone")?;
            let is_newer = written_batch(&found) > written_batch(&value);
            ensure!(found == value || is_newer, "an acknowledged batch is not there");
        }
        Ok(())
    }
}

impl Ran {
    fn new(cursor: Cursor) -> Self {
        Self { cursor, steps: Vec::new(), commit_ns: Vec::new(), root_ns: Vec::new() }
    }

    fn add(&mut self, cursor: Cursor, step: Step, applied: Applied) {
        self.cursor = cursor;
        self.commit_ns.push(ns(applied.commit));
        self.root_ns.extend(applied.root.map(ns));
        match self.steps.last_mut() {
            Some(last) if last.workload == step.workload && last.size == step.size => {
                last.batches += step.batches;
            }
            _ => self.steps.push(step),
        }
    }
}

/// The batch that wrote a value, whosever it is.
fn written_batch(value: &[u8]) -> Option<u64> {
    let number = u64::from_le_bytes(*value.first_chunk()?);
    written_by(number, value)
}

fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
