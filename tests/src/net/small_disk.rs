//! A small file system of its own for one directory, which can be filled up.
//!
//! It is mounted where only the processes that are started for it see it, in a mount namespace of an unprivileged user
//! namespace: no root is needed, and nothing is left behind, since it ends with the last of them. Tests reach it
//! through `/proc`.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use rustix::fs::statvfs;

/// What fills it up.
const BALLAST: &str = "ballast";
/// Written at a time.
const CHUNK_BYTES: usize = 1 << 16;
/// Mounts over `$1`, says so, and holds the namespaces until its input ends.
const HOLD: &str = r#"mount -t tmpfs -o "size=$2" tmpfs "$1" && echo mounted && exec cat"#;

/// The file system, for as long as this lives.
#[derive(Debug)]
pub struct SmallDisk {
    holder: Child,
    /// The directory as it is seen from here.
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one of so many bytes over a directory, with copies of the files that are there. `None` where the system
    /// gives no namespaces to such as us.
    pub fn mount(directory: &Path, bytes: u64) -> anyhow::Result<Option<Self>> {
        let holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", HOLD, "sh"])
            .arg(directory)
            .arg(bytes.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut holder = match holder {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.context("unshare cannot be started")?,
        };
        let mut said = String::new();
        let output = holder.stdout.take().context("its output is a pipe")?;
        BufReader::new(output).read_line(&mut said)?;
        let within = directory.strip_prefix("/").context("an absolute path")?;
        let path = Path::new("/proc").join(holder.id().to_string()).join("root").join(within);
        // From here on dropping it ends the holder.
        let disk = Self { holder, path };
        if said != "mounted\n" {
            return Ok(None);
        }
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            fs::copy(entry.path(), disk.path.join(entry.file_name()))?;
        }
        Ok(Some(disk))
    }

    /// A command that sees it.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--user", "--mount", "--preserve-credentials", "--target"]);
        command.arg(self.holder.id().to_string()).arg(program);
        command
    }

    pub fn free_bytes(&self) -> anyhow::Result<u64> {
        let found = statvfs(&self.path)?;
        Ok(found.f_bavail * found.f_frsize)
    }

    /// Fills it up, or empties it, until so much is free; what others write meanwhile comes on top.
    pub fn leave(&self, bytes: u64) -> anyhow::Result<()> {
        let path = self.path.join(BALLAST);
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        let (free, ballast) = (self.free_bytes()?, file.metadata()?.len());
        ensure!(free + ballast >= bytes, "even empty it has only {} bytes", free + ballast);
        if bytes >= free {
            return Ok(file.set_len(ballast - (bytes - free))?);
        }
        let mut more = usize::try_from(free - bytes)?;
        while more > 0 {
            let chunk = vec![0; more.min(CHUNK_BYTES)];
            file.write_all(&chunk)?;
            more -= chunk.len();
        }
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
