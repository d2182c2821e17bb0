//! `flat`: path → [`FlatRecord`]. The state itself; the tree is a function of it.

use std::ops::ControlFlow;

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::{Hash, Height, StateKey};

use super::{Family, decode};
use crate::hashing;
use crate::store::{Batch, Reading, Scan, Store, StoreError};
use crate::tree::page::Leaf;

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
    pub(crate) fn value_hash(&self) -> Hash {
        hashing::value_hash(self.changed, &self.value)
    }

    pub(crate) fn leaf(&self) -> Leaf {
        hashing::leaf(&self.key, self.changed, &self.value)
    }
}

/// The record of a key, whose path the caller knows.
pub(crate) fn get(
    store: &dyn Store,
    path: &Hash,
    key: &StateKey,
) -> Result<Option<FlatRecord>, StoreError> {
    read(key, path, store.get(Family::Flat, &path.0)?.as_deref())
}

/// The records of keys with their paths, in the order given.
pub(crate) fn get_many(
    store: &dyn Store,
    keys: &[(Hash, &StateKey)],
) -> Result<Vec<Option<FlatRecord>>, StoreError> {
    let paths: Vec<&[u8]> = keys.iter().map(|(path, _)| &path.0[..]).collect();
    let mut records = Vec::with_capacity(keys.len());
    let mut keys = keys.iter();
    store.get_many(Family::Flat, &paths, &mut |row| {
        let Some((path, key)) = keys.next() else { panic!("a row that nobody asked for") };
        records.push(read(key, path, row)?);
        Ok(())
    })?;
    Ok(records)
}

fn read(key: &StateKey, path: &Hash, row: Option<&[u8]>) -> Result<Option<FlatRecord>, StoreError> {
    let Some(bytes) = row else { return Ok(None) };
    let record: FlatRecord = decode(Family::Flat, bytes)?;
    if record.key != *key {
        return Err(misplaced(path));
    }
    Ok(Some(record))
}

/// The record at a path, whatever its key.
pub(crate) fn at(store: &dyn Store, path: &Hash) -> Result<Option<FlatRecord>, StoreError> {
    let Some(bytes) = store.get(Family::Flat, &path.0)? else { return Ok(None) };
    let record: FlatRecord = decode(Family::Flat, &bytes)?;
    if record.key.path() != *path {
        return Err(misplaced(path));
    }
    Ok(Some(record))
}

/// The first path from `path` on that has a record.
pub(crate) fn first_from(store: &dyn Store, path: &Hash) -> Result<Option<Hash>, StoreError> {
    let mut found = None;
    store.scan(Family::Flat, &path.0, &mut |key, _| {
        found = Some(key.to_vec());
        ControlFlow::Break(())
    })?;
    let Some(key) = found else { return Ok(None) };
    let path = key.try_into().map_err(|_| StoreError::row(Family::Flat, "its key is no path"))?;
    Ok(Some(Hash(path)))
}

