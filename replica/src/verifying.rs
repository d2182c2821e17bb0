//! Batches whose signatures are being checked, and who answers for them.

use std::collections::BTreeMap;

use primitives::batch::BatchError;
use primitives::{Hash, SignedBatch, ValidatorIndex};

/// Batches of one sender that are checked at once and that no block names; more are passed over.
const BATCHES_MAX: usize = 256;
/// Their encoded bytes.
const BYTES_MAX: usize = 8 << 20;

/// How a batch came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Its sender answers for it: an honest one holds only what it has checked.
    Direct,
    /// Forwarded unread.
    Gossip,
}

#[derive(Debug)]
struct Checked {
    from: ValidatorIndex,
    way: Way,
    author: ValidatorIndex,
    length: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Load {
    batches: usize,
    bytes: usize,
}

/// All of them, by digest.
#[derive(Debug, Default)]
pub struct Verifying {
    checked: BTreeMap<Hash, Checked>,
    senders: BTreeMap<ValidatorIndex, Load>,
}

impl Verifying {
    pub fn contains(&self, digest: &Hash) -> bool {
        self.checked.contains_key(digest)
    }

    /// Whether one more batch of this sender is to be checked though no block names it.
    pub fn has_room(&self, from: ValidatorIndex, batch: &SignedBatch) -> bool {
        let load = self.senders.get(&from).copied().unwrap_or_default();
        load.batches < BATCHES_MAX && load.bytes + batch.encoded_length() <= BYTES_MAX
    }

    pub fn begin(&mut self, digest: Hash, from: ValidatorIndex, way: Way, batch: &SignedBatch) {
        let (author, length) = (batch.batch.author, batch.encoded_length());
        let load = self.senders.entry(from).or_default();
        load.batches += 1;
        load.bytes += length;
        self.checked.insert(digest, Checked { from, way, author, length });
    }

    /// The answer has come. Who misbehaved, if it says so: the author has signed a transaction that its sender has not,
    /// and whoever sent anything else that is invalid directly could have known.
    pub fn end(&mut self, digest: &Hash, error: Option<&BatchError>) -> Option<ValidatorIndex> {
        let Checked { from, way, author, length } = self.checked.remove(digest)?;
        if let Some(load) = self.senders.get_mut(&from) {
            load.batches -= 1;
            load.bytes -= length;
        }
        match error? {
            // A batch that came with a range of final blocks was not checked by whoever forwards it.
            BatchError::AuthorSignature => None,
            BatchError::TransactionSignature(_) => Some(author),
            _ => (way == Way::Direct).then_some(from),
        }
    }
}
