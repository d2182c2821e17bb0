//! Commits: blocks that a certificate made final become one write.

use std::collections::BTreeMap;
use std::sync::Arc;

use primitives::codec::FormatVersion;
use primitives::{
    CommitCertificate, ExecutionResult, Hash, Header, Height, Namespace, Receipt, SignedBatch,
    StateKey,
};

use crate::family::blocks::{self, BlockRecord};
use crate::family::changes::{self, Change};
use crate::family::flat::{self, FlatRecord};
use crate::family::history::{self, OldValue};
use crate::family::meta::{Meta, Usage};
use crate::family::transactions::{self, Place};
use crate::family::{certificates, deleted, order, receipts};
use crate::overlay::Overlay;
use crate::store::{Batch, Store, StoreError};
use crate::version::{Head, Overwritten, Overwrote, Version};

/// A final block with all that is kept of it.
#[derive(Clone, Debug)]
pub struct CommittedBlock {
    pub header: Header,
    /// The payload, in the header's order.
    pub batches: Vec<SignedBatch>,
    /// In the order of the transactions.
    pub receipts: Vec<Receipt>,
    pub result: ExecutionResult,
    /// The state after the block.
    pub overlay: Arc<Overlay>,
    /// May be left out where a block above, in the same commit, has one.
    pub certificate: Option<CommitCertificate>,
}

/// What becomes the head.
pub(crate) struct Last {
    pub(crate) head: Head,
    pub(crate) overlay: Arc<Overlay>,
}

/// A commit, ready to be written.
pub(crate) struct Prepared {
    pub(crate) batch: Batch,
    pub(crate) overwritten: Overwritten,
    pub(crate) meta: Meta,
    /// Keys changed, each as often as it was.
    pub(crate) changes: usize,
}

/// Asserts that the blocks stand one on the other and the first on the head, and returns the last.
pub(crate) fn check(before: &Arc<Version>, blocks: &[CommittedBlock]) -> Last {
    let mut parent = before.head.hash;
    let mut height = before.head.header.height;
    let mut below: Option<&Arc<Overlay>> = None;
    let mut last = None;
    for block in blocks {
        height = height.next();
        let hash = block.header.hash();
        let at = format!("of block {height} ({hash:?})");
        assert_eq!(block.header.height, height, "the height {at}");
        assert_eq!(block.header.parent, parent, "the parent {at}");
        assert_eq!(block.result.height, height, "the result's height {at}");
        assert_eq!(block.overlay.height(), height, "the overlay's height {at}");
        assert_eq!(block.overlay.root(), block.result.state_root, "the state root {at}");
        let stands = match below {
            None => block.overlay.is_on(before),
            Some(below) => block.overlay.is_child_of(below),
        };
        assert!(stands, "the overlay {at} is not made on the state before it");
        if let Some(certificate) = &block.certificate {
            assert_eq!(certificate.block, hash, "the certificate's block {at}");
            assert_eq!(certificate.result, block.result, "the certificate's result {at}");
        }
        (parent, below, last) = (hash, Some(&block.overlay), Some(block));
    }
    let Some(last) = last else { panic!("a commit of no blocks") };
    assert!(last.certificate.is_some(), "block {height} is committed without a certificate");
    let head = Head {
        header: last.header.clone(),
        hash: parent,
        result: last.result,
        certificate: last.certificate.clone(),
    };
    Last { head, overlay: last.overlay.clone() }
}

/// Collects everything the blocks write, up to the new head, and what they overwrite.
pub(crate) fn prepare(
    store: &dyn Store,
    before: &Meta,
    head: &Head,
    blocks: &[CommittedBlock],
) -> Result<Prepared, StoreError> {
    let mut batch = Batch::default();
    let mut standing = read_standing(store, blocks)?;
    for block in blocks {
        write_changes(block, &mut standing, &mut batch);
        write_block(block, &mut batch);
    }
    write_transactions(store, blocks, &mut batch)?;
    let mut meta = Meta {
        height: head.header.height,
        block: head.hash,
        root: head.result.state_root,
        ..before.clone()
    };
    let changes = blocks.iter().map(|block| block.overlay.changes().len()).sum();
    let overwritten = write_values(standing, &mut meta.usage, &mut batch);
    Ok(Prepared { batch, overwritten, meta, changes })
}

/// A key that the blocks change.
struct Standing {
    path: Hash,
    /// Before the first of them.
    before: Option<FlatRecord>,
    /// After those that were looked at; nothing as long as none changed it.
    now: Option<Now>,
}

/// The last value so far.
struct Now {
    changed: Height,
    value: Option<Vec<u8>>,
}

