//! `check`: everything that is stored, against what the last block was certified with.
//!
//! Opening trusts checksums and the hashes above the pages. This trusts nothing: every file's
//! checksums, every value's hash up to the root, every row against the rows it belongs to. What
//! differs is said by name. Nothing is changed.
//!
//! - `values`: the flat map gives the certified root; `order` names exactly its keys.
//! - `history`: what blocks wrote is what stands in `flat` or what a later block overwrote.
//! - `chain`: blocks, certificates, receipts and their indices belong together.

mod chain;
mod history;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use primitives::{Hash, Height, StateKey};

use crate::family::Family;
use crate::family::flat::FlatRecord;
use crate::family::meta::{Meta, Usage};
use crate::floor::Floors;
use crate::recovery::{self, OpenError};
use crate::store::{Store, StoreError};

/// Problems that are kept word for word; the others are counted.
const PROBLEMS_MAX: usize = 100;

/// What a check reads, in this order; each takes as long as reading that part of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckPart {
    /// Every file, against its checksums.
    Files,
    Blocks,
    Values,
    History,
}

type Check = fn(&dyn Store, &Meta, &mut CheckReport) -> Result<(), StoreError>;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// The head's.
    pub height: Height,
    pub root: Hash,
    /// The lowest height that can be read.
    pub floor: Height,
    pub keys: u64,
    pub blocks: u64,
    /// Sentences.
    pub problems: Vec<String>,
    /// How many more there are.
    pub more: u64,
}

/// Checks the database at `path`, which nobody else has open.
pub fn check(path: &Path) -> Result<CheckReport, OpenError> {
    check_telling(path, |_| ())
}

/// [`check`], which says what it comes to.
pub fn check_telling(
    path: &Path,
    mut tell: impl FnMut(CheckPart),
) -> Result<CheckReport, OpenError> {
    let store = recovery::open_existing(path, &Floors::default())?;
    tell(CheckPart::Files);
    let mut report = store.verify_files().err().map_or_else(CheckReport::default, |error| {
        let mut report = CheckReport::default();
        report.add(error.to_string());
        report
    });
    check_rows(&store, &mut report, tell);
    Ok(report)
}

fn check_rows(store: &dyn Store, report: &mut CheckReport, mut tell: impl FnMut(CheckPart)) {
    let meta = match recovery::read_meta(store) {
        Ok(meta) => meta,
        Err(error) => return report.add(error.to_string()),
    };
    (report.height, report.root, report.floor) = (meta.height, meta.root, meta.floor);
    let parts: [(CheckPart, Check); 3] = [
        (CheckPart::Blocks, chain::check),
        (CheckPart::Values, values::check),
        (CheckPart::History, history::check),
    ];
    for (part, check) in parts {
        tell(part);
        if let Err(error) = check(store, &meta, report) {
            report.add(error.to_string());
        }
    }
}

impl CheckReport {
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }

    fn add(&mut self, problem: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem.into());
        } else {
            self.more += 1;
        }
    }

    fn expect(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.add(otherwise());
        }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "- {problem}")?;
        }
        if self.more > 0 {
            writeln!(f, "- and {} more", self.more)?;
        }
        let Self { height, root, floor, keys, blocks, .. } = self;
        write!(f, "{keys} keys at height {height} under the root {root}, ")?;
        write!(f, "{blocks} blocks from height {floor} on: ")?;
        f.write_str(if self.is_whole() { "all whole" } else { "damaged" })
    }
}

/// A sum of hashes that no order shows in: equal sums, equal rows. Against damage, not malice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum([u64; 4]);

impl Sum {
    fn add(&mut self, parts: &[&[u8]]) {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let hash = hasher.finalize();
        for (sum, bytes) in self.0.iter_mut().zip(hash.as_bytes().chunks_exact(8)) {
            let part = bytes.iter().fold(0u64, |part, byte| part << 8 | u64::from(*byte));
            *sum = sum.wrapping_add(part);
        }
    }
}

/// A key as an operator reads it.
fn name(key: &StateKey) -> String {
    let bytes: String = key.key.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("the {:?} key 0x{bytes}", key.namespace)
}
