//! What the system says of processes, files and itself.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::fs::{Advice, fadvise};

/// Milliseconds of the ticks in which `/proc` counts processor time.
const TICK_MS: u64 = 10;
/// How long a process is watched, and what it may compute meanwhile to count as idle.
const WATCH: Duration = Duration::from_millis(300);
const IDLE_MS_MAX: u64 = 10;

/// What a process has used since its start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Sent to the disk, as the kernel accounts it to the process: not the file system's own journal.
    pub(crate) written_bytes: u64,
    /// Fetched from the disk.
    pub(crate) read_bytes: u64,
    pub(crate) cpu_ms: u64,
}

impl Usage {
    pub(crate) fn of(process: u32) -> Result<Self> {
        let io = fs::read_to_string(format!("/proc/{process}/io"))?;
        let field = |name: &str| {
            let value = io.lines().find_map(|line| line.strip_prefix(name));
            value.and_then(|value| value.trim().parse().ok()).context("a field of /proc/*/io")
        };
        Ok(Self {
            written_bytes: field("write_bytes:")?,
            read_bytes: field("read_bytes:")?,
            cpu_ms: cpu_ms(process)?,
        })
    }

    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            written_bytes: self.written_bytes.saturating_sub(before.written_bytes),
            read_bytes: self.read_bytes.saturating_sub(before.read_bytes),
            cpu_ms: self.cpu_ms.saturating_sub(before.cpu_ms),
        }
    }
}

fn cpu_ms(process: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The command, in brackets, may hold blanks. After it, user and system time are the 12th and 13th.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(ticks * TICK_MS)
}

/// The most memory that a process has held, in bytes.
pub(crate) fn peak_memory(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.context("VmHWM in /proc/*/status")? * 1024)
}

/// Processor time of all cores since the machine started: what was used, and what there was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Processors {
    busy_ms: u64,
    all_ms: u64,
}

impl Processors {
    pub(crate) fn now() -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        let line = stat.lines().next().unwrap_or_default();
        // User, nice, system, idle, waiting for the disk, interrupts hard and soft, stolen by the host; what comes
        // after is counted among the first two.
        let fields = line.split_whitespace().skip(1).take(8).filter_map(|field| field.parse().ok());
        let fields: Vec<u64> = fields.collect();
        let all: u64 = fields.iter().sum();
        let idle: u64 = fields.iter().skip(3).take(2).sum();
        Ok(Self { busy_ms: (all - idle) * TICK_MS, all_ms: all * TICK_MS })
    }

    /// The share of the cores that others than a process used, which itself used so much meanwhile.
    pub(crate) fn others_since(&self, before: &Self, used_ms: u64) -> f64 {
        let busy = self.busy_ms.saturating_sub(before.busy_ms).saturating_sub(used_ms);
        busy as f64 / self.all_ms.saturating_sub(before.all_ms).max(1) as f64
    }
}

/// Waits until a process has done what it does in the background, but not for longer than `patience`.
pub(crate) fn settle(process: u32, patience: Duration) -> Result<()> {
    let began = Instant::now();
    let mut before = cpu_ms(process)?;
    while began.elapsed() < patience {
        thread::sleep(WATCH);
        let now = cpu_ms(process)?;
        if now.saturating_sub(before) <= IDLE_MS_MAX {
            break;
        }
        before = now;
    }
    Ok(())
}

/// What the files below a directory take of the disk.
pub(crate) fn disk_bytes(directory: &Path) -> Result<u64> {
    let mut bytes = 0;
    visit(directory, &mut |path| {
        // What is removed meanwhile takes nothing.
        bytes += fs::metadata(path).map_or(0, |metadata| metadata.blocks() * 512);
        Ok(())
    })?;
    Ok(bytes)
}

/// Has the system forget what it holds in memory of the files below a directory.
pub(crate) fn evict(directory: &Path) -> Result<()> {
    visit(directory, &mut |path| {
        let Ok(file) = File::open(path) else { return Ok(()) };
        // What is not on the disk yet stays.
        file.sync_all()?;
        Ok(fadvise(&file, 0, None, Advice::DontNeed)?)
    })
}

/// Has the system hold the files below a directory in memory, as far as there is room.
pub(crate) fn warm(directory: &Path) -> Result<()> {
    visit(directory, &mut |path| {
        let Ok(mut file) = File::open(path) else { return Ok(()) };
        io::copy(&mut file, &mut io::sink())?;
        Ok(())
    })
}

fn visit(directory: &Path, visitor: &mut dyn FnMut(&Path) -> Result<()>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            visit(&path, visitor)?;
        } else {
            visitor(&path)?;
        }
    }
    Ok(())
}

/// Processor, cores, and the file system that a directory is on.
pub(crate) fn describe(directory: &Path) -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.unwrap_or("unknown").trim_start_matches([' ', '\t', ':']);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let place = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let file_system = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            Some((fields.next()?, fields.next()?))
        })
        .filter(|(mount, _)| place.starts_with(mount))
        .max_by_key(|(mount, _)| mount.len())
        .map_or("unknown", |(_, file_system)| file_system);
    let allocator = if cfg!(feature = "jemalloc") { "jemalloc" } else { "the system's allocator" };
    format!("{cores} cores of {model}, {file_system}, {allocator}")
}
