//! `meta`: one row, [`Meta`]. It moves in the same write as everything it speaks of.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::codec::FormatVersion;
use primitives::{Hash, Height, Namespace, StateKey};

use super::{Family, decode};
use crate::store::{Batch, Store, StoreError};

const ROW: &[u8] = b"head";

/// Whose chain this is, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Meta {
    /// Of all rows of all families.
    pub(crate) version: FormatVersion,
    pub(crate) genesis: Hash,
    /// Of the last committed block.
    pub(crate) height: Height,
    pub(crate) block: Hash,
    pub(crate) root: Hash,
    /// The lowest height that can be read; what is below may be gone.
    pub(crate) floor: Height,
    pub(crate) usage: BTreeMap<Namespace, Usage>,
}

/// What a namespace holds at the head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Usage {
    pub keys: u64,
    /// Of keys and values.
    pub bytes: u64,
}

impl Usage {
    /// Accounts for a key's new value in place of its old one.
    pub(crate) fn replace(&mut self, key: &StateKey, old: Option<&[u8]>, new: Option<&[u8]>) {
        let cost = |value: &[u8]| (key.key.len() + value.len()) as u64;
        let sum = |count: u64, old: Option<u64>, new: Option<u64>| {
            let Some(rest) = count.checked_sub(old.unwrap_or(0)) else {
                panic!("more was taken from a namespace than it held");
            };
            rest + new.unwrap_or(0)
        };
        self.keys = sum(self.keys, old.map(|_| 1), new.map(|_| 1));
        self.bytes = sum(self.bytes, old.map(cost), new.map(cost));
    }
}

/// `None` in an empty store.
pub(crate) fn get(store: &dyn Store) -> Result<Option<Meta>, StoreError> {
    let Some(bytes) = store.get(Family::Meta, ROW)? else { return Ok(None) };
    decode(Family::Meta, &bytes).map(Some)
}

pub(crate) fn put(batch: &mut Batch, meta: &Meta) {
    batch.put(Family::Meta, ROW, meta);
}
