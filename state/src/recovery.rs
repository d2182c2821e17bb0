//! Opening: what the store holds becomes the head and the tree, or a clear error. Never a guess,
//! never a repair.
//!
//! - The nodes of the tree are read as they were stored, each unit as of some height (`turns`).
//! - A unit without a row is read from its values; so is every page that a block changed after its
//!   unit's height, as `changes` says.
//! - The root that comes out must be the one the last block was committed with, or the store is
//!   damaged. It covers the hash of every page; a page's values are compared with it when they are
//!   first needed, and all of them by [`crate::check`].
//!
//! The cost follows the nodes, 4 bytes a key, and the changes of the last round.
//!
//! A write that a crash cut short was never acknowledged, and RocksDB drops it; `store::manifest`
//! does where RocksDB does not. A log that was damaged later looks the same: the head is then that
//! of an earlier commit, whole. The consensus log knows whether a higher block was committed, and it
//! is fetched again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use primitives::codec::FormatVersion;
use primitives::{ExecutionResult, Hash, Header, Height, merkle};
use thiserror::Error;

use crate::family::blocks::{self, BlockRecord};
use crate::family::flat::{self, FlatRecord};
use crate::family::meta::{self, Meta, Usage};
use crate::family::{certificates, changes, nodes, order, receipts};
use crate::fault;
use crate::floor::Floors;
use crate::overlay::Changes;
use crate::store::rocks::RocksStore;
use crate::store::{Batch, Reading, Store, StoreError, manifest};
use crate::stored_leaves::StoredLeaves;
use crate::tree::node::{Leaves, Slot};
use crate::tree::page::LeafChange;
use crate::tree::units::{UNIT_DEPTH, Unit, first_path, unit_of};
use crate::tree::{LeafSource, Memory, Tree, Update, Work, build};
use crate::turns::Turns;
use crate::version::{Head, Overwritten, Version};

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
pub(crate) fn open(
    path: &Path,
    genesis: &GenesisBlock,
    floors: &Floors,
) -> Result<Arc<dyn Store>, OpenError> {
    settle(path).map_err(|error| inaccessible(path, &error))?;
    let is_new = match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(inaccessible(path, &error)),
    };
    if is_new {
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".unfinished");
        let unfinished = PathBuf::from(unfinished);
        // A power cut may have left anything of an earlier attempt.
        remove(&unfinished).map_err(|error| inaccessible(&unfinished, &error))?;
        let store = open_unfinished(&unfinished, floors)?;
        begin(&store, genesis).map_err(|error| refused(&unfinished, error))?;
        fault::point("begin: genesis written");
        // Closed before it moves: an open database knows its files by their paths.
        drop(store);
        fault::point("open: database closed");
        put_in_place(&unfinished, path)?;
    }
    Ok(Arc::new(open_rocks(path, false, floors)?))
}

/// Opens what is to become a database, or makes it.
pub(crate) fn open_unfinished(path: &Path, floors: &Floors) -> Result<RocksStore, OpenError> {
    std::fs::create_dir_all(path).map_err(|error| inaccessible(path, &error))?;
    fault::point("open: directory made");
    let store = open_rocks(path, true, floors)?;
    fault::point("open: database made");
    Ok(store)
}

/// Makes the closed database in `directory` the one at `path`, in place of what was there.
///
/// Both are renamed, what was there first: a crash between the two leaves no database, and
/// [`settle`] takes the old one back.
pub fn put_in_place(directory: &Path, path: &Path) -> Result<(), OpenError> {
    let place = || {
        sync_directory(directory)?;
        settle(path)?;
        if path.exists() {
            std::fs::rename(path, old(path))?;
            fault::point("place: freed");
        }
        std::fs::rename(directory, path)?;
        fault::point("place: taken");
        sync_parent(path)?;
        fault::point("place: synced");
        settle(path)
    };
    place().map_err(|error: std::io::Error| inaccessible(path, &error))
}

/// Removes a directory with all that is in it, if it is there.
pub(crate) fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Where a database waits that another one is about to replace.
fn old(path: &Path) -> PathBuf {
    let mut old = path.as_os_str().to_owned();
    old.push(".old");
    PathBuf::from(old)
}

/// Ends a replacement that was interrupted: takes the old database back, or removes it when the new
/// one is in its place.
fn settle(path: &Path) -> std::io::Result<()> {
    let old = old(path);
    if !old.exists() {
        return Ok(());
    }
    if path.exists() {
        return std::fs::remove_dir_all(old);
    }
    std::fs::rename(old, path)?;
    sync_parent(path)
}

