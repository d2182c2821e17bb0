//! `deleted`: namespace ‖ key → the height at which the key was last deleted. A scan at a height
//! looks here for the keys that `order` no longer names. The rows stand apart, so that a scan at
//! the head, which contracts pay for, does not pass by what was deleted long ago.

use primitives::{Height, StateKey};

use super::order::row_key;
use super::{Family, height_key, height_of_key};
use crate::store::{Batch, StoreError};

pub(crate) fn put(batch: &mut Batch, key: &StateKey, height: Height) {
    batch.put_bytes(Family::Deleted, &row_key(key), &height_key(height));
}

pub(crate) fn delete(batch: &mut Batch, key: &StateKey) {
    batch.delete(Family::Deleted, &row_key(key));
}

pub(crate) fn read_height(value: &[u8]) -> Result<Height, StoreError> {
    height_of_key(Family::Deleted, value)
}
