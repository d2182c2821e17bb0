//! The simulated vote log: what a crash keeps is what was synced, and by chance a prefix of the rest.

use replica::Record;

use crate::sim::plan::Chance;

/// One instance's log.
#[derive(Debug, Default)]
pub struct Disk {
    synced: Vec<Record>,
    written: Vec<Record>,
}

/// Above this many records the log is compacted.
const COMPACT_ABOVE: usize = 400;

impl Disk {
    pub fn append(&mut self, record: Record) {
        self.written.push(record);
    }

    pub fn sync(&mut self) {
        self.synced.append(&mut self.written);
    }

    pub fn is_long(&self) -> bool {
        self.synced.len() > COMPACT_ABOVE
    }

    /// Replaces the log, as compaction does by renaming a synced file.
    pub fn replace(&mut self, records: Vec<Record>) {
        self.synced = records;
    }

    /// The machine stops.
    pub fn crash(&mut self, chance: &mut Chance) {
        let survives = chance.index(self.written.len() + 1);
        self.written.truncate(survives);
        self.sync();
    }

    pub fn read(&self) -> Vec<Record> {
        self.synced.clone()
    }
}
