//! What was measured, one row a line.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::contenders::Kind;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "kebab-case")]
pub enum Row {
    Run(Run),
    Transfers(Transfers),
    Part(Part),
    State(State),
}

/// What holds for all rows after it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    pub machine: String,
    pub accounts: u32,
    /// For each contender and round.
    pub transfers: usize,
    pub rounds: usize,
    pub block: usize,
    pub seed: u64,
}

/// Token transfers on the store in memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Transfers {
    pub contender: Kind,
    /// The median of the rounds.
    pub per_s: f64,
    pub per_s_of_rounds: Vec<f64>,
    /// Of the thread, the median of the rounds: less disturbed by others than the time.
    pub cpu_us: f64,
    /// In the contender's own unit.
    pub gas: f64,
    /// The share of the machine's cores that others used meanwhile.
    pub others: f64,
}

/// One part of what a call takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part {
    pub group: Group,
    pub what: String,
    /// Whose: ours, or what stands beside it.
    pub of: String,
    /// The thread's time, the median of the rounds.
    pub ns: f64,
    pub ns_of_rounds: Vec<f64>,
}

/// What the parts are of, and so which of the tables they stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    Calls,
    Host,
    /// Nanoseconds a KiB of the module.
    Compilation,
    /// A loop's turn.
    Metering,
}

/// Blocks of transfers on the real state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// Transfers of a block.
    pub block: usize,
    pub blocks: usize,
    /// Of all transfers over all time, from execution until the block is synced.
    pub per_s: f64,
    /// Medians of the blocks, in milliseconds.
    pub execute_ms: f64,
    pub root_ms: f64,
    pub commit_ms: f64,
    pub whole_ms: f64,
    /// What execution alone reached.
    pub executed_per_s: f64,
    pub others: f64,
}

pub fn median(values: &[f64]) -> f64 {
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
