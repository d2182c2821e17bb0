//! `meta`: one row, [`Meta`]. It moves in the same write as everything it speaks of.

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::codec::{self, FormatVersion};
use primitives::{Hash, Height};

use super::{Family, decode};
use crate::store::{Batch, Store, StoreError};

const ROW: &[u8] = b"head";

/// Whose chain this is, and how far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Meta {
    /// Of all rows of all families.
    pub(crate) version: FormatVersion,
    pub(crate) genesis: Hash,
    /// Of the last committed block.
    pub(crate) height: Height,
    pub(crate) block: Hash,
    pub(crate) root: Hash,
}

/// `None` in an empty store.
pub(crate) fn get(store: &dyn Store) -> Result<Option<Meta>, StoreError> {
    let Some(bytes) = store.get(Family::Meta, ROW)? else { return Ok(None) };
    decode(Family::Meta, &bytes).map(Some)
}

pub(crate) fn put(batch: &mut Batch, meta: &Meta) {
    batch.put(Family::Meta, ROW.to_vec(), codec::encode(meta));
}
