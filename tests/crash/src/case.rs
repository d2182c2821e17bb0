//! One crash: a process that ends at a point, and what is found after it.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result};

use crate::disk::{self, Disk, Order, Report};
use crate::mode::{Ends, Mode};
use crate::workload::{Progress, Workload};

/// The number of the signal that cannot be caught.
const SIGKILL: i32 = 9;
/// The exit code of a process that says why it stops.
const STOPPED: i32 = 1;
/// A process that recovers does its work within so many operations; one of them is where the next crash is.
const RECOVERY_POINTS: u64 = 200;

/// Everything that cases share.
#[derive(Debug)]
pub struct Bench {
    pub disk: Disk,
    /// The program whose `run` and `check` are the processes.
    pub program: PathBuf,
    /// Below it the stores are made.
    pub directory: PathBuf,
}

#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub workload: &'static dyn Workload,
    pub mode: &'static Mode,
    /// 0: undisturbed.
    pub point: u64,
    pub seed: u64,
}

/// How a case went.
#[derive(Debug)]
pub struct Outcome {
    /// Of the process that was to meet its point.
    pub report: Report,
    pub progress: Progress,
    /// Whether the process stopped by itself, with the reason.
    pub has_stopped: bool,
    pub failure: Option<String>,
}

/// A process that has ended.
#[derive(Debug)]
struct Ended {
    status: ExitStatus,
    report: Report,
    progress: Progress,
    /// What it said on standard error.
    said: String,
}

impl Bench {
    /// Plays a case in a directory of this name.
    pub fn play(&self, case: &Case, name: &str) -> Result<Outcome> {
        let home = self.directory.join(name);
        fs::create_dir(&home).with_context(|| format!("making {}", home.display()))?;
        let outcome = self.play_in(case, &home, || Ok(()))?;
        fs::remove_dir_all(&home).with_context(|| format!("removing {}", home.display()))?;
        Ok(outcome)
    }

    /// The same where the files stay: in a directory of this name as the crash left them, beside it as the look at
    /// them did.
    pub fn play_and_keep(&self, case: &Case, name: &str) -> Result<Outcome> {
        let crashed = self.directory.join(name);
        let home = self.directory.join(format!("{name}-checked"));
        fs::create_dir(&home).with_context(|| format!("making {}", home.display()))?;
        self.play_in(case, &home, || copy(&home, &crashed))
    }

    /// `before_check` is called when the store is as the crash left it.
    fn play_in(
        &self,
        case: &Case,
        home: &Path,
        before_check: impl FnOnce() -> std::io::Result<()>,
    ) -> Result<Outcome> {
        let Case { mode, point, seed, .. } = *case;
        let memory = home.with_extension("memory");
        if memory.exists() {
            fs::remove_file(&memory)?;
        }
        let order = Order { blow: mode.blow, point, memory: &memory, seed: seed ^ point };
        let first = self.run(case, home, order)?;
        let mut progress = first.progress;
        let mut failure = first.wrong_end(mode.ends).map(|why| first.tell(why));
        if let (Some(blow), None, Some(_)) = (mode.next, &failure, &first.report.struck) {
            let point = 1 + point.wrapping_mul(0x9e37_79b9) % RECOVERY_POINTS;
            let second = self.run(case, home, Order { blow, point, ..order })?;
            failure = second.wrong_end(mode.ends).map(|why| second.tell(why));
            progress = progress.followed_by(second.progress);
        }
        before_check()?;
        if failure.is_none() {
            failure = self.check(case, home, progress)?;
        }
        let has_stopped = first.status.code() == Some(STOPPED);
        Ok(Outcome { report: first.report, progress: first.progress, has_stopped, failure })
    }

    fn run(&self, case: &Case, home: &Path, order: Order<'_>) -> Result<Ended> {
        let mut command = Command::new(&self.program);
        command.args(["run", case.workload.name()]).arg(store(home));
        self.disk.stand_before(&mut command, home, order);
        let output = command.stdin(Stdio::null()).output().context("starting a process")?;
        let (report, said) = disk::report(&String::from_utf8_lossy(&output.stderr));
        let progress = Progress::read(&String::from_utf8_lossy(&output.stdout));
        Ok(Ended { status: output.status, report, progress, said })
    }

    /// What is wrong with what a crash left.
    fn check(&self, case: &Case, home: &Path, progress: Progress) -> Result<Option<String>> {
        let mut command = Command::new(&self.program);
        command.args(["check", case.workload.name()]).arg(store(home));
        command.args(["--begun", &progress.begun.to_string()]);
        if let Some(done) = progress.done {
            command.args(["--done", &done.to_string()]);
        }
        self.disk.stand_aside(&mut command);
        let output = command.stdin(Stdio::null()).output().context("starting a process")?;
        let said = String::from_utf8_lossy(&output.stderr);
        Ok((!output.status.success()).then(|| format!("{}: {}", output.status, said.trim())))
    }
}

/// The store's directory. The disk watches the one around it, since a new store is made beside its place.
fn store(home: &Path) -> PathBuf {
    home.join("db")
}

/// Copies a directory with all that is in it.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(from, to)?;
        }
    }
    Ok(())
}

impl Ended {
    /// Why the process should not have ended as it did.
    fn wrong_end(&self, ends: Ends) -> Option<&'static str> {
        let is_killed = self.status.signal() == Some(SIGKILL);
        match (self.status.code(), ends) {
            _ if self.report.struck.is_none() => {
                (!self.status.success()).then_some("did not meet its point, and failed")
            }
            (_, Ends::Killed) => (!is_killed).then_some("met its point and ended otherwise"),
            (Some(0), _) => None,
            (Some(STOPPED), Ends::ByItself { .. }) if self.said.contains("is damaged") => {
                Some("blames the data for what the disk did")
            }
            (Some(STOPPED), Ends::ByItself { says }) => {
                (!self.said.contains(says)).then_some("stopped and did not say why")
            }
            _ => Some("ended as it should not"),
        }
    }

    fn tell(&self, why: &str) -> String {
        format!("the process {why} ({}): {}", self.status, self.said.trim())
    }
}
