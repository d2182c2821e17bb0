//! `blocks`: height → [`BlockRecord`], and `block_hashes`: block hash → height.

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::codec::FormatVersion;
use primitives::{ExecutionResult, Hash, Header, Height, SignedBatch};

use super::{Family, decode, height_key, height_of_key};
use crate::store::{Batch, Store, StoreError};

/// A committed block with its payload and what executing it gave.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct BlockRecord {
    pub(crate) version: FormatVersion,
    pub(crate) header: Header,
    pub(crate) result: ExecutionResult,
    pub(crate) batches: Vec<SignedBatch>,
}

pub(crate) fn get(store: &dyn Store, height: Height) -> Result<Option<BlockRecord>, StoreError> {
    let Some(bytes) = store.get(Family::Blocks, &height_key(height))? else { return Ok(None) };
    decode(Family::Blocks, &bytes).map(Some)
}

pub(crate) fn put(batch: &mut Batch, hash: &Hash, record: &BlockRecord) {
    let height = record.header.height;
    batch.put(Family::Blocks, &height_key(height), record);
    batch.put_bytes(Family::BlockHashes, &hash.0, &height_key(height));
}

pub(crate) fn height_of(store: &dyn Store, hash: &Hash) -> Result<Option<Height>, StoreError> {
    let Some(bytes) = store.get(Family::BlockHashes, &hash.0)? else { return Ok(None) };
    height_of_key(Family::BlockHashes, &bytes).map(Some)
}

pub(crate) fn delete(batch: &mut Batch, height: Height, hash: &Hash) {
    batch.delete(Family::Blocks, &height_key(height));
    batch.delete(Family::BlockHashes, &hash.0);
}