pub(crate) fn inaccessible(path: &Path, error: &std::io::Error) -> OpenError {
    OpenError::Inaccessible { path: path.to_path_buf(), reason: error.to_string() }
}

/// Opens the database at `path`, which must be there.
pub(crate) fn open_existing(path: &Path, floors: &Floors) -> Result<RocksStore, OpenError> {
    settle(path).map_err(|error| inaccessible(path, &error))?;
    open_rocks(path, false, floors)
}

/// Opens the database at `path`, which must be there and which nobody writes, and changes nothing.
pub(crate) fn open_to_read(path: &Path) -> Result<RocksStore, OpenError> {
    reasoned(path, RocksStore::open_to_read(path))
}

fn open_rocks(path: &Path, create: bool, floors: &Floors) -> Result<RocksStore, OpenError> {
    let mut opened = RocksStore::open(path, create, floors);
    // Whatever was mended is no longer there to be mended again.
    while opened.as_ref().is_err_and(is_damage)
        && manifest::mend(path).map_err(|error| inaccessible(path, &error))?
    {
        opened = RocksStore::open(path, create, floors);
    }
    reasoned(path, opened)
}

/// Whether it is the database that RocksDB cannot open, rather than the machine.
fn is_damage(error: &rocksdb::Error) -> bool {
    // RocksDB has no kind of its own for a file that is missing.
    error.kind() != rocksdb::ErrorKind::IOError || error.as_ref().contains("No such file")
}

fn reasoned(
    path: &Path,
    opened: Result<RocksStore, rocksdb::Error>,
) -> Result<RocksStore, OpenError> {
    opened.map_err(|error| {
        let path = path.to_path_buf();
        let is_damage = is_damage(&error);
        let reason = error.into_string();
        // Nor has it one for a lock that is held.
        let is_held = ["Resource temporarily unavailable", "No locks available"]
            .iter()
            .any(|text| reason.contains("LOCK") && reason.contains(text));
        if is_damage {
            OpenError::Damaged { path, reason }
        } else if is_held {
            OpenError::Locked { path }
        } else {
            OpenError::Inaccessible { path, reason }
        }
    })
}

/// Makes the renaming of `path` survive a power cut.
fn sync_parent(path: &Path) -> std::io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    sync_directory(parent)
}

fn sync_directory(path: &Path) -> std::io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}

/// Turns an error of the store into the reason why it cannot be opened.
pub(crate) fn refused(path: &Path, error: StoreError) -> OpenError {
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
    let mut usage = BTreeMap::<_, Usage>::new();
    for (key, value) in &genesis.changes {
        let Some(value) = value.clone() else { continue };
        usage.entry(key.namespace).or_default().replace(key, None, Some(&value));
        let record = FlatRecord { key: key.clone(), changed: header.height, value };
        let leaf = record.leaf();
        flat::put(&mut batch, &leaf.path, &record);
        order::put(&mut batch, key);
        leaves.push(leaf);
    }
    leaves.sort_unstable_by_key(|leaf| leaf.path);
    let result = ExecutionResult {
        height: header.height,
        state_root: Tree::build(&leaves, header.height, Leaves::Dropped).root(),
        receipts_root: merkle::root(&[]),
        next_validators: genesis.next_validators,
    };
    let (block, height, root) = (header.hash(), header.height, result.state_root);
    let version = FormatVersion::V1;
    let record = BlockRecord { version, header: header.clone(), result, batches: Vec::new() };
    blocks::put(&mut batch, &block, &record);
    receipts::put(&mut batch, height, &[]);
    let (genesis, floor) = (genesis.genesis_hash, height);
    meta::put(&mut batch, &Meta { version, genesis, height, block, root, floor, usage });
    store.write(batch)
}

/// What a store that has begun holds.
pub(crate) struct Recovered {
    pub(crate) version: Arc<Version>,
    pub(crate) meta: Meta,
    pub(crate) turns: Turns,
}

/// Reads the head and the tree of a store that has begun with the genesis of this hash; `path` is
/// for the error.
pub(crate) fn recover(
    store: &dyn Store,
    path: &Path,
    genesis: &Hash,
    memory: &Memory,
) -> Result<Recovered, OpenError> {
    let refuse = |error| refused(path, error);
    let meta = read_meta(store).map_err(refuse)?;
    if meta.genesis != *genesis {
        let (stored, given) = (meta.genesis, *genesis);
        return Err(OpenError::OtherGenesis { path: path.to_path_buf(), stored, given });
    }
    read(store, meta, memory).map_err(refuse)
}

