//! Rolling back: the head becomes an earlier block, as if those above had not been committed.
//!
//! For an operator whose chain agreed to take blocks back, with all validators stopped. One atomic
//! write; what the blocks overwrote comes back from `history`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use primitives::{Hash, Height, StateKey};
use thiserror::Error;

use crate::family::flat::{self, FlatRecord};
use crate::family::history::OldValue;
use crate::family::meta::{self, Meta};
use crate::family::transactions::{self, Place};
use crate::family::{blocks, certificates, changes, deleted, history, nodes, order, receipts};
use crate::fault;
use crate::floor::{Floors, HeightError};
use crate::recovery::{self, OpenError, damaged};
use crate::store::{Batch, Store, StoreError};

/// Why a rollback was refused; nothing has changed.
#[derive(Debug, Error)]
pub enum RollbackError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Height(#[from] HeightError),
    #[error(
        "block {height} was committed by the certificate of a block above it, so it cannot be the \
         head; the next one below that can is {below}"
    )]
    NoCertificate { height: Height, below: Height },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes the block at `height` the head of the database at `path`, which nobody else has open.
pub fn rollback(path: &Path, height: Height) -> Result<(), RollbackError> {
    let store = recovery::open_existing(path, &Floors::default())?;
    rollback_store(&store, height)
}

pub(crate) fn rollback_store(store: &dyn Store, to: Height) -> Result<(), RollbackError> {
    let meta = recovery::read_meta(store)?;
    let (head, floor) = (meta.height, meta.floor);
    if to > head {
        return Err(HeightError::AboveHead { height: to, head }.into());
    }
    if to < floor {
        return Err(HeightError::Pruned { height: to, floor }.into());
    }
    check_certificate(store, to, floor)?;
    if to < head {
        store.write(prepare(store, meta, to)?)?;
        fault::point("rollback: written");
    }
    Ok(())
}

fn check_certificate(store: &dyn Store, to: Height, floor: Height) -> Result<(), RollbackError> {
    let can_be_head = |height: Height| {
        Ok::<_, StoreError>(height == Height::ZERO || certificates::get(store, height)?.is_some())
    };
    if can_be_head(to)? {
        return Ok(());
    }
    for below in (floor.0..to.0).rev().map(Height) {
        if can_be_head(below)? {
            return Err(RollbackError::NoCertificate { height: to, below });
        }
    }
    Err(HeightError::Pruned { height: to, floor }.into())
}

fn prepare(store: &dyn Store, mut meta: Meta, to: Height) -> Result<Batch, StoreError> {
    let mut batch = Batch::default();
    let mut keys = BTreeMap::<StateKey, Hash>::new();
    let mut executed = BTreeSet::new();
    for height in (to.0 + 1..=meta.height.0).map(Height) {
        for change in changes::get(store, height)? {
            let path = change.key.path();
            history::delete(&mut batch, &path, height);
            keys.insert(change.key, path);
        }
        changes::delete(&mut batch, height);
        let block = blocks::get(store, height)?.ok_or_else(|| missing("block", height))?;
        blocks::delete(&mut batch, height, &block.header.hash());
        certificates::delete(&mut batch, height);
        let receipts = receipts::get(store, height)?.ok_or_else(|| missing("receipts", height))?;
        executed.extend(receipts.iter().map(|receipt| receipt.transaction));
        receipts::delete(&mut batch, height);
    }
    for (key, path) in &keys {
        restore_value(store, key, path, to, &mut meta, &mut batch)?;
    }
    restore_places(store, executed, &meta, to, &mut batch)?;
    for (unit, nodes) in nodes::all(store)? {
        // Built anew from the values at the next start.
        if nodes.height > to {
            nodes::delete(&mut batch, unit);
        }
    }
    let block = blocks::get(store, to)?.ok_or_else(|| missing("block", to))?;
    (meta.height, meta.block, meta.root) = (to, block.header.hash(), block.result.state_root);
    meta::put(&mut batch, &meta);
    Ok(batch)
}

fn missing(what: &str, height: Height) -> StoreError {
    damaged(format!("the {what} at height {height}, which it should hold, cannot be found"))
}

/// Puts back what stood under a key at `to`.
fn restore_value(
    store: &dyn Store,
    key: &StateKey,
    path: &Hash,
    to: Height,
    meta: &mut Meta,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let gone = |height: Height| damaged(format!("what blocks above {height} overwrote is missing"));
    let old = history::first_above(store, path, to)?.ok_or_else(|| gone(to))?;
    let now = flat::get(store, path, key)?;
    let usage = meta.usage.entry(key.namespace).or_default();
    let [before, after] =
        [now.as_ref().map(|record| &record.value[..]), old.as_ref().map(|old| &old.value[..])];
    usage.replace(key, before, after);
    match (&now, &old) {
        (None, Some(_)) => order::put(batch, key),
        (Some(_), None) => order::delete(batch, key),
        _ => {}
    }
    let present = old.is_some();
    match old {
        Some(OldValue { changed, value, .. }) => {
            flat::put(batch, path, &FlatRecord { key: key.clone(), changed, value });
        }
        None => flat::delete(batch, path),
    }
    match last_deletion(store, path, to, present)?.filter(|height| *height > meta.floor) {
        Some(height) => deleted::put(batch, key, height),
        None => deleted::delete(batch, key),
    }
    Ok(())
}

/// The height up to `to` at which a key was last deleted; `present` says whether it is there then.
fn last_deletion(
    store: &dyn Store,
    path: &Hash,
    to: Height,
    present: bool,
) -> Result<Option<Height>, StoreError> {
    let rows: Vec<_> =
        history::all(store, path)?.into_iter().filter(|(height, _)| *height <= to).collect();
    // A change deleted if nothing stood when the next one came.
    let stands = rows.iter().skip(1).map(|(_, old)| old.is_some()).chain([present]);
    let deletions = rows.iter().zip(stands).filter(|(_, stands)| !stands);
    Ok(deletions.map(|((height, _), _)| *height).last())
}

/// Lets transactions of the blocks taken back be found where they were before, if anywhere.
fn restore_places(
    store: &dyn Store,
    mut transactions: BTreeSet<Hash>,
    meta: &Meta,
    to: Height,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let mut kept = BTreeSet::new();
    for hash in &transactions {
        match transactions::get(store, hash)? {
            Some(place) if place.height <= to => kept.extend([*hash]),
            _ => transactions::delete(batch, hash),
        }
    }
    transactions.retain(|hash| !kept.contains(hash));
    let mut places = BTreeMap::<Hash, Place>::new();
    if !transactions.is_empty() {
        for height in (meta.floor.0..=to.0).map(Height) {
            let receipts = receipts::get(store, height)?;
            let receipts = receipts.ok_or_else(|| missing("receipts", height))?;
            for (hash, place) in transactions::places(height, &receipts) {
                let older = places.get(&hash);
                if transactions.contains(&hash) && older.is_none_or(|older| place.replaces(older)) {
                    places.insert(hash, place);
                }
            }
        }
    }
    for (hash, place) in &places {
        transactions::put(batch, hash, place);
    }
    Ok(())
}
