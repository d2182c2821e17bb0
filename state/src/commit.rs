//! Commits: blocks that a certificate made final become one write.

use std::collections::BTreeMap;
use std::sync::Arc;

use primitives::codec::FormatVersion;
use primitives::{
    CommitCertificate, ExecutionResult, Hash, Header, Height, Receipt, SignedBatch, StateKey,
};

use crate::family::blocks::{self, BlockRecord};
use crate::family::flat::{self, FlatRecord};
use crate::family::meta::{self, Meta};
use crate::family::transactions::{self, Place};
use crate::family::{certificates, order, receipts};
use crate::overlay::Overlay;
use crate::store::{Batch, Store, StoreError};
use crate::version::{Head, Overwritten, Version};

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
    genesis: Hash,
    head: &Head,
    blocks: &[CommittedBlock],
) -> Result<Prepared, StoreError> {
    let mut batch = Batch::default();
    let overwritten = write_state(store, blocks, &mut batch)?;
    write_transactions(store, blocks, &mut batch)?;
    for block in blocks {
        write_block(block, &mut batch);
    }
    let meta = Meta {
        version: FormatVersion::V1,
        genesis,
        height: head.header.height,
        block: head.hash,
        root: head.result.state_root,
    };
    meta::put(&mut batch, &meta);
    Ok(Prepared { batch, overwritten })
}

/// Writes each changed key once, as the last of the blocks leaves it.
fn write_state(
    store: &dyn Store,
    blocks: &[CommittedBlock],
    batch: &mut Batch,
) -> Result<Overwritten, StoreError> {
    let mut changes: BTreeMap<&StateKey, (Height, Option<&Vec<u8>>)> = BTreeMap::new();
    for block in blocks {
        let height = block.header.height;
        let of_block = block.overlay.changes().iter();
        changes.extend(of_block.map(|(key, value)| (key, (height, value.as_ref()))));
    }
    let mut overwritten = Overwritten::new();
    for (key, (changed, value)) in changes {
        let old = flat::get(store, key)?;
        match (&old, value) {
            (_, Some(value)) => {
                let (key, value) = (key.clone(), value.clone());
                flat::put(batch, &FlatRecord { key, changed, value });
            }
            (Some(_), None) => flat::delete(batch, key),
            (None, None) => {}
        }
        match (&old, value) {
            (None, Some(_)) => order::put(batch, key),
            (Some(_), None) => order::delete(batch, key),
            _ => {}
        }
        overwritten.insert(key.clone(), old);
    }
    Ok(overwritten)
}

/// Writes where each transaction is found; see [`Place::replaces`].
fn write_transactions(
    store: &dyn Store,
    blocks: &[CommittedBlock],
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let mut places: BTreeMap<Hash, Place> = BTreeMap::new();
    for block in blocks {
        let height = block.header.height;
        for (index, receipt) in (0u32..).zip(&block.receipts) {
            let place = Place { height, index, executed: receipt.status.is_executed() };
            let hash = receipt.transaction;
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
