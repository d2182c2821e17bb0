//! What was measured, one row a line.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::contenders::Kind;
use crate::workload::Workload;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "kebab-case")]
pub enum Row {
    Run(Run),
    Skipped(Skipped),
    Load(Load),
    Cell(Cell),
    Store(Store),
}

/// What holds for all rows after it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    pub machine: String,
    pub seed: u64,
    pub rounds: u64,
    /// For each cell and contender, all rounds together.
    pub seconds: u64,
    pub commits_max: u64,
    pub cache_mib: usize,
}

/// A contender that this machine cannot run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Skipped {
    pub contender: Kind,
    pub reason: String,
}

/// The first keys, in large batches.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Load {
    pub contender: Kind,
    pub keys: u64,
    pub keys_per_s: f64,
    pub written_bytes_per_key: f64,
    pub peak_memory_bytes: u64,
    pub disk_bytes: u64,
}

/// Batches of one kind and size on one store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cell {
    pub contender: Kind,
    pub keys: u64,
    pub workload: Workload,
    pub batch: u64,
    pub commits: u64,
    /// The median of the rounds. Of commits alone: drawing the batches is not counted.
    pub updates_per_s: f64,
    pub updates_per_s_of_rounds: Vec<f64>,
    /// Over the commits of all rounds.
    pub commit_us_p50: f64,
    pub commit_us_p99: f64,
    pub root_us_p50: Option<f64>,
    /// With what was done in the background until the process was idle.
    pub cpu_us_per_update: f64,
    /// What is still in memory is written later, and counts in [`Store::written_bytes_per_update`] only.
    pub written_bytes_per_update: f64,
    /// The share of the machine's cores that others used meanwhile.
    pub others: f64,
}

/// A store after all its cells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Store {
    pub contender: Kind,
    pub keys: u64,
    /// Of the process that ran all cells.
    pub peak_memory_bytes: u64,
    pub disk_bytes: u64,
    /// Over all cells, with what the next process wrote when it opened what they left.
    pub written_bytes_per_update: f64,
    /// Opening in a new process, after an orderly end, with nothing in the system's cache.
    pub open_cold_ms: f64,
    /// In a new process, with nothing in the system's cache.
    pub cold_read_us: Spread,
    /// What these reads fetched from the disk, each.
    pub cold_read_disk_bytes: f64,
    /// The same keys again.
    pub warm_read_us: Spread,
    /// The same keys again, with the value; `None` where there is no tree.
    pub proof_us: Option<Spread>,
    pub proof_bytes_p50: Option<f64>,
    /// From the start of a new process after a `kill -9` in the middle of a commit until it has read a key.
    pub reopen_after_kill_ms: f64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Spread {
    pub mean: f64,
    pub p50: f64,
    pub p99: f64,
}

impl Spread {
    /// Of nanoseconds, in microseconds.
    pub(crate) fn us(ns: &[u64]) -> Self {
        let mean = ns.iter().sum::<u64>() as f64 / ns.len().max(1) as f64;
        Self { mean: mean / 1e3, p50: quantile(ns, 50) / 1e3, p99: quantile(ns, 99) / 1e3 }
    }
}

/// The value that so many in a hundred do not exceed; 0 of none.
pub(crate) fn quantile(values: &[u64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).map_or(0.0, |value| *value as f64)
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (low, high) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
    match (sorted.get(low), sorted.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => 0.0,
    }
}

/// Reads what a run has written.
pub fn read(path: &Path) -> Result<Vec<Row>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::{median, quantile};

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values: Vec<u64> = (1..=200).rev().collect();
        for (percent, expected) in [(50, 100.0), (99, 198.0), (100, 200.0)] {
            assert_eq!(quantile(&values, percent), expected, "{percent} of 100");
        }
        assert_eq!(quantile(&[7], 99), 7.0);
        assert_eq!(quantile(&[], 50), 0.0);
    }

    #[test]
    fn a_median_lies_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