/// The leaves whose paths share the first `depth` bits with `path`, ascending.
pub(crate) fn leaves(
    rows: &mut dyn Scan,
    path: &Hash,
    depth: usize,
) -> Result<Vec<Leaf>, StoreError> {
    let mut leaves = Vec::new();
    visit_rows(rows, path, depth, |path, bytes| {
        let (changed, value) = read_parts(bytes)?;
        let value_hash = hashing::value_hash(changed, value);
        leaves.push(Leaf { path, hash: hashing::leaf_hash(&path, &value_hash) });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(leaves)
}

/// Visits the records whose paths share the first `depth` bits with `path`, ascending by path.
pub(crate) fn visit(
    store: &dyn Store,
    path: &Hash,
    depth: usize,
    mut visit: impl FnMut(Hash, FlatRecord),
) -> Result<(), StoreError> {
    visit_while(store, path, depth, |path, record| {
        visit(path, record);
        ControlFlow::Continue(())
    })
}

/// [`visit`], until the visitor breaks.
pub(crate) fn visit_while(
    store: &dyn Store,
    path: &Hash,
    depth: usize,
    mut visit: impl FnMut(Hash, FlatRecord) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut rows = store.scanner(Family::Flat, Reading::Scattered)?;
    visit_rows(&mut *rows, path, depth, |path, bytes| Ok(visit(path, read_record(&path.0, bytes)?)))
}

fn visit_rows(
    rows: &mut dyn Scan,
    path: &Hash,
    depth: usize,
    mut visit: impl FnMut(Hash, &[u8]) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let mut outcome = Ok(());
    let first = first(path, depth);
    rows.scan(&first.0, &mut |row_key, bytes| {
        let flow = match row_key.try_into().map(Hash) {
            Ok(at) if share(&at, &first, depth) => visit(at, bytes),
            Ok(_) => Ok(ControlFlow::Break(())),
            Err(_) => Err(StoreError::row(Family::Flat, "its key is no path")),
        };
        flow.unwrap_or_else(|error| {
            outcome = Err(error);
            ControlFlow::Break(())
        })
    })?;
    outcome
}

/// Height of the last change and value: those of a [`FlatRecord`], where they
/// stand. Pages are read a thousand records at a time.
fn read_parts(bytes: &[u8]) -> Result<(Height, &[u8]), StoreError> {
    let short = || StoreError::row(Family::Flat, "it ends in the middle");
    let length = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes) as usize;
    let (_, rest) = bytes.split_first_chunk::<1>().ok_or_else(short)?;
    let (count, rest) = rest.split_first_chunk().ok_or_else(short)?;
    let (_, rest) = rest.split_at_checked(length(count)).ok_or_else(short)?;
    let (changed, rest) = rest.split_first_chunk().ok_or_else(short)?;
    let (count, value) = rest.split_first_chunk().ok_or_else(short)?;
    if value.len() != length(count) {
        return Err(short());
    }
    Ok((Height(u64::from_le_bytes(*changed)), value))
}

/// The lowest path that shares the first `depth` bits with `path`.
pub(crate) fn first(path: &Hash, depth: usize) -> Hash {
    let mut first = *path;
    for (byte, at) in first.0.iter_mut().zip((0..).step_by(8)) {
        *byte &= match depth.saturating_sub(at) {
            0 => 0,
            bits @ 1..8 => !(0xff >> bits),
            _ => 0xff,
        };
    }
    first
}

/// Whether two paths share their first `depth` bits.
pub(crate) fn share(one: &Hash, other: &Hash, depth: usize) -> bool {
    let (whole, bits) = (depth / 8, depth % 8);
    let last = |path: &Hash| path.0.get(whole).map(|byte| u16::from(*byte) >> (8 - bits));
    one.0.get(..whole) == other.0.get(..whole) && last(one) == last(other)
}

pub(crate) fn put(batch: &mut Batch, path: &Hash, record: &FlatRecord) {
    batch.put(Family::Flat, &path.0, record);
}

/// [`put`] of a record by its fields.
pub(crate) fn put_fields(
    batch: &mut Batch,
    path: &Hash,
    key: &StateKey,
    changed: Height,
    value: &[u8],
) {
    batch.put(Family::Flat, &path.0, &(key, changed, value));
}

pub(crate) fn delete(batch: &mut Batch, path: &Hash) {
    batch.delete(Family::Flat, &path.0);
}

/// Reads a row as a scan meets it.
pub(crate) fn read_record(row_key: &[u8], bytes: &[u8]) -> Result<FlatRecord, StoreError> {
    let record: FlatRecord = decode(Family::Flat, bytes)?;
    let path = record.key.path();
    if row_key != path.0 {
        return Err(misplaced(&path));
    }
    Ok(record)
}

/// Reads a record, wherever it stands.
pub(crate) fn decode_record(bytes: &[u8]) -> Result<FlatRecord, StoreError> {
    decode(Family::Flat, bytes)
}

fn misplaced(path: &Hash) -> StoreError {
    StoreError::row(Family::Flat, format!("the record at {path} is another key's"))
}
