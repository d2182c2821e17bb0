//! What parent and child say to each other: one JSON value a line, on the child's standard input and output.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::contenders::Kind;
use crate::workload::{Cursor, Workload};

/// The first line a child gets: what it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Role {
    pub(crate) kind: Kind,
    pub(crate) directory: PathBuf,
    pub(crate) keys_max: u64,
    pub(crate) cache_mib: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Request {
    /// Adds keys in batches of this size until there are so many.
    Load { cursor: Cursor, keys: u64, batch: u64 },
    /// Commits batches until one of the bounds is met, two at least.
    Run { cursor: Cursor, workload: Workload, batch: u64, limit: Limit },
    /// Commits batches, and says so after each, until it is killed.
    RunUntilKilled { cursor: Cursor, workload: Workload, batch: u64 },
    /// Reads live keys, one after the other.
    Read { cursor: Cursor, salt: u8, count: u64 },
    /// Reads the same keys with proofs.
    Prove { cursor: Cursor, salt: u8, count: u64 },
    /// Compares what is there with what the batches since `seed` must have left; see `model`.
    Check { seed: u64, steps: Vec<Step> },
    /// Looks whether the batch after `cursor` is there, all of it, or what a later one made of it.
    Survived { cursor: Cursor, workload: Workload, batch: u64 },
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Limit {
    pub(crate) batches: u64,
    /// Of commits alone.
    pub(crate) ms: u64,
}

/// Batches that were committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// `None` loads.
    pub workload: Option<Workload>,
    pub size: u64,
    pub batches: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reply {
    /// The store is open. Comes once, unasked.
    Opened {
        ns: u64,
    },
    Ran(Ran),
    /// What each read took.
    Read {
        ns: Vec<u64>,
    },
    /// What each read with its proof took, and the proofs' sizes. All of them have been verified.
    Proved {
        ns: Vec<u64>,
        bytes: Vec<u64>,
    },
    /// All is as it must be.
    Good,
    Failed {
        reason: String,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ran {
    pub(crate) cursor: Cursor,
    pub(crate) steps: Vec<Step>,
    pub(crate) commit_ns: Vec<u64>,
    /// Empty where there is no tree.
    pub(crate) root_ns: Vec<u64>,
}
