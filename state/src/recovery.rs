//! Opening: what the store holds becomes the head and the tree, or a clear error. Never a guess,
//! never a repair.
//!
//! Everything is read once at start, in the order of the files, and every checksum on the way is
//! verified:
//!
//! - the tree is built from `flat`, value by value, and its root must be the one the last block was
//!   committed with, so that no value can be missing, added or changed;
//! - `order` must name exactly the keys of the tree;
//! - the headers in `blocks` must be the chain from the genesis to the head, hash by hash;
//! - the other families must be readable.
//!
//! The cost grows with the data directory: one and a half seconds of one core for a million
//! small keys, measured on a virtual machine, and reading the blocks. Once that is too long, the
//! tree's nodes are to be kept (`nodes` and `changes` in the design), and the reading moves behind
//! the start.
//!
//! A write that a crash cut short was never acknowledged, and RocksDB drops it. A log that was
//! damaged later looks the same: the head is then that of an earlier commit, whole. The consensus
//! log knows whether a higher block was committed, and it is fetched again.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use primitives::codec::FormatVersion;
use primitives::{ExecutionResult, Hash, Header, Height, merkle};
use thiserror::Error;

use crate::family::blocks::{self, BlockRecord};
use crate::family::flat::{self, FlatRecord};
use crate::family::meta::{self, Meta};
use crate::family::{Family, certificates, order, receipts};
use crate::fault;
use crate::overlay::Changes;
use crate::store::rocks::RocksStore;
use crate::store::{Batch, Store, StoreError};
use crate::tree::{Leaf, Tree};
use crate::version::{Head, Version};

/// What stands at height 0.
#[derive(Clone, Debug)]
pub struct GenesisBlock {
    /// [`primitives::Genesis::header`].
    pub header: Header,
    /// [`primitives::Genesis::hash`].
    pub genesis_hash: Hash,
    /// The state the chain begins with.
    pub changes: Changes,
    /// The hash of the set that signs the first block.
    pub next_validators: Hash,
}

/// Why the state cannot be opened, and what to do.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error(
        "another process uses the database at {path}; stop it, or give this node a data directory \
         of its own"
    )]
    Locked { path: PathBuf },
    #[error(
        "the database at {path} is damaged: {reason}. Restore it from a backup, or remove {path} \
         to fetch the chain from the other validators; leave the vote log beside it as it is"
    )]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "the database at {path} cannot be opened: {reason}. Check that the directory may be \
         written, that the disk has space and no errors, and how many files a process may open"
    )]
    Inaccessible { path: PathBuf, reason: String },
    #[error(
        "the database at {path} belongs to the chain with genesis {stored}, and the genesis file \
         is that of {given}; use the genesis file this node was set up with, or another data \
         directory"
    )]
    OtherGenesis { path: PathBuf, stored: Hash, given: Hash },
}

/// Opens the database at `path`, or makes it.
///
/// A new one is made beside `path` and moved there when its genesis is written: what stands at
/// `path` is always whole, and whatever is missing from it was lost.
pub(crate) fn open(path: &Path, genesis: &GenesisBlock) -> Result<Arc<dyn Store>, OpenError> {
    let inaccessible = |error: std::io::Error| OpenError::Inaccessible {
        path: path.to_path_buf(),
        reason: error.to_string(),
    };
    let is_new = match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(inaccessible(error)),
    };
    if is_new {
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".unfinished");
        let unfinished = PathBuf::from(unfinished);
        std::fs::create_dir_all(&unfinished).map_err(inaccessible)?;
        fault::point("open: directory made");
        let store = open_rocks(&unfinished, true)?;
        fault::point("open: database made");
        begin(&store, genesis).map_err(|error| refused(&unfinished, error))?;
        fault::point("begin: genesis written");
        // Closed before it moves: an open database knows its files by their paths.
        drop(store);
        fault::point("open: database closed");
        std::fs::rename(&unfinished, path).map_err(inaccessible)?;
        fault::point("open: moved to its place");
        sync_parent(path).map_err(inaccessible)?;
        fault::point("open: place synced");
    }
    Ok(Arc::new(open_rocks(path, false)?))
}

fn open_rocks(path: &Path, create: bool) -> Result<RocksStore, OpenError> {
    RocksStore::open(path, create).map_err(|error| {
        let path = path.to_path_buf();
        let is_io = error.kind() == rocksdb::ErrorKind::IOError;
        let reason = error.into_string();
        // RocksDB has no kind of its own for a lock that is held or a file that is missing.
        let is_held = ["Resource temporarily unavailable", "No locks available"]
            .iter()
            .any(|text| reason.contains("LOCK") && reason.contains(text));
        if is_io && is_held {
            OpenError::Locked { path }
        } else if is_io && !reason.contains("No such file") {
            OpenError::Inaccessible { path, reason }
        } else {
            OpenError::Damaged { path, reason }
        }
    })
}

/// Makes the renaming of `path` survive a power cut.
fn sync_parent(path: &Path) -> std::io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::File::open(parent)?.sync_all()
}

/// Turns an error of the store into the reason why it cannot be opened.
fn refused(path: &Path, error: StoreError) -> OpenError {
    let path = path.to_path_buf();
    match error {
        StoreError::Failed(reason) => OpenError::Inaccessible { path, reason },
        StoreError::Damaged(reason) => OpenError::Damaged { path, reason },
    }
}

