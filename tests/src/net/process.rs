//! One validator as a process of its own.

use std::fs::OpenOptions;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram as StdUnixDatagram};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixDatagram;
use tokio::process::Child;
use tokio::time::timeout;

use super::DEADLINE;

/// A running validator, or the remains of one. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: u32,
    /// Where it says that it serves.
    socket: UnixDatagram,
}

impl Process {
    /// Starts the node of a home; `program` is its binary, or what starts that in its place. It writes to the end of
    /// `log`. Wait for [`Self::ready`].
    pub fn spawn(mut program: Command, home: &Path, log: &Path) -> anyhow::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        // In the abstract namespace: nothing to clean up, and no other test has the name.
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("quorate-tests-{}-{number}", std::process::id());
        let socket = StdUnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        socket.set_nonblocking(true)?;
        let output = OpenOptions::new().create(true).append(true).open(log);
        let output = output.with_context(|| log.display().to_string())?;
        program
            .args(["run", "--home"])
            .arg(home)
            .env("NOTIFY_SOCKET", format!("@{name}"))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = tokio::process::Command::from(program)
            .kill_on_drop(true)
            .spawn()
            .context("the validator cannot be started")?;
        let pid = child.id().context("the validator ended at once")?;
        Ok(Self { child, pid, socket: UnixDatagram::from_std(socket)? })
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until it serves, and answers with the moment.
    pub async fn ready(&mut self) -> anyhow::Result<Instant> {
        let (pid, socket) = (self.pid, &self.socket);
        let told = async {
            let mut buffer = [0; 512];
            loop {
                let length = socket.recv(&mut buffer).await?;
                let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
                let is_own = text.lines().any(|line| line == format!("MAINPID={pid}"));
                if is_own && text.lines().any(|line| line == "READY=1") {
                    return anyhow::Ok(Instant::now());
                }
            }
        };
        tokio::select! {
            ready = told => ready,
            status = self.child.wait() => bail!("it ended while starting: {}", status?),
            () = tokio::time::sleep(DEADLINE) => bail!("it does not serve after {DEADLINE:?}"),
        }
    }

    /// SIGKILL, without waiting for the end.
    pub fn strike(&mut self) -> anyhow::Result<()> {
        Ok(self.child.start_kill()?)
    }

    /// SIGTERM, and the end that it makes.
    pub async fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        if self.child.try_wait()?.is_none() {
            let pid = Pid::from_raw(i32::try_from(self.pid)?).context("no process has pid 0")?;
            // It is not reaped, so the pid is still its own.
            kill_process(pid, Signal::TERM)?;
        }
        self.ended().await
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        let ended = timeout(DEADLINE, self.child.wait()).await;
        Ok(ended.with_context(|| format!("it has not ended after {DEADLINE:?}"))??)
    }
}

impl Drop for Process {
    /// Its directory is about to be removed, so it must be gone, not only struck.
    fn drop(&mut self) {
        const PATIENCE: Duration = Duration::from_secs(5);
        let deadline = Instant::now() + PATIENCE;
        if self.child.start_kill().is_ok() {
            while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
                std::thread::yield_now();
            }
        }
    }
}

/// A program of this name: for the node, the one that `QUORATE_BIN` names; otherwise the one that
/// cargo built beside this program, built now if it is missing.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    if name == "quorate"
        && let Some(named) = std::env::var_os("QUORATE_BIN")
    {
        return Ok(named.into());
    }
    let own = std::env::current_exe()?;
    let mut directory = own.parent().context("a program lies in a directory")?;
    if directory.ends_with("deps") {
        directory = directory.parent().context("cargo builds into a directory")?;
    }
    let binary = directory.join(name);
    if !binary.exists() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = std::process::Command::new(cargo);
        let status = build.args(["build", "--release", "--workspace", "--bins"]).status()?;
        if !status.success() || !binary.exists() {
            bail!("{} is missing and was not built: name it in QUORATE_BIN", binary.display());
        }
    }
    Ok(binary)
}
