//! The families of rows: one file for each stored record, its key, its encoding and its reads and
//! writes.
//!
//! | family | key → value |
//! | --- | --- |
//! | `flat` | path → key, height of last change, value |
//! | `order` | namespace ‖ key → nothing: ordered scans |
//! | `history` | path ‖ height → the value that the block at that height overwrote |
//! | `changes` | height → the keys that the block changed, with the hashes of their new values |
//! | `deleted` | namespace ‖ key → height of its last deletion: ordered scans of the past |
//! | `nodes` | first two bytes of paths → the tree's nodes below, and the height they are of |
//! | `blocks` | height → header, batches, execution result |
//! | `block_hashes` | block hash → height |
//! | `certificates` | height → commit certificate; only heights that have one of their own |
//! | `receipts` | height → receipts, in the block's order |
//! | `transactions` | transaction hash → height, place in the block, executed or not |
//! | `meta` | one row: format, genesis, head, floor, what each namespace holds |
//!
//! Heights in keys are big-endian, so that rows stand in the chain's order. Values are canonical
//! binary.

pub(crate) mod blocks;
pub(crate) mod certificates;
pub(crate) mod changes;
pub(crate) mod deleted;
pub(crate) mod flat;
pub(crate) mod headers;
pub(crate) mod history;
pub(crate) mod meta;
pub(crate) mod nodes;
pub(crate) mod order;
pub(crate) mod receipts;
pub(crate) mod transactions;

use borsh::BorshDeserialize;
use primitives::{Height, codec};

use crate::store::StoreError;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    Flat,
    Order,
    History,
    Changes,
    Deleted,
    Nodes,
    Blocks,
    BlockHashes,
    Certificates,
    Receipts,
    Transactions,
    Meta,
}

impl Family {
    pub(crate) const ALL: [Self; 12] = [
        Self::Flat,
        Self::Order,
        Self::History,
        Self::Changes,
        Self::Deleted,
        Self::Nodes,
        Self::Blocks,
        Self::BlockHashes,
        Self::Certificates,
        Self::Receipts,
        Self::Transactions,
        Self::Meta,
    ];

    /// The column family's name; part of the stored format.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Order => "order",
            Self::History => "history",
            Self::Changes => "changes",
            Self::Deleted => "deleted",
            Self::Nodes => "nodes",
            Self::Blocks => "blocks",
            Self::BlockHashes => "block_hashes",
            Self::Certificates => "certificates",
            Self::Receipts => "receipts",
            Self::Transactions => "transactions",
            Self::Meta => "meta",
        }
    }
}

pub(crate) fn height_key(height: Height) -> [u8; 8] {
    height.0.to_be_bytes()
}

pub(crate) fn height_of_key(family: Family, key: &[u8]) -> Result<Height, StoreError> {
    let bytes = key.try_into().map_err(|_| StoreError::row(family, "its key is no height"))?;
    Ok(Height(u64::from_be_bytes(bytes)))
}

/// Decodes a row. Its length was bounded when it was written.
fn decode<T: BorshDeserialize>(family: Family, bytes: &[u8]) -> Result<T, StoreError> {
    codec::decode(bytes, bytes.len()).map_err(|error| StoreError::row(family, error))
}

#[cfg(test)]
#[path = "family/fixtures.rs"]
mod fixtures;
