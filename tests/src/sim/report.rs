//! What a run leaves behind.

use std::collections::BTreeSet;

use crate::sim::checkers::Violation;
use crate::sim::meter::Meter;

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    pub height: u64,
    pub committed_transactions: u64,
    /// Milliseconds from the end of the faults until every honest validator had committed something new.
    pub recovery_ms: u64,
    /// Faulty validators that an honest one has proof against.
    pub accused: BTreeSet<u16>,
    /// When each honest instance committed blocks, in milliseconds.
    pub commits: Vec<(usize, u64)>,
    pub meter: Meter,
    pub violation: Option<Violation>,
    /// Everything that happened, a line each, when asked for; and its hash always.
    pub log: String,
    pub log_hash: String,
}

/// A record of the vote log, for the log of the run.
pub(super) fn describe(record: &replica::Record) -> String {
    match record {
        replica::Record::Batch(batch) => format!("batch {:?}", batch.digest()),
        replica::Record::Consensus(record) => format!("{record:?}"),
    }
}
