//! `transactions`: transaction hash → [`Place`].

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::{Hash, Height, codec};

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
    decode(Family::Transactions, &bytes).map(Some)
}

pub(crate) fn put(batch: &mut Batch, transaction: &Hash, place: &Place) {
    batch.put(Family::Transactions, transaction.0.to_vec(), codec::encode(place));
}