/// Writes height 0 into an empty store; leaves another one alone.
pub(crate) fn begin(store: &dyn Store, genesis: &GenesisBlock) -> Result<(), StoreError> {
    if meta::get(store)?.is_some() {
        return Ok(());
    }
    let header = &genesis.header;
    let mut batch = Batch::default();
    let mut leaves = Vec::new();
    for (key, value) in &genesis.changes {
        let Some(value) = value.clone() else { continue };
        let record = FlatRecord { key: key.clone(), changed: header.height, value };
        leaves.push(record.leaf());
        flat::put(&mut batch, &record);
        order::put(&mut batch, key);
    }
    leaves.sort_unstable_by_key(|leaf| leaf.path);
    let result = ExecutionResult {
        height: header.height,
        state_root: Tree::build(&leaves).root(),
        receipts_root: merkle::root(&[]),
        next_validators: genesis.next_validators,
    };
    let (block, height, root) = (header.hash(), header.height, result.state_root);
    let version = FormatVersion::V1;
    let record = BlockRecord { version, header: header.clone(), result, batches: Vec::new() };
    blocks::put(&mut batch, &block, &record);
    receipts::put(&mut batch, height, &[]);
    meta::put(&mut batch, &Meta { version, genesis: genesis.genesis_hash, height, block, root });
    store.write(batch)
}

/// Reads the head and the tree of a store that has begun with the genesis of this hash; `path` is
/// for the error.
pub(crate) fn recover(
    store: &dyn Store,
    path: &Path,
    genesis: &Hash,
) -> Result<Arc<Version>, OpenError> {
    let refuse = |error| refused(path, error);
    let meta = meta::get(store).map_err(refuse)?;
    let meta = meta.ok_or_else(|| refuse(damaged("it does not say which chain it holds")))?;
    if meta.genesis != *genesis {
        let (stored, given) = (meta.genesis, *genesis);
        return Err(OpenError::OtherGenesis { path: path.to_path_buf(), stored, given });
    }
    check(store, &meta).map_err(refuse)
}

fn check(store: &dyn Store, meta: &Meta) -> Result<Arc<Version>, StoreError> {
    check_chain(store, meta)?;
    for family in Family::ALL {
        // Those that are not read below: for the checksums alone.
        if !matches!(family, Family::Blocks | Family::Flat | Family::Order) {
            store.scan(family, &[], &mut |_, _| ControlFlow::Continue(()))?;
        }
    }
    let leaves = read_leaves(store)?;
    let tree = Tree::build(&leaves);
    if tree.root() != meta.root {
        let (height, root, computed) = (meta.height, meta.root, tree.root());
        return Err(damaged(format!(
            "its values have the root {computed}, and block {height} was committed with {root}"
        )));
    }
    check_order(store, &leaves)?;
    Ok(Version::new(read_head(store, meta)?, tree, BTreeMap::new()))
}

fn damaged(why: impl Into<String>) -> StoreError {
    StoreError::Damaged(why.into())
}

/// Scans a family with a visitor that may fail.
fn scan_all(
    store: &dyn Store,
    family: Family,
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut outcome = Ok(());
    store.scan(family, &[], &mut |key, value| {
        outcome = visit(key, value);
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    outcome
}

/// All leaves; ascending, since the rows stand in the order of their paths.
fn read_leaves(store: &dyn Store) -> Result<Vec<Leaf>, StoreError> {
    let mut leaves = Vec::new();
    scan_all(store, Family::Flat, |key, value| {
        leaves.push(flat::read_leaf(key, value)?);
        Ok(())
    })?;
    Ok(leaves)
}

fn check_order(store: &dyn Store, leaves: &[Leaf]) -> Result<(), StoreError> {
    let mut paths = Vec::with_capacity(leaves.len());
    scan_all(store, Family::Order, |key, _| {
        paths.push(order::read_row(key)?.path());
        Ok(())
    })?;
    paths.sort_unstable();
    if !leaves.iter().map(|leaf| &leaf.path).eq(&paths) {
        let (values, keys) = (leaves.len(), paths.len());
        return Err(damaged(format!(
            "the {keys} keys in their order are not those of its {values} values"
        )));
    }
    Ok(())
}

fn check_chain(store: &dyn Store, meta: &Meta) -> Result<(), StoreError> {
    let mut last: Option<(Height, Hash)> = None;
    scan_all(store, Family::Blocks, |key, value| {
        let (height, header) = blocks::read_header(key, value)?;
        let fits = match last {
            None => height == Height::ZERO,
            Some((below, parent)) => height == below.next() && header.parent == parent,
        };
        if !fits || header.height != height {
            return Err(damaged(format!("block {height} is not the one after the block below it")));
        }
        last = Some((height, header.hash()));
        Ok(())
    })?;
    if last != Some((meta.height, meta.block)) {
        let height = meta.height;
        return Err(damaged(format!("its blocks do not end with block {height}, its head")));
    }
    Ok(())
}

fn read_head(store: &dyn Store, meta: &Meta) -> Result<Head, StoreError> {
    let record = blocks::get(store, meta.height)?;
    let record = record.ok_or_else(|| damaged("the block of its head is missing"))?;
    let certificate = certificates::get(store, meta.height)?;
    let committed = certificate.as_ref().map_or(meta.height == Height::ZERO, |certificate| {
        certificate.block == meta.block && certificate.result == record.result
    });
    if !committed || record.result.state_root != meta.root {
        return Err(damaged("block, certificate and root of its head do not belong together"));
    }
    Ok(Head { header: record.header, hash: meta.block, result: record.result, certificate })
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
