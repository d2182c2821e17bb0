//! `blocks`: height → [`BlockRecord`], and `block_hashes`: block hash → height.

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::codec::{self, FormatVersion};
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
    batch.put(Family::Blocks, height_key(height), codec::encode(record));
    batch.put(Family::BlockHashes, hash.0.to_vec(), height_key(height));
}

pub(crate) fn height_of(store: &dyn Store, hash: &Hash) -> Result<Option<Height>, StoreError> {
    let Some(bytes) = store.get(Family::BlockHashes, &hash.0)? else { return Ok(None) };
    height_of_key(Family::BlockHashes, &bytes).map(Some)
}

/// Reads height and header of a row as a scan meets it, and leaves the payload alone.
pub(crate) fn read_header(row_key: &[u8], bytes: &[u8]) -> Result<(Height, Header), StoreError> {
    let height = height_of_key(Family::Blocks, row_key)?;
    let mut rest = bytes;
    let (_, header) = <(FormatVersion, Header)>::deserialize(&mut rest)
        .map_err(|error| StoreError::row(Family::Blocks, error))?;
    Ok((height, header))
}
