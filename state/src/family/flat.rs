//! `flat`: path → [`FlatRecord`]. The state itself; the tree is a function of it.

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::{Hash, Height, StateKey, codec};

use super::{Family, decode};
use crate::hashing;
use crate::store::{Batch, Store, StoreError};
use crate::tree::Leaf;

/// One key of the state with its value.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct FlatRecord {
    /// Kept because the row's key is only its hash.
    pub(crate) key: StateKey,
    /// The block that last wrote the value.
    pub(crate) changed: Height,
    pub(crate) value: Vec<u8>,
}

impl FlatRecord {
    pub(crate) fn leaf(&self) -> Leaf {
        let value_hash = hashing::value_hash(self.changed, &self.value);
        Leaf { path: self.key.path(), value_hash }
    }
}

pub(crate) fn get(store: &dyn Store, key: &StateKey) -> Result<Option<FlatRecord>, StoreError> {
    let path = key.path();
    let Some(bytes) = store.get(Family::Flat, &path.0)? else { return Ok(None) };
    let record: FlatRecord = decode(Family::Flat, &bytes)?;
    if record.key != *key {
        return Err(misplaced(&path));
    }
    Ok(Some(record))
}

pub(crate) fn put(batch: &mut Batch, record: &FlatRecord) {
    batch.put(Family::Flat, record.key.path().0.to_vec(), codec::encode(record));
}

pub(crate) fn delete(batch: &mut Batch, key: &StateKey) {
    batch.delete(Family::Flat, key.path().0.to_vec());
}

/// The leaf of a row as a scan meets it.
pub(crate) fn read_leaf(row_key: &[u8], bytes: &[u8]) -> Result<Leaf, StoreError> {
    let record: FlatRecord = decode(Family::Flat, bytes)?;
    let leaf = record.leaf();
    if row_key != leaf.path.0 {
        return Err(misplaced(&leaf.path));
    }
    Ok(leaf)
}

fn misplaced(path: &Hash) -> StoreError {
    StoreError::row(Family::Flat, format!("the record at {path} is another key's"))
}
