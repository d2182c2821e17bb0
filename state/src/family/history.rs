//! `history`: path ‖ height → what stood there before the block at that height changed it.
//!
//! A value at height H is the old value of the first change above H, or else what stands in `flat`.
//! Rows at or below the floor are needed by nobody: each row is about one height, and no row has to
//! be kept because it is the newest.

use std::ops::ControlFlow;

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::{Hash, Height, codec};

use super::{Family, decode, height_of_key};
use crate::hashing;
use crate::store::{Batch, Store, StoreError};

/// A value that stood.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct OldValue {
    /// The block that had written it.
    pub(crate) changed: Height,
    pub(crate) value: Vec<u8>,
}

impl OldValue {
    pub(crate) fn value_hash(&self) -> Hash {
        hashing::value_hash(self.changed, &self.value)
    }
}

pub(crate) fn row_key(path: &Hash, height: Height) -> Vec<u8> {
    [&path.0[..], &height.0.to_be_bytes()].concat()
}

/// Splits a row's key.
pub(crate) fn read_key(row_key: &[u8]) -> Result<(Hash, Height), StoreError> {
    let Some((path, height)) = row_key.split_first_chunk() else {
        return Err(StoreError::row(Family::History, "its key is no path and height"));
    };
    Ok((Hash(*path), height_of_key(Family::History, height)?))
}

/// Reads a row's value as a scan meets it.
pub(crate) fn read_value(value: &[u8]) -> Result<Option<OldValue>, StoreError> {
    decode(Family::History, value)
}

/// What the first change of a key above `height` overwrote: `None` without such a change, and
/// `Some(None)` where it created the key.
pub(crate) fn first_above(
    store: &dyn Store,
    path: &Hash,
    height: Height,
) -> Result<Option<Option<OldValue>>, StoreError> {
    let mut found = None;
    store.scan(Family::History, &row_key(path, height.next()), &mut |key, value| {
        if key.starts_with(&path.0) {
            found = Some(decode(Family::History, value));
        }
        ControlFlow::Break(())
    })?;
    found.transpose()
}

/// All that is kept of a key, from the lowest height up.
pub(crate) fn all(
    store: &dyn Store,
    path: &Hash,
) -> Result<Vec<(Height, Option<OldValue>)>, StoreError> {
    let mut found = Vec::new();
    let mut outcome = Ok(());
    store.scan(Family::History, &path.0, &mut |key, value| {
        if !key.starts_with(&path.0) {
            return ControlFlow::Break(());
        }
        match read_key(key).and_then(|(_, height)| Ok((height, read_value(value)?))) {
            Ok(row) => found.push(row),
            Err(error) => outcome = Err(error),
        }
        ControlFlow::Continue(())
    })?;
    outcome?;
    Ok(found)
}

pub(crate) fn put(batch: &mut Batch, path: &Hash, height: Height, old: Option<&OldValue>) {
    batch.put(Family::History, row_key(path, height), codec::encode(&old));
}

pub(crate) fn delete(batch: &mut Batch, path: &Hash, height: Height) {
    batch.delete(Family::History, row_key(path, height));
}
