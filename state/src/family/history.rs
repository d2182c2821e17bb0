//! `history`: path ‖ height → what stood there before the block at that height changed it.
//!
//! A value at height H is the old value of the first change above H, or else what stands in `flat`.
//! Rows at or below the floor are needed by nobody: each row is about one height, and no row has to
//! be kept because it is the newest.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::{Hash, Height, StateKey};

use super::{Family, decode, flat, height_of_key};
use crate::hashing;
use crate::store::{Batch, Store, StoreError};

/// A value that stood.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct OldValue {
    /// The block that had written it.
    pub(crate) changed: Height,
    pub(crate) value: Vec<u8>,
    /// The key, where the change deleted it: nothing else says which one had this path.
    pub(crate) deleted: Option<StateKey>,
}

impl OldValue {
    pub(crate) fn value_hash(&self) -> Hash {
        hashing::value_hash(self.changed, &self.value)
    }
}

pub(crate) fn row_key(path: &Hash, height: Height) -> [u8; 40] {
    let mut key = [0; 40];
    let (of_path, of_height) = key.split_at_mut(path.0.len());
    of_path.copy_from_slice(&path.0);
    of_height.copy_from_slice(&height.0.to_be_bytes());
    key
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
    visit(store, path, 8 * path.0.len(), |_, height, old| found.push((height, old)))?;
    Ok(found)
}

/// What the first change above `height` overwrote, for each path that shares its first `depth` bits
/// with `path` and has one; with the key if the last change that is kept deleted it.
#[expect(clippy::type_complexity, reason = "read in one place")]
pub(crate) fn first_above_each(
    store: &dyn Store,
    path: &Hash,
    depth: usize,
    height: Height,
) -> Result<BTreeMap<Hash, Option<(Option<StateKey>, OldValue)>>, StoreError> {
    let mut found = BTreeMap::<Hash, (Option<StateKey>, Option<OldValue>)>::new();
    visit(store, path, depth, |path, changed, old| {
        if changed > height {
            let key = old.as_ref().and_then(|old| old.deleted.clone());
            let entry = found.entry(path).or_insert_with(|| (None, old));
            entry.0 = key.or_else(|| entry.0.take());
        }
    })?;
    Ok(found.into_iter().map(|(path, (key, old))| (path, old.map(|old| (key, old)))).collect())
}

/// Visits the rows of all paths that share their first `depth` bits with `path`, in order.
fn visit(
    store: &dyn Store,
    path: &Hash,
    depth: usize,
    mut visit: impl FnMut(Hash, Height, Option<OldValue>),
) -> Result<(), StoreError> {
    let mut outcome = Ok(());
    store.scan(Family::History, &flat::first(path, depth).0, &mut |key, value| {
        match read_key(key) {
            Ok((at, _)) if !flat::share(&at, path, depth) => return ControlFlow::Break(()),
            Ok((at, height)) => match read_value(value) {
                Ok(old) => visit(at, height, old),
                Err(error) => outcome = Err(error),
            },
            Err(error) => outcome = Err(error),
        }
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    outcome
}

/// A value without a key.
pub(crate) fn nameless(path: &Hash) -> StoreError {
    StoreError::row(Family::History, format!("nothing says whose path {path} is"))
}

/// The fields of an [`OldValue`], where there is one.
pub(crate) fn put(
    batch: &mut Batch,
    path: &Hash,
    height: Height,
    old: Option<(Height, &[u8], Option<&StateKey>)>,
) {
    batch.put(Family::History, &row_key(path, height), &old);
}

pub(crate) fn delete(batch: &mut Batch, path: &Hash, height: Height) {
    batch.delete(Family::History, &row_key(path, height));
}
