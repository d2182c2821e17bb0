//! The store below: ordered maps of bytes, one for each family, written in atomic batches.
//!
//! Two of them: RocksDB in the node (`rocks`) and memory in simulations (`memory`). Everything
//! above works on either, so that a simulated crash and restart goes the very way a real one does.

mod background;
pub(crate) mod manifest;
pub(crate) mod memory;
pub(crate) mod pruning;
pub(crate) mod rocks;

use std::fmt::Debug;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use borsh::BorshSerialize;
use primitives::{Height, codec};
use thiserror::Error;

use crate::family::Family;

pub(crate) trait Store: Debug + Send + Sync {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Visits the rows of keys that ascend, or their absence, in that order.
    fn get_many(
        &self,
        family: Family,
        keys: &[&[u8]],
        visit: RowVisitor<'_>,
    ) -> Result<(), StoreError>;

    /// Reads rows in the order of their keys, from any key on, again and again.
    fn scanner(&self, family: Family, reading: Reading) -> Result<Scanner<'_>, StoreError>;

    /// [`Scan::scan`], once.
    fn scan(&self, family: Family, from: &[u8], visit: Visitor<'_>) -> Result<(), StoreError> {
        self.scanner(family, Reading::Scattered)?.scan(from, visit)
    }

    /// Visits all rows, and leaves the cache to those that are read for themselves.
    fn read_all(&self, family: Family, visit: TryVisitor<'_>) -> Result<(), StoreError>;

    /// Writes all or nothing, and returns when it is on the disk.
    fn write(&self, batch: Batch) -> Result<(), StoreError>;

    /// Frees the disk of rows below a height, in a family whose keys are heights, where whole files
    /// hold nothing else. What remains is as it was.
    fn free_below(&self, family: Family, height: Height) -> Result<(), StoreError>;

    /// Rewrites all files now, without what compactions drop. When that fails, nothing more can be written.
    fn compact(&self) -> Result<(), StoreError>;

    /// Makes a database in `path`, which is not there yet, that holds what this one does. Neither
    /// waits for the other.
    fn checkpoint(&self, path: &Path) -> Result<(), StoreError>;

    /// A store with the same content that goes its own way; `None` where that is no matter of
    /// memory.
    fn copy(&self) -> Option<Arc<dyn Store>>;
}

pub(crate) trait Scan: Send {
    /// Visits the rows from `from` on, until the visitor breaks. A row written since this was made
    /// may or may not be seen. The visitor must not call the store.
    fn scan(&mut self, from: &[u8], visit: Visitor<'_>) -> Result<(), StoreError>;

    /// The same for the rows below `end`, the last of them first.
    fn scan_back(&mut self, end: &[u8], visit: Visitor<'_>) -> Result<(), StoreError>;
}

pub(crate) type Scanner<'a> = Box<dyn Scan + 'a>;

/// Where the next scan is likely to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Anywhere.
    Scattered,
    /// A little after the last one's end, and so on through much of the family.
    Onward,
}

pub(crate) type Visitor<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>;
pub(crate) type RowVisitor<'a> = &'a mut dyn FnMut(Option<&[u8]>) -> Result<(), StoreError>;
pub(crate) type TryVisitor<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<(), StoreError>;

/// Why the store could not do as asked. Nobody recovers from one: the process stops.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("the store failed: {0}")]
    Failed(String),
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

impl StoreError {
    /// A row that is there and cannot be what was written.
    pub(crate) fn row(family: Family, why: impl std::fmt::Display) -> Self {
        Self::Damaged(format!("a row of the family `{}` is unreadable: {why}", family.name()))
    }
}

/// Writes that happen together, one after the other in one piece of memory: a block may bring tens
/// of thousands.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    writes: Vec<Write>,
}

#[derive(Debug)]
struct Write {
    family: Family,
    /// Where the key ends; it begins where the write before ends.
    key_end: usize,
    /// Where the value ends; none where the row is deleted.
    value_end: Option<usize>,
}

/// One write of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) family: Family,
    pub(crate) key: &'a [u8],
    /// `None` deletes.
    pub(crate) value: Option<&'a [u8]>,
}

impl Batch {
    /// Writes a value's encoding.
    pub(crate) fn put(
        &mut self,
        family: Family,
        key: &[u8],
        value: &(impl BorshSerialize + ?Sized),
    ) {
        let key_end = self.add_key(key);
        codec::encode_into(value, &mut self.bytes);
        self.writes.push(Write { family, key_end, value_end: Some(self.bytes.len()) });
    }

    /// Writes these very bytes.
    pub(crate) fn put_bytes(&mut self, family: Family, key: &[u8], value: &[u8]) {
        let key_end = self.add_key(key);
        self.bytes.extend_from_slice(value);
        self.writes.push(Write { family, key_end, value_end: Some(self.bytes.len()) });
    }

    pub(crate) fn delete(&mut self, family: Family, key: &[u8]) {
        let key_end = self.add_key(key);
        self.writes.push(Write { family, key_end, value_end: None });
    }

    fn add_key(&mut self, key: &[u8]) -> usize {
        self.bytes.extend_from_slice(key);
        self.bytes.len()
    }

    /// Of keys and values.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        let mut rest = &self.bytes[..];
        let mut start = 0;
        let mut take = move |end: usize| {
            let (taken, after) = rest.split_at(end - start);
            (rest, start) = (after, end);
            taken
        };
        self.writes.iter().map(move |write| Row {
            family: write.family,
            key: take(write.key_end),
            value: write.value_end.map(&mut take),
        })
    }
}

/// The value of a read. Otherwise it panics, and a node stops: a broken disk is never a missing
/// account, and no caller could do anything sensible with half of the state.
pub(crate) fn or_panic<T>(read: Result<T, StoreError>) -> T {
    match read {
        Ok(value) => value,
        Err(error) => {
            panic!(
                "reading the state failed: {error}. Check the disk; then start again, and if the \
                 error stays, what is in `data/db` is lost. Restore it from a backup, or remove it \
                 to fetch the chain from the other validators; leave the vote log beside it as it \
                 is"
            );
        }
    }
}
