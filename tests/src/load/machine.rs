//! What this machine can do and what was used of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use primitives::{Action, Address, Amount, SecretKey, SignedTransaction};
use serde::{Deserialize, Serialize};

use crate::wallet::Wallet;

/// Signatures checked together, as many as a full batch of transfers has.
const BATCH: usize = 512;
/// How long signatures are checked for the measurement.
const MEASURED_FOR: Duration = Duration::from_millis(400);
/// Writes with a sync, for the measurement.
const SYNCS: usize = 40;
/// Bytes of each.
const SYNC_BYTES: usize = 4 << 10;
/// Positions in /proc/PID/stat after the name, which is in brackets and may hold anything: proc(5).
const USER_TICKS: usize = 11;
const SYSTEM_TICKS: usize = 12;

/// What was measured before the run, on the idle net.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    pub cores: usize,
    /// Microseconds of one core for one signature, checked in a batch.
    pub signature_us: f64,
    /// Transactions a second if checking signatures were all there is: every validator checks each
    /// signature once, and they share the cores.
    pub signature_bound: f64,
    /// Milliseconds of a small write and its sync to the net's disk, the median.
    pub sync_ms: f64,
}

pub fn measure(directory: &Path, validators: usize) -> anyhow::Result<Machine> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let signature_us = signature_us()?;
    Ok(Machine {
        cores,
        signature_us,
        signature_bound: cores as f64 / (validators as f64 * signature_us / 1e6),
        sync_ms: sync_ms(directory)?,
    })
}

fn signature_us() -> anyhow::Result<f64> {
    let mut wallet = Wallet::new(SecretKey::from_seed([1; 32]), "measured".parse()?);
    let transfer = |_| wallet.sign(Action::Transfer { to: Address::default(), amount: Amount(1) });
    let signed: Vec<SignedTransaction> = (0..BATCH).map(transfer).collect();
    let began = Instant::now();
    let mut checked = 0;
    while began.elapsed() < MEASURED_FOR {
        let verified = SignedTransaction::verify_all(signed.clone());
        anyhow::ensure!(verified.iter().all(Result::is_ok), "an own signature is invalid");
        checked += verified.len();
    }
    Ok(began.elapsed().as_secs_f64() * 1e6 / checked as f64)
}

fn sync_ms(directory: &Path) -> anyhow::Result<f64> {
    let path = directory.join("load-sync");
    let mut file = File::create(&path).with_context(|| path.display().to_string())?;
    let mut took = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all(&[1; SYNC_BYTES])?;
        file.sync_data()?;
        took.push(began.elapsed());
    }
    drop(file);
    fs::remove_file(&path)?;
    took.sort_unstable();
    Ok(took.get(SYNCS / 2).map_or(0.0, Duration::as_secs_f64) * 1e3)
}

/// CPU seconds of a process since its start, of all its threads, also those that have ended.
pub fn process_seconds(pid: u32) -> anyhow::Result<f64> {
    seconds(&fs::read_to_string(format!("/proc/{pid}/stat"))?)
}

/// CPU seconds of the threads that a process has now, by the name of what they do.
pub fn thread_seconds(pid: u32) -> anyhow::Result<BTreeMap<String, f64>> {
    let mut by_name = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = entry?.path();
        // A thread may end between the listing and the look.
        let (Ok(name), Ok(stat)) =
            (fs::read_to_string(task.join("comm")), fs::read_to_string(task.join("stat")))
        else {
            continue;
        };
        *by_name.entry(role(name.trim())).or_default() += seconds(&stat)?;
    }
    Ok(by_name)
}

/// Threads that do the same are told apart by a number at the end.
fn role(name: &str) -> String {
    name.trim_end_matches(|last: char| last.is_ascii_digit() || "-:".contains(last)).to_owned()
}

fn seconds(stat: &str) -> anyhow::Result<f64> {
    let (_, after_name) = stat.rsplit_once(')').context("/proc shows a process in another form")?;
    let fields: Vec<_> = after_name.split_whitespace().collect();
    let ticks = |position: usize| -> anyhow::Result<f64> {
        Ok(fields.get(position).context("/proc shows fewer fields")?.parse()?)
    };
    let a_second = rustix::param::clock_ticks_per_second() as f64;
    Ok((ticks(USER_TICKS)? + ticks(SYSTEM_TICKS)?) / a_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_of_this_process_is_seen() {
        let before = process_seconds(std::process::id()).unwrap();
        signature_us().unwrap();
        let used = process_seconds(std::process::id()).unwrap() - before;
        assert!(used > 0.0);
        let threads = thread_seconds(std::process::id()).unwrap();
        assert!(threads.values().sum::<f64>() >= used / 2.0, "{threads:?}");
    }

    #[test]
    fn threads_of_one_kind_are_counted_together() {
        for (name, expected) in [
            ("verify-0", "verify"),
            ("rpc-verify-12", "rpc-verify"),
            ("rocksdb:low0", "rocksdb:low"),
        ] {
            assert_eq!(role(name), expected);
        }
    }
}
