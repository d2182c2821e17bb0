//! What the system says of itself and of this thread.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};

/// Milliseconds of the ticks in which `/proc` counts processor time.
const TICK_MS: u64 = 10;

/// What something took.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub time: Duration,
    /// The processor's time of this thread alone.
    pub cpu: Duration,
}

/// Runs and measures.
pub fn measure<T>(run: impl FnOnce() -> T) -> (T, Taken) {
    let (began, before) = (Instant::now(), cpu());
    let answer = run();
    let cpu = cpu().saturating_sub(before);
    (answer, Taken { time: began.elapsed(), cpu })
}

/// What this thread has computed so far.
fn cpu() -> Duration {
    clock(ClockId::ThreadCPUTime)
}

/// What all threads of this process have computed so far.
pub fn cpu_of_all() -> Duration {
    clock(ClockId::ProcessCPUTime)
}

fn clock(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

/// Processor time of all cores since the machine started: what was used, and what there was.
#[derive(Clone, Copy, Debug)]
pub struct Processors {
    busy_ms: u64,
    all_ms: u64,
    own_ms: u64,
}

impl Processors {
    pub fn now() -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        let line = stat.lines().next().unwrap_or_default();
        // User, nice, system, idle, waiting for the disk, interrupts hard and soft, stolen by the host; what comes
        // after is counted among the first two.
        let fields = line.split_whitespace().skip(1).take(8).filter_map(|field| field.parse().ok());
        let fields: Vec<u64> = fields.collect();
        let all: u64 = fields.iter().sum();
        let idle: u64 = fields.iter().skip(3).take(2).sum();
        let busy_ms = (all - idle) * TICK_MS;
        Ok(Self { busy_ms, all_ms: all * TICK_MS, own_ms: own_ms()? })
    }

    /// The share of the cores that others than this process used.
    pub fn others_since(&self, before: &Self) -> f64 {
        let own = self.own_ms.saturating_sub(before.own_ms);
        let busy = self.busy_ms.saturating_sub(before.busy_ms).saturating_sub(own);
        busy as f64 / self.all_ms.saturating_sub(before.all_ms).max(1) as f64
    }
}

fn own_ms() -> Result<u64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The command, in brackets, may hold blanks. After it, user and system time are the 12th and 13th.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(ticks * TICK_MS)
}

/// Processor, cores and allocator.
pub fn describe() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.unwrap_or("unknown").trim_start_matches([' ', '\t', ':']);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let allocator = if cfg!(feature = "jemalloc") { "jemalloc" } else { "the system's allocator" };
    format!("{cores} cores of {model}, one used, {allocator}")
}