impl Standing {
    fn value(&self) -> Option<OldValue> {
        match &self.now {
            Some(Now { changed, value }) => {
                let changed = *changed;
                value.clone().map(|value| OldValue { changed, value, deleted: None })
            }
            None => {
                let record = self.before.as_ref()?;
                let value = record.value.clone();
                Some(OldValue { changed: record.changed, value, deleted: None })
            }
        }
    }
}

/// The least keys that are worth a second thread.
const PARALLEL_MIN: usize = 256;

/// Reads what stands under every key that the blocks change.
fn read_standing<'a>(
    store: &dyn Store,
    blocks: &'a [CommittedBlock],
) -> Result<BTreeMap<&'a StateKey, Standing>, StoreError> {
    let mut keys: Vec<(Hash, &StateKey)> = Vec::new();
    for block in blocks {
        let paths = block.overlay.prints.iter().map(|print| print.path);
        keys.extend(paths.zip(block.overlay.changes().keys()));
    }
    // In the order of the files.
    keys.sort_unstable();
    keys.dedup();
    let records = if keys.len() < PARALLEL_MIN {
        flat::get_many(store, &keys)?
    } else {
        let (first, second) = keys.split_at(keys.len() / 2);
        let (first, second) = std::thread::scope(|scope| {
            let first = scope.spawn(|| flat::get_many(store, first));
            let second = flat::get_many(store, second);
            (first.join(), second)
        });
        let Ok(first) = first else { panic!("a thread that reads values panicked") };
        let mut records = first?;
        records.extend(second?);
        records
    };
    let standing = |((path, key), before)| (key, Standing { path, before, now: None });
    Ok(keys.into_iter().zip(records).map(standing).collect())
}

/// Writes what a block changed, and what it overwrote.
fn write_changes(
    block: &CommittedBlock,
    standing: &mut BTreeMap<&StateKey, Standing>,
    batch: &mut Batch,
) {
    let height = block.header.height;
    let mut changes = Vec::new();
    for ((key, value), print) in block.overlay.changes().iter().zip(&block.overlay.prints) {
        let Some(standing) = standing.get_mut(key) else { panic!("a changed key was not read") };
        let mut old = standing.value();
        if value.is_none() {
            let Some(old) = &mut old else { continue };
            old.deleted = Some(key.clone());
        }
        history::put(batch, &standing.path, height, old.as_ref());
        changes.push(Change { key: key.clone(), value_hash: print.value_hash });
        if value.is_none() {
            deleted::put(batch, key, height);
        }
        standing.now = Some(Now { changed: height, value: value.clone() });
    }
    changes::put(batch, height, &changes);
}

/// Writes each changed key once, as the last of the blocks leaves it.
fn write_values(
    standing: BTreeMap<&StateKey, Standing>,
    usage: &mut BTreeMap<Namespace, Usage>,
    batch: &mut Batch,
) -> Overwritten {
    let mut overwritten = Overwritten::new();
    for (key, Standing { path, before, now }) in standing {
        if let Some(Now { changed, value }) = now {
            let usage = usage.entry(key.namespace).or_default();
            usage.replace(key, before.as_ref().map(|record| &record.value), value.as_ref());
            match (&before, &value) {
                (None, Some(_)) => order::put(batch, key),
                (Some(_), None) => order::delete(batch, key),
                _ => {}
            }
            match value {
                Some(value) => {
                    flat::put(batch, &path, &FlatRecord { key: key.clone(), changed, value });
                }
                None => flat::delete(batch, &path),
            }
        }
        overwritten.insert(key.clone(), Overwrote { path, record: before });
    }
    overwritten
}

/// Writes where each transaction is found; see [`Place::replaces`].
fn write_transactions(
    store: &dyn Store,
    blocks: &[CommittedBlock],
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let mut places: BTreeMap<Hash, Place> = BTreeMap::new();
    for block in blocks {
        for (hash, place) in transactions::places(block.header.height, &block.receipts) {
            let older = match places.get(&hash) {
                Some(older) => Some(*older),
                None => transactions::get(store, &hash)?,
            };
            if older.is_none_or(|older| place.replaces(&older)) {
                places.insert(hash, place);
            }
        }
    }
    for (hash, place) in &places {
        transactions::put(batch, hash, place);
    }
    Ok(())
}

fn write_block(block: &CommittedBlock, batch: &mut Batch) {
    let height = block.header.height;
    let record = BlockRecord {
        version: FormatVersion::V1,
        header: block.header.clone(),
        result: block.result,
        batches: block.batches.clone(),
    };
    blocks::put(batch, &block.header.hash(), &record);
    receipts::put(batch, height, &block.receipts);
    if let Some(certificate) = &block.certificate {
        certificates::put(batch, height, certificate);
    }
}
