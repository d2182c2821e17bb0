//! `order`: namespace ‖ key → nothing. Paths are hashes, so this is what ordered scans go by.
//! Written only when a key comes or goes.

use borsh::BorshDeserialize;
use primitives::{Namespace, StateKey, codec};

use super::Family;
use crate::store::{Batch, StoreError};

/// The row's key. Orders as [`StateKey`] does.
pub(crate) fn row_key(key: &StateKey) -> Vec<u8> {
    let mut bytes = codec::encode(&key.namespace);
    bytes.extend_from_slice(&key.key);
    bytes
}

pub(crate) fn put(batch: &mut Batch, key: &StateKey) {
    batch.put_bytes(Family::Order, &row_key(key), &[]);
}

pub(crate) fn delete(batch: &mut Batch, key: &StateKey) {
    batch.delete(Family::Order, &row_key(key));
}

/// Reads a row as a scan meets it.
pub(crate) fn read_row(row_key: &[u8]) -> Result<StateKey, StoreError> {
    let mut rest = row_key;
    let namespace =
        Namespace::deserialize(&mut rest).map_err(|error| StoreError::row(Family::Order, error))?;
    Ok(StateKey { namespace, key: rest.to_vec() })
}
