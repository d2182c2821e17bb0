//! One compiling process, seen from the node: it is started, fed, listened to, and ended in any case.
//!
//! One thread does it all, without others to help: on a machine that is short of them a new thread would be one more
//! thing that can fail.

use std::ffi::OsStr;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use vm::engine::COMPILER_THREADS_MAX;

use super::Bounds;

/// Bytes of an artifact; the largest of the corpus has 5 million.
const ARTIFACT_BYTES_MAX: usize = 64 << 20;
/// Bytes of what a process says of its failure.
const REASON_BYTES_MAX: usize = 4 << 10;
/// Characters of it that are told.
const REASON_CHARACTERS_MAX: usize = 300;

/// Why a process gave no artifact.
#[derive(Debug)]
pub enum Failure {
    /// It could not be started, or not be heard.
    Machine(io::Error),
    /// It used up its time.
    Time(String),
    /// It ended otherwise, with words for it.
    End(String),
}

/// Lets a process of `program` compile a module.
pub fn compile(program: &Path, bounds: &Bounds, wasm: &[u8]) -> Result<Vec<u8>, Failure> {
    let deadline = Instant::now() + bounds.wall;
    let child = command(program, bounds).spawn().map_err(Failure::Machine)?;
    let mut running = Running(child);
    let said = converse(&mut running.0, wasm, deadline).map_err(Failure::Machine)?;
    let status = running.end().map_err(Failure::Machine)?;
    let Some(said) = said else {
        let what = format!("it has not ended after {} ms", bounds.wall.as_millis());
        return Err(Failure::Time(what));
    };
    if status.signal() == Some(Signal::XCPU.as_raw()) {
        return Err(Failure::Time(format!("it used up {} s of CPU time", bounds.cpu_seconds)));
    }
    if said.artifact.is_full() {
        return Err(Failure::End(format!("its artifact is over {ARTIFACT_BYTES_MAX} bytes")));
    }
    if !status.success() {
        return Err(Failure::End(said.failure(status)));
    }
    Ok(said.artifact.bytes)
}

/// Nothing of the node goes with it: no descriptor, since all are closed on the way, and no variable of its
/// environment, in which a secret may stand, but for where its libraries are.
fn command(program: &Path, bounds: &Bounds) -> Command {
    let mut command = Command::new(program);
    command
        .arg0("quorate")
        .arg("compile-module")
        .arg(format!("--memory-mib={}", bounds.memory_mib))
        .arg(format!("--cpu-seconds={}", bounds.cpu_seconds))
        .env_clear()
        // A pool of threads of wasmer's that is not set up with the compiler.
        .env("RAYON_NUM_THREADS", COMPILER_THREADS_MAX.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // So that a Ctrl-C at the node's terminal reaches the node alone.
        .process_group(0);
    for name in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
        command.envs(std::env::var_os(OsStr::new(name)).map(|value| (name, value)));
    }
    command
}

/// A started process. However its use ends, it does not stay.
struct Running(Child);

impl Running {
    /// Ends it. One that has closed its outputs has ended by itself before, and its status says how: the kernel sets
    /// that first.
    fn end(&mut self) -> io::Result<ExitStatus> {
        self.0.kill()?;
        self.0.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has been waited for already, or the machine is what failed, and this is all that can be done.
        let _ = self.end();
    }
}

/// What a process wrote until it closed its outputs, or had written too much.
struct Said {
    artifact: Collected,
    reason: Collected,
}

impl Said {
    /// How it ended, and its own words for it, of which nothing can break a line of the log.
    fn failure(&self, status: ExitStatus) -> String {
        let text = String::from_utf8_lossy(&self.reason.bytes);
        let words: Vec<_> = text.split(|c: char| c.is_control() || c.is_whitespace()).collect();
        let words: String = words.join(" ").trim().chars().take(REASON_CHARACTERS_MAX).collect();
        if words.is_empty() { status.to_string() } else { format!("{status}: {words}") }
    }
}

/// Bytes of an output, up to a bound.
struct Collected {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Collected {
    fn new(bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), bytes_max }
    }

    fn is_full(&self) -> bool {
        self.bytes.len() > self.bytes_max
    }

    /// Takes what is there; false when the pipe has ended or gave too much.
    fn take(&mut self, pipe: &mut impl Read) -> io::Result<bool> {
        let room = (self.bytes_max + 1).saturating_sub(self.bytes.len());
        let before = self.bytes.len();
        match pipe.take(room as u64).read_to_end(&mut self.bytes) {
            Ok(_) => Ok(false),
            // All that is there now has been taken.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                Ok(self.bytes.len() < before + room)
            }
            Err(error) => Err(error),
        }
    }
}

/// Feeds a process and collects its outputs until both have ended; `None` when the deadline came first.
fn converse(child: &mut Child, wasm: &[u8], deadline: Instant) -> io::Result<Option<Said>> {
    let mut input = child.stdin.take();
    let (mut output, mut errors) = (child.stdout.take(), child.stderr.take());
    unblock(&input)?;
    unblock(&output)?;
    unblock(&errors)?;
    let mut left = wasm;
    let mut said = Said {
        artifact: Collected::new(ARTIFACT_BYTES_MAX),
        reason: Collected::new(REASON_BYTES_MAX),
    };
    while output.is_some() || errors.is_some() {
        let mut watched = Vec::with_capacity(3);
        watched.extend(input.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::OUT)));
        watched.extend(output.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        watched.extend(errors.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        let patience = deadline.saturating_duration_since(Instant::now());
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        match poll(&mut watched, Some(&patience)) {
            Ok(0) => return Ok(None),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        // Those that are not ready say so themselves.
        if input.as_mut().is_some_and(|pipe| !feed(pipe, &mut left)) {
            input = None;
        }
        if let Some(pipe) = &mut output
            && !said.artifact.take(pipe)?
        {
            output = None;
        }
        if let Some(pipe) = &mut errors
            && !said.reason.take(pipe)?
        {
            errors = None;
        }
    }
    Ok(Some(said))
}

/// Writes what finds room; false when there is no more to write, or nobody who reads. Why nobody does is told by the
/// process's end.
fn feed(pipe: &mut ChildStdin, left: &mut &[u8]) -> bool {
    match pipe.write(left) {
        Ok(written) => {
            *left = left.get(written..).unwrap_or_default();
            !left.is_empty()
        }
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}

fn unblock(pipe: &Option<impl AsFd>) -> io::Result<()> {
    match pipe {
        Some(pipe) => Ok(rustix::io::ioctl_fionbio(pipe, true)?),
        None => Ok(()),
    }
}
