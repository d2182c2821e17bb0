//! Blocks, from the floor to the head: each stands on the one below, holds the payload that its
//! header names, and has the receipts that its result names; the indices find all of them.

use primitives::{Receipt, merkle};

use super::*;
use crate::family::blocks::{self, BlockRecord};
use crate::family::{certificates, receipts, transactions};

pub(super) fn check(
    store: &dyn Store,
    meta: &Meta,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    let mut parent: Option<Hash> = None;
    for height in meta.floor.0..=meta.height.0 {
        let height = Height(height);
        let Some(block) = blocks::get(store, height)? else {
            report.add(format!("block {height} is missing"));
            parent = None;
            continue;
        };
        report.blocks += 1;
        let hash = block.header.hash();
        let stands = parent.is_none_or(|parent| block.header.parent == parent);
        report.expect(stands && block.header.height == height, || {
            format!("block {height} does not stand on the block below it")
        });
        check_block(store, height, &hash, &block, report)?;
        parent = Some(hash);
    }
    let head = parent == Some(meta.block);
    report.expect(head, || format!("its blocks do not end with its head, {:?}", meta.block));
    check_indices(store, meta, report)
}

fn check_block(
    store: &dyn Store,
    height: Height,
    hash: &Hash,
    block: &BlockRecord,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    let payload: Vec<_> = block.batches.iter().map(|batch| batch.reference()).collect();
    report.expect(payload == block.header.payload && block.result.height == height, || {
        format!("block {height} does not hold the payload that its header names")
    });
    if let Some(certificate) = certificates::get(store, height)? {
        let fits = certificate.block == *hash && certificate.result == block.result;
        report.expect(fits, || format!("the certificate of block {height} is another block's"));
    }
    let found = blocks::height_of(store, hash)?;
    report.expect(found == Some(height), || format!("block {height} is not found by its hash"));
    let Some(receipts) = receipts::get(store, height)? else {
        report.add(format!("the receipts of block {height} are missing"));
        return Ok(());
    };
    let leaves: Vec<Hash> = receipts.iter().map(Receipt::hash).collect();
    report.expect(merkle::root(&leaves) == block.result.receipts_root, || {
        format!("the receipts of block {height} are not those of its result")
    });
    for receipt in &receipts {
        let place = transactions::get(store, &receipt.transaction)?;
        report.expect(place.is_some(), || {
            format!("transaction {} of block {height} is not indexed", receipt.transaction)
        });
    }
    Ok(())
}

/// Every row of an index leads to what it is about.
fn check_indices(
    store: &dyn Store,
    meta: &Meta,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    store.read_all(Family::BlockHashes, &mut |hash, value| {
        let height = crate::family::height_of_key(Family::BlockHashes, value)?;
        if height >= meta.floor {
            let block = blocks::get(store, height)?;
            let found = block.is_some_and(|block| block.header.hash().0 == hash);
            report.expect(found, || format!("a hash leads to block {height}, whose it is not"));
        }
        Ok(())
    })?;
    let mut seen: Option<(Height, Vec<Receipt>)> = None;
    store.read_all(Family::Transactions, &mut |hash, value| {
        let place = transactions::read(value)?;
        if place.height < meta.floor {
            return Ok(());
        }
        if seen.as_ref().is_none_or(|(height, _)| *height != place.height) {
            let receipts = receipts::get(store, place.height)?.unwrap_or_default();
            seen = Some((place.height, receipts));
        }
        let receipt = seen.as_ref().and_then(|(_, receipts)| receipts.get(place.index as usize));
        let fits = receipt.is_some_and(|receipt| {
            receipt.transaction.0 == hash && receipt.status.is_executed() == place.executed
        });
        report.expect(fits, || {
            format!("a transaction is said to be in block {}, and is not", place.height)
        });
        Ok(())
    })?;
    store.read_all(Family::Certificates, &mut |key, _| {
        let height = crate::family::height_of_key(Family::Certificates, key)?;
        report.expect(height <= meta.height, || {
            format!("there is a certificate for block {height}, above the head")
        });
        Ok(())
    })
}