pub(crate) fn read_meta(store: &dyn Store) -> Result<Meta, StoreError> {
    meta::get(store)?.ok_or_else(|| damaged("it does not say which chain it holds"))
}

fn read(store: &dyn Store, meta: Meta, memory: &Memory) -> Result<Recovered, StoreError> {
    let head = read_head(store, &meta)?;
    let (tree, rows) = read_tree(store, meta.height, memory)?;
    if tree.root() != meta.root {
        let (height, root, computed) = (meta.height, meta.root, tree.root());
        return Err(damaged(format!(
            "its values have the root {computed}, and block {height} was committed with {root}; \
             `quorate db check` says which differ"
        )));
    }
    Ok(Recovered {
        version: Version::new(head, tree, Overwritten::default()),
        meta,
        turns: Turns::new(rows),
    })
}

/// The tree at the head, and of which height the stored nodes of each unit are.
pub(crate) fn read_tree(
    store: &dyn Store,
    head: Height,
    memory: &Memory,
) -> Result<(Tree, BTreeMap<Unit, Height>), StoreError> {
    let stored = nodes::all(store)?;
    let mut rows = BTreeMap::new();
    let mut units = BTreeMap::new();
    for (unit, nodes) in stored {
        if nodes.height > head {
            return Err(damaged(format!("its tree knows block {}, above its head", nodes.height)));
        }
        rows.insert(unit, nodes.height);
        units.insert(unit, Slot::Node(nodes.nodes));
    }
    let source = &StoredLeaves::new(store, Reading::Onward);
    for unit in units_without(store, &rows)? {
        let leaves = source.leaves(&first_path(unit), UNIT_DEPTH)?;
        units.insert(unit, build(&leaves, UNIT_DEPTH, head, Leaves::Dropped));
    }
    let how = Update { work: Work::Reload, source, height: head, committed: head, memory };
    let tree = Tree::of_units(units, &how)?;
    let tree = tree.update(&changed_since(store, &rows, head)?, how)?;
    Ok((tree, rows))
}

/// The units that have values and no stored nodes.
fn units_without(
    store: &dyn Store,
    rows: &BTreeMap<Unit, Height>,
) -> Result<Vec<Unit>, StoreError> {
    let mut units = Vec::new();
    let mut next = Some(0u16);
    while let Some(unit) = next {
        let first = first_path(unit.to_be_bytes());
        if !rows.contains_key(&unit.to_be_bytes()) {
            let Some(path) = flat::first_from(store, &first)? else { break };
            if unit_of(&path) != unit_of(&first) {
                next = Some(u16::from_be_bytes(unit_of(&path)));
                continue;
            }
            units.push(unit_of(&first));
        }
        next = unit.checked_add(1);
    }
    Ok(units)
}

/// The paths that blocks changed after their units were stored.
fn changed_since(
    store: &dyn Store,
    rows: &BTreeMap<Unit, Height>,
    head: Height,
) -> Result<Vec<LeafChange>, StoreError> {
    let Some(oldest) = rows.values().min() else { return Ok(Vec::new()) };
    let mut paths = BTreeSet::new();
    let mut last = *oldest;
    let missing = |last: Height| {
        damaged(format!(
            "it does not say what block {} changed, and the tree has to know it",
            last.next()
        ))
    };
    changes::visit(store, last.next(), |height, changes| {
        if height != last.next() {
            return Err(missing(last));
        }
        last = height;
        let paths_of_block = changes.iter().map(|change| change.key.path());
        paths.extend(
            paths_of_block
                .filter(|path| rows.get(&unit_of(path)).is_some_and(|stored| *stored < height)),
        );
        Ok(())
    })?;
    if last < head {
        return Err(missing(last));
    }
    Ok(paths.into_iter().map(|path| (path, None)).collect())
}

pub(crate) fn damaged(why: impl Into<String>) -> StoreError {
    StoreError::Damaged(why.into())
}

fn read_head(store: &dyn Store, meta: &Meta) -> Result<Head, StoreError> {
    let record = blocks::get(store, meta.height)?;
    let record = record.ok_or_else(|| damaged("the block of its head is missing"))?;
    let certificate = certificates::get(store, meta.height)?;
    let committed = certificate.as_ref().map_or(meta.height == Height::ZERO, |certificate| {
        certificate.block == meta.block && certificate.result == record.result
    });
    let hash = record.header.hash();
    if !committed || record.result.state_root != meta.root || hash != meta.block {
        return Err(damaged("block, certificate and root of its head do not belong together"));
    }
    Ok(Head { header: record.header, hash, result: record.result, certificate })
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
