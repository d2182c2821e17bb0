//! The batches that are held: every validator's, by digest.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use primitives::{BatchRef, Hash, SignedBatch, TimestampMs, ValidatorIndex, limits};

/// Encoded bytes of waiting batches that one author may occupy.
const AUTHOR_BYTES_MAX: usize = 32 << 20;
/// Encoded bytes of committed batches that are kept for peers that still lack them.
const COMMITTED_BYTES_MAX: usize = 32 << 20;
/// How long a batch with system actions waits for a block after its sequence, which follows the clock, in
/// milliseconds.
const SYSTEM_VALIDITY_MS: u64 = 600_000;

#[derive(Debug)]
struct Held {
    batch: Arc<SignedBatch>,
    length: usize,
}

/// Batches whose signatures were checked, or that a commit certificate vouches for.
#[derive(Debug, Default)]
pub struct Batches {
    held: BTreeMap<Hash, Held>,
    /// Not yet committed, in the order in which leaders include them: an author's sequences ascend, and since
    /// sequences follow the clock, batches of different authors take turns.
    waiting: BTreeMap<(u64, ValidatorIndex, Hash), ()>,
    author_bytes: BTreeMap<ValidatorIndex, usize>,
    committed: VecDeque<Hash>,
    committed_bytes: usize,
}

/// Whether an insertion was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insertion {
    New,
    Known,
    /// The author's budget is used up, and no block needs the batch.
    OverBudget,
}

impl Batches {
    pub fn get(&self, digest: &Hash) -> Option<&Arc<SignedBatch>> {
        self.held.get(digest).map(|held| &held.batch)
    }

    pub fn contains(&self, digest: &Hash) -> bool {
        self.held.contains_key(digest)
    }

    /// Keeps a batch. One that a block names is `needed` and passes the author's budget.
    pub fn insert(&mut self, digest: Hash, batch: SignedBatch, needed: bool) -> Insertion {
        if self.contains(&digest) {
            return Insertion::Known;
        }
        let author = batch.batch.author;
        let length = batch.encoded_length();
        let bytes = self.author_bytes.entry(author).or_default();
        if !needed && *bytes + length > AUTHOR_BYTES_MAX {
            return Insertion::OverBudget;
        }
        *bytes += length;
        self.waiting.insert((batch.batch.sequence, author, digest), ());
        self.held.insert(digest, Held { batch: Arc::new(batch), length });
        Insertion::New
    }

    /// Batches for a block: in order, without those already ordered, within a block's caps.
    pub fn choose(&self, ordered: &BTreeSet<Hash>) -> Vec<BatchRef> {
        let mut chosen = Vec::new();
        let mut bytes = 0;
        let unordered = |(_, _, digest): &&(_, _, Hash)| !ordered.contains(digest);
        for (_, author, digest) in self.waiting.keys().filter(unordered) {
            let Some(held) = self.held.get(digest) else { continue };
            bytes += held.length;
            if bytes > limits::BLOCK_BYTES_MAX || chosen.len() == limits::BLOCK_BATCHES_MAX {
                break;
            }
            chosen.push(BatchRef { author: *author, digest: *digest });
        }
        chosen
    }

    /// Whether a batch waits that is not among the ordered.
    pub fn has_unordered(&self, ordered: &BTreeSet<Hash>) -> bool {
        self.waiting.keys().any(|(_, _, digest)| !ordered.contains(digest))
    }

    pub fn waiting(&self) -> impl Iterator<Item = &Arc<SignedBatch>> {
        self.waiting.keys().filter_map(|(_, _, digest)| self.get(digest))
    }

    /// Encoded bytes of these batches; `None` when one is not held.
    pub fn bytes(&self, batches: &[BatchRef]) -> Option<usize> {
        batches.iter().map(|batch| self.held.get(&batch.digest).map(|held| held.length)).sum()
    }

    /// A block with these batches is final: they wait no more, and are let go when others have taken their room.
    pub fn committed(&mut self, batches: &[BatchRef]) {
        for BatchRef { digest, .. } in batches {
            let Some(length) = self.stop_waiting(digest) else { continue };
            self.committed.push_back(*digest);
            self.committed_bytes += length;
        }
        while self.committed_bytes > COMMITTED_BYTES_MAX {
            let Some(oldest) = self.committed.pop_front() else { break };
            if let Some(held) = self.held.remove(&oldest) {
                self.committed_bytes -= held.length;
            }
        }
    }

    /// Drops waiting batches of which no transaction can execute any more, unless a block names them.
    pub fn expire(&mut self, now: TimestampMs, ordered: &BTreeSet<Hash>) -> Vec<Arc<SignedBatch>> {
        let is_expired = |batch: &SignedBatch| {
            let mut transactions = batch.batch.transactions.iter();
            // System actions do not expire; their reporter sends them again when they are lost.
            let old = batch.batch.sequence.saturating_add(SYSTEM_VALIDITY_MS) < now.0;
            (batch.batch.system.is_empty() || old)
                && transactions.all(|signed| signed.transaction.valid_until < now)
        };
        let expired: Vec<Hash> = self
            .waiting
            .keys()
            .map(|(_, _, digest)| *digest)
            .filter(|digest| !ordered.contains(digest))
            .filter(|digest| self.get(digest).is_some_and(|batch| is_expired(batch)))
            .collect();
        let drop_one = |digest: &Hash| {
            self.stop_waiting(digest)?;
            self.held.remove(digest).map(|held| held.batch)
        };
        expired.iter().filter_map(drop_one).collect()
    }

    fn stop_waiting(&mut self, digest: &Hash) -> Option<usize> {
        let held = self.held.get(digest)?;
        let (author, sequence) = (held.batch.batch.author, held.batch.batch.sequence);
        self.waiting.remove(&(sequence, author, *digest))?;
        if let Some(bytes) = self.author_bytes.get_mut(&author) {
            *bytes = bytes.saturating_sub(held.length);
        }
        Some(held.length)
    }
}
