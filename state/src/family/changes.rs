//! `changes`: height → the keys that the block changed, each with the hash of its new value. Kept
//! as long as history, and as long as the oldest unit of `nodes` is to be brought up to date.

use std::ops::ControlFlow;

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::{Hash, Height, StateKey};

use super::{Family, decode, height_key, height_of_key};
use crate::store::{Batch, Store, StoreError};

/// What a block did to one key.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Change {
    pub(crate) key: StateKey,
    /// `None` when it was deleted.
    pub(crate) value_hash: Option<Hash>,
}

/// Those of one block, ascending by path.
pub(crate) fn get(store: &dyn Store, height: Height) -> Result<Vec<Change>, StoreError> {
    let bytes = store.get(Family::Changes, &height_key(height))?;
    let missing = || StoreError::row(Family::Changes, format!("that of block {height} is missing"));
    decode(Family::Changes, &bytes.ok_or_else(missing)?)
}

/// Visits the blocks from `from` on, in their order.
pub(crate) fn visit(
    store: &dyn Store,
    from: Height,
    mut visit: impl FnMut(Height, Vec<Change>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut outcome = Ok(());
    store.scan(Family::Changes, &height_key(from), &mut |key, value| {
        outcome = height_of_key(Family::Changes, key)
            .and_then(|height| visit(height, decode(Family::Changes, value)?));
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    outcome
}

/// The fields of [`Change`]s.
pub(crate) fn put(batch: &mut Batch, height: Height, changes: &[(&StateKey, Option<Hash>)]) {
    batch.put(Family::Changes, &height_key(height), changes);
}

pub(crate) fn delete(batch: &mut Batch, height: Height) {
    batch.delete(Family::Changes, &height_key(height));
}
