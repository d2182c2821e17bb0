//! `transactions`: transaction hash → [`Place`].

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::{Hash, Height, Receipt};

use super::{Family, decode};
use crate::store::{Batch, Store, StoreError};

/// Where a transaction's receipt is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Place {
    pub(crate) height: Height,
    /// Among the block's receipts.
    pub(crate) index: u32,
    /// Whether it used its nonce there. A rejected transaction may come again and be executed; an
    /// executed one that comes again is rejected, which must not hide its receipt.
    pub(crate) executed: bool,
}

impl Place {
    /// Whether this place is to stand in the index instead of `older`.
    pub(crate) fn replaces(&self, older: &Self) -> bool {
        !older.executed
    }
}

pub(crate) fn get(store: &dyn Store, transaction: &Hash) -> Result<Option<Place>, StoreError> {
    let Some(bytes) = store.get(Family::Transactions, &transaction.0)? else { return Ok(None) };
    read(&bytes).map(Some)
}

/// Reads a row as a scan meets it.
pub(crate) fn read(value: &[u8]) -> Result<Place, StoreError> {
    decode(Family::Transactions, value)
}

pub(crate) fn put(batch: &mut Batch, transaction: &Hash, place: &Place) {
    batch.put(Family::Transactions, &transaction.0, place);
}

/// Indexes the transactions of a block that stands alone.
pub(crate) fn put_all(batch: &mut Batch, height: Height, receipts: &[Receipt]) {
    let mut all = BTreeMap::new();
    for (hash, place) in places(height, receipts) {
        let stands = all.entry(hash).or_insert(place);
        if place.replaces(stands) {
            *stands = place;
        }
    }
    for (hash, place) in &all {
        put(batch, hash, place);
    }
}

pub(crate) fn delete(batch: &mut Batch, transaction: &Hash) {
    batch.delete(Family::Transactions, &transaction.0);
}

/// Where the receipts of a block are found.
pub(crate) fn places(
    height: Height,
    receipts: &[Receipt],
) -> impl Iterator<Item = (Hash, Place)> + '_ {
    (0u32..).zip(receipts).map(move |(index, receipt)| {
        let executed = receipt.status.is_executed();
        (receipt.transaction, Place { height, index, executed })
    })
}
