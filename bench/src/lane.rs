//! One contender in the race: its store, how far it has come, and the process that holds it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::contenders::Kind;
use crate::machine::{self, Processors, Usage};
use crate::protocol::{Ran, Reply, Request, Role, Step};
use crate::workload::Cursor;

/// How long a process may go on in the background before its turn is over.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Lane {
    pub(crate) kind: Kind,
    pub(crate) keys: u64,
    pub(crate) directory: PathBuf,
    pub(crate) cache_mib: usize,
    pub(crate) cursor: Cursor,
    /// All that was committed.
    pub(crate) steps: Vec<Step>,
    /// What the process that plays the cells had used before the first of them.
    pub(crate) opened: Usage,
    process: Option<Process>,
}

/// A child; killed when it is dropped.
struct Process {
    child: Child,
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
}

/// A turn: what the child says of it, and what it used until its background work was done, too.
pub(crate) struct Turn {
    pub(crate) reply: Reply,
    pub(crate) usage: Usage,
    /// The share of the machine's cores that others used meanwhile.
    pub(crate) others: f64,
}

/// A turn that commits.
pub(crate) struct Commits {
    pub(crate) ran: Ran,
    pub(crate) usage: Usage,
    pub(crate) others: f64,
}

impl Lane {
    pub(crate) fn new(
        kind: Kind,
        keys: u64,
        directory: PathBuf,
        cache_mib: usize,
        seed: u64,
    ) -> Self {
        Self {
            kind,
            keys,
            directory,
            cache_mib,
            cursor: Cursor::new(seed),
            steps: Vec::new(),
            opened: Usage::default(),
            process: None,
        }
    }

    pub(crate) fn name(&self) -> String {
        format!("{} with {} keys", self.kind.name(), self.keys)
    }

    /// Starts a process that opens the store, and says how long that took it.
    pub(crate) fn start(&mut self) -> Result<Duration> {
        let mut process = Process::spawn().context("the child could not be started")?;
        process.send(&Role {
            kind: self.kind,
            directory: self.directory.clone(),
            keys_max: self.keys,
            cache_mib: self.cache_mib,
        })?;
        let opened = process.receive().with_context(|| self.name())?;
        self.process = Some(process);
        let Reply::Opened { ns } = opened else { bail!("{}: {opened:?}", self.name()) };
        Ok(Duration::from_nanos(ns))
    }

    /// Closes the store in good order, and waits for its process to end.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        drop(process.requests.take());
        let status = process.child.wait()?;
        if !status.success() {
            bail!("{}: its process ended with {status}", self.name());
        }
        Ok(())
    }

    /// Kills the process, as the kernel or a power switch would.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let mut process = self.process.take().context("no process is running")?;
        process.child.kill()?;
        process.child.wait()?;
        Ok(())
    }

    pub(crate) fn send(&mut self, request: &Request) -> Result<()> {
        self.process()?.send(request)
    }

    pub(crate) fn receive(&mut self) -> Result<Reply> {
        let name = self.name();
        self.process()?.receive().context(name)
    }

    pub(crate) fn ask(&mut self, request: &Request) -> Result<Reply> {
        self.send(request)?;
        self.receive()
    }

    /// Asks, and waits until the child is idle again.
    pub(crate) fn turn(&mut self, request: &Request) -> Result<Turn> {
        let (before, machine_before) = (self.usage()?, Processors::now()?);
        let reply = self.ask(request)?;
        let usage = self.settled_usage()?.since(&before);
        let others = Processors::now()?.others_since(&machine_before, usage.cpu_ms);
        Ok(Turn { reply, usage, others })
    }

    pub(crate) fn commits(&mut self, request: &Request) -> Result<Commits> {
        let Turn { reply, usage, others } = self.turn(request)?;
        let Reply::Ran(ran) = reply else { bail!("{}: {reply:?}", self.name()) };
        self.cursor = ran.cursor;
        self.steps.extend(&ran.steps);
        Ok(Commits { ran, usage, others })
    }

    /// Changes that were committed, those of loading left out.
    pub(crate) fn updates(&self) -> u64 {
        let steps = self.steps.iter().filter(|step| step.workload.is_some());
        steps.map(|step| step.size * step.batches).sum()
    }

    /// What the process has used since it started.
    pub(crate) fn usage(&mut self) -> Result<Usage> {
        Usage::of(self.process()?.child.id())
    }

    /// The same, when it is idle.
    pub(crate) fn settled_usage(&mut self) -> Result<Usage> {
        machine::settle(self.process()?.child.id(), PATIENCE)?;
        self.usage()
    }

    pub(crate) fn peak_memory(&mut self) -> Result<u64> {
        machine::peak_memory(self.process()?.child.id())
    }

    fn process(&mut self) -> Result<&mut Process> {
        self.process.as_mut().context("no process is running")
    }
}

impl Process {
    fn spawn() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("child").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let requests = child.stdin.take();
        let replies = BufReader::new(child.stdout.take().context("its output is not piped")?);
        Ok(Self { child, requests, replies })
    }

    fn send(&mut self, line: &impl serde::Serialize) -> Result<()> {
        let requests = self.requests.as_mut().context("its input is closed")?;
        serde_json::to_writer(&mut *requests, line)?;
        Ok(requests.write_all(b"\n")?)
    }

    fn receive(&mut self) -> Result<Reply> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.replies.read_line(&mut line)? == 0 {
                bail!("its process ended without an answer");
            }
            // Libraries print, too.
            if line.starts_with(['{', '"']) {
                break;
            }
            eprint!("{line}");
        }
        match serde_json::from_str(&line)? {
            Reply::Failed { reason } => bail!("{reason}"),
            reply => Ok(reply),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After an orderly end there is nothing left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long it takes from starting a process until it has read one key.
pub(crate) fn time_to_first_read(lane: &mut Lane) -> Result<Duration> {
    let began = Instant::now();
    lane.start()?;
    let cursor = lane.cursor;
    match lane.ask(&Request::Read { cursor, salt: 0, count: 1 })? {
        Reply::Read { .. } => Ok(began.elapsed()),
        other => bail!("{}: {other:?}", lane.name()),
    }
}
