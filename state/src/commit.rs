//! Commits: blocks that a certificate made final become one write.

use std::collections::BTreeMap;
use std::sync::Arc;

use primitives::codec::FormatVersion;
use primitives::{
    CommitCertificate, ExecutionResult, Hash, Header, Height, Namespace, Receipt, SignedBatch,
    StateKey,
};

use crate::family::blocks::{self, BlockRecord};
use crate::family::flat::{self, FlatRecord};
use crate::family::meta::{Meta, Usage};
use crate::family::transactions::{self, Place};
use crate::family::{certificates, changes, deleted, history, order, receipts};
use crate::in_two::in_two;
use crate::overlay::{Overlay, Print};
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
    let mut sites = read_sites(store, blocks)?;
    for block in blocks {
        write_changes(block, &mut sites, &mut batch);
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
    let overwritten = write_values(sites, &mut meta.usage, &mut batch);
    Ok(Prepared { batch, overwritten, meta, changes })
}

/// A key that the blocks change.
struct Site<'a> {
    path: Hash,
    key: &'a StateKey,
    /// Before the first of them.
    before: Option<FlatRecord>,
    /// After those that were looked at; nothing as long as none changed it.
    now: Option<Now<'a>>,
}

/// The last value so far.
#[derive(Clone, Copy)]
struct Now<'a> {
    changed: Height,
    value: Option<&'a [u8]>,
}

impl Site<'_> {
    /// What stands here, and since when.
    fn standing(&self) -> Option<(Height, &[u8])> {
        match &self.now {
            Some(now) => Some((now.changed, now.value?)),
            None => self.before.as_ref().map(|record| (record.changed, &record.value[..])),
        }
    }
}

/// The least keys that are worth a second thread.
const PARALLEL_MIN: usize = 256;

/// Reads what stands under every key that the blocks change. In the order of their paths, which is
/// that of the files, and the one in which writes cost least.
fn read_sites<'a>(
    store: &dyn Store,
    blocks: &'a [CommittedBlock],
) -> Result<Vec<Site<'a>>, StoreError> {
    let mut keys: Vec<(Hash, &StateKey)> = Vec::new();
    for block in blocks {
        keys.extend(changes_by_path(block).iter().map(|change| (change.print.path, change.key)));
    }
    if blocks.len() > 1 {
        keys.sort_unstable();
        keys.dedup();
    }
    let records = if keys.len() < PARALLEL_MIN {
        flat::get_many(store, &keys)?
    } else {
        let (first, second) = in_two(&keys, |keys| flat::get_many(store, keys));
        let mut records = first?;
        records.extend(second?);
        records
    };
    let site = |((path, key), before)| Site { path, key, before, now: None };
    Ok(keys.into_iter().zip(records).map(site).collect())
}

/// One change of a block.
struct ByPath<'a> {
    print: &'a Print,
    key: &'a StateKey,
    value: Option<&'a [u8]>,
}

fn changes_by_path(block: &CommittedBlock) -> Vec<ByPath<'_>> {
    let changes = block.overlay.changes().iter().zip(&block.overlay.prints);
    let mut changes: Vec<_> = changes
        .map(|((key, value), print)| ByPath { print, key, value: value.as_deref() })
        .collect();
    changes.sort_unstable_by_key(|change| change.print.path);
    changes
}

/// Writes what a block changed, and what it overwrote.
fn write_changes<'a>(block: &'a CommittedBlock, sites: &mut [Site<'a>], batch: &mut Batch) {
    let height = block.header.height;
    let mut changes = Vec::new();
    let mut sites = sites.iter_mut();
    for ByPath { print, key, value } in changes_by_path(block) {
        let Some(site) = sites.find(|site| site.path == print.path) else {
            panic!("a changed key was not read")
        };
        let standing = site.standing();
        if standing.is_none() && value.is_none() {
            continue;
        }
        let deleted_key = if value.is_none() { Some(key) } else { None };
        let old = standing.map(|(changed, value)| (changed, value, deleted_key));
        history::put(batch, &site.path, height, old);
        changes.push((key, print.value_hash));
        if value.is_none() {
            deleted::put(batch, key, height);
        }
        site.now = Some(Now { changed: height, value });
    }
    changes::put(batch, height, &changes);
}

/// Writes each changed key once, as the last of the blocks leaves it.
fn write_values(
    sites: Vec<Site<'_>>,
    usage: &mut BTreeMap<Namespace, Usage>,
    batch: &mut Batch,
) -> Overwritten {
    let mut overwritten = Vec::with_capacity(sites.len());
    for Site { path, key, before, now } in sites {
        if let Some(Now { changed, value }) = now {
            let usage = usage.entry(key.namespace).or_default();
            usage.replace(key, before.as_ref().map(|record| &record.value[..]), value);
            match (&before, value) {
                (None, Some(_)) => order::put(batch, key),
                (Some(_), None) => order::delete(batch, key),
                _ => {}
            }
            match value {
                Some(value) => flat::put_fields(batch, &path, key, changed, value),
                None => flat::delete(batch, &path),
            }
        }
        let key = key.clone();
        overwritten.push(Overwrote { key, path, record: before });
    }
    Overwritten::new(overwritten)
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
