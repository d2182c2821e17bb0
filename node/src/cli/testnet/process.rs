//! Processes that `up` started. A pid alone may be another process by now; a pid with its starting
//! time is not, and a pidfd holds on to it while it is signalled.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::config::Home;

/// How long a validator may take to end by itself before it is killed.
const PATIENCE: Duration = Duration::from_secs(15);

/// A process that was started here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub pid: u32,
    /// Clock ticks from the machine's start to the process's.
    started: u64,
}

/// How a process came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    ByItself,
    Killed,
    Before,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByItself => "stopped",
            Self::Killed => "did not stop in time and was killed",
            Self::Before => "had ended before",
        })
    }
}

/// Starts a validator in its own process group, so that a Ctrl-C here does not reach it. Its output
/// goes to a file; it tells `notify_socket` when it serves.
pub fn spawn(home: &Home, log: &Path, notify_socket: &str) -> anyhow::Result<(Child, Process)> {
    let output = OpenOptions::new().create(true).append(true).open(log);
    let output = output.with_context(|| log.display().to_string())?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["run", "--home"])
        .arg(home.root())
        .env("NOTIFY_SOCKET", notify_socket)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0);
    let child = command.spawn().context("the validator cannot be started")?;
    // The child is not reaped yet, so its pid is its own.
    let pid = child.id();
    let started = started(pid).context("the validator ended at once")?;
    Ok((child, Process { pid, started }))
}

impl Process {
    pub fn is_alive(self) -> bool {
        started(self.pid) == Some(self.started)
    }

    /// A handle, if the process is alive.
    fn open(self) -> Option<OwnedFd> {
        let pid = Pid::from_raw(i32::try_from(self.pid).ok()?)?;
        let handle = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        // Only now: the handle cannot change its process any more, so what is alive is what it
        // holds.
        self.is_alive().then_some(handle)
    }
}

/// Asks all to stop, waits for all, kills those that do not.
pub fn stop(processes: BTreeMap<String, Process>) -> anyhow::Result<Vec<(String, Stopped)>> {
    let opened: Vec<_> =
        processes.into_iter().map(|(name, process)| (name, process.open())).collect();
    for handle in opened.iter().filter_map(|(_, handle)| handle.as_ref()) {
        // One that has ended in the meantime need not be asked.
        let _ = pidfd_send_signal(handle, Signal::TERM);
    }
    let deadline = Instant::now() + PATIENCE;
    let mut stopped = Vec::new();
    for (name, handle) in opened {
        let how = match handle {
            None => Stopped::Before,
            Some(handle) if ends(&handle, deadline)? => Stopped::ByItself,
            Some(handle) => {
                let _ = pidfd_send_signal(&handle, Signal::KILL);
                ends(&handle, Instant::now() + PATIENCE)?;
                Stopped::Killed
            }
        };
        stopped.push((name, how));
    }
    Ok(stopped)
}

/// Waits for the end of a process; false when the deadline comes first.
fn ends(handle: &OwnedFd, deadline: Instant) -> anyhow::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left)?;
        let mut watched = [PollFd::new(handle, PollFlags::IN)];
        match poll(&mut watched, Some(&timeout)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// When a process started; `None` when there is none, or only its remains wait to be collected.
fn started(pid: u32) -> Option<u64> {
    /// Positions in /proc/PID/stat after the name, which is in brackets and may hold anything:
    /// proc(5).
    const STATE: usize = 0;
    const START: usize = 19;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let fields: Vec<_> = after_name.split_whitespace().collect();
    let is_ended = matches!(*fields.get(STATE)?, "Z" | "X");
    fields.get(START)?.parse().ok().filter(|_| !is_ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> (Child, Process) {
        let child = Command::new("sleep").arg("600").spawn().unwrap();
        let pid = child.id();
        (child, Process { pid, started: started(pid).unwrap() })
    }

    #[test]
    fn only_the_process_that_was_started_is_stopped() {
        let (mut child, process) = sleeper();
        let other = Process { started: process.started + 1, ..process };
        assert!(process.is_alive() && !other.is_alive());
        let how = stop([("other".to_owned(), other)].into()).unwrap();
        assert_eq!(how, [("other".to_owned(), Stopped::Before)]);
        assert!(process.is_alive(), "a process of the same pid was hit");
        let how = stop([("own".to_owned(), process)].into()).unwrap();
        assert_eq!(how, [("own".to_owned(), Stopped::ByItself)]);
        assert!(!process.is_alive());
        child.wait().unwrap();
    }
}
