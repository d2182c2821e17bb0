//! The simulated disk of one instance: its vote log, and the chain that it has committed.

use consensus::{Committed, Memory, Record};
use primitives::{CommitCertificate, Hash, Header};

use crate::chance::Chance;

/// What survives a crash: the records that were synced, by chance a prefix of the others, and whole commits.
#[derive(Debug)]
pub struct Disk {
    synced: Vec<Record>,
    written: Vec<Record>,
    /// Whether the log was ever lost.
    lost: bool,
    /// The length of the log after the last compaction.
    compacted: usize,
    /// The committed chain above the genesis block.
    chain: Vec<Header>,
    committed: Committed,
    /// Commits whose write is not finished.
    pending: Vec<(Vec<Header>, CommitCertificate)>,
}

impl Disk {
    pub fn new(genesis: &Header) -> Self {
        let committed =
            Committed { header: genesis.clone(), hash: genesis.hash(), certificate: None };
        Self {
            synced: Vec::new(),
            written: Vec::new(),
            lost: false,
            compacted: 0,
            chain: Vec::new(),
            committed,
            pending: Vec::new(),
        }
    }

    pub fn append(&mut self, record: Record) {
        self.written.push(record);
    }

    pub fn has_unsynced(&self) -> bool {
        !self.written.is_empty()
    }

    pub fn unsynced(&self) -> &[Record] {
        &self.written
    }

    pub fn sync(&mut self) {
        self.synced.append(&mut self.written);
    }

    /// The vote log is gone, and the chain is not.
    pub fn lose_log(&mut self) {
        (self.synced, self.written, self.compacted) = (Vec::new(), Vec::new(), 0);
        self.lost = true;
    }

    /// What a restart remembers. A log that was never lost needs no floor to be whole.
    pub fn memory(&self) -> Memory {
        let log = self.synced.clone();
        if self.lost { Memory::of_log(log) } else { Memory::Whole(log) }
    }

    /// The vote log as a restart would read it.
    pub fn log(&self) -> &[Record] {
        &self.synced
    }

    /// Replaces the log, as compaction does by renaming a synced file.
    pub fn compact(&mut self, records: Vec<Record>) {
        self.compacted = records.len();
        self.synced = records;
    }

    /// Whether compaction is worth it.
    pub fn is_long(&self, above: usize) -> bool {
        self.synced.len() > above.max(2 * self.compacted)
    }

    pub fn committed(&self) -> &Committed {
        &self.committed
    }

    /// The committed blocks above the genesis block.
    pub fn chain(&self) -> &[Header] {
        &self.chain
    }

    pub fn height(&self) -> u64 {
        self.chain.len() as u64
    }

    /// A commit's write begins.
    pub fn begin_commit(&mut self, blocks: Vec<Header>, certificate: CommitCertificate) {
        self.pending.push((blocks, certificate));
    }

    /// The oldest write is finished.
    pub fn finish_commit(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let (blocks, certificate) = self.pending.remove(0);
        let Some(tip) = blocks.last().cloned() else { return };
        self.chain.extend(blocks);
        self.committed =
            Committed { hash: tip.hash(), header: tip, certificate: Some(certificate) };
    }

    pub fn has_pending_commits(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The blocks above a height, and the certificate of the last.
    pub fn chain_above(&self, height: u64) -> Option<(Vec<Header>, CommitCertificate)> {
        let blocks = self.chain.get(usize::try_from(height).ok()?..)?;
        let certificate = self.committed.certificate.clone()?;
        (!blocks.is_empty()).then(|| (blocks.to_vec(), certificate))
    }

    pub fn tip(&self) -> Hash {
        self.committed.hash
    }

    /// The machine stops.
    pub fn crash(&mut self, chance: &mut Chance) {
        let survives = chance.index(self.written.len() + 1);
        self.written.truncate(survives);
        self.sync();
        self.pending.clear();
    }
}
