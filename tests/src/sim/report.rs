//! What a run leaves behind.

use std::collections::BTreeSet;

use crate::sim::checkers::Violation;
use crate::sim::meter::Meter;

/// One commit of one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    pub instance: usize,
    /// Milliseconds from the start.
    pub at_ms: u64,
    /// Of the highest block that became final.
    pub height: u64,
}

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    pub height: u64,
    pub committed_transactions: u64,
    /// Honest proposals with transactions that the chain passed by.
    pub orphaned: usize,
    /// Milliseconds from the end of the faults until every honest validator had committed something new.
    pub recovery_ms: u64,
    /// Faulty validators that an honest one has proof against.
    pub accused: BTreeSet<u16>,
    /// Everything that honest instances committed.
    pub commits: Vec<Commit>,
    pub meter: Meter,
    pub violation: Option<Violation>,
    /// Everything that happened, a line each, when asked for; and its hash always.
    pub log: String,
    pub log_hash: String,
}

/// What a panic says.
pub(super) fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words")
}

/// A record of the vote log, for the log of the run.
pub(super) fn describe(record: &replica::Record) -> String {
    match record {
        replica::Record::Batch(batch) => format!("batch {:?}", batch.digest()),
        replica::Record::Consensus(record) => format!("{record:?}"),
    }
}
