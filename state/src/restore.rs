//! Restoring: a state is put together from the pieces of a [`crate::Snapshot`], in a directory of
//! its own, and becomes the database when all of it is there.
//!
//! Begun on nothing, or on what another database holds, in hard links: what is already right stays.
//! An interrupted restoration is taken up where it was, since what counts is what the values hash
//! to, and no list of what has come. The directory is a state of its own that no node opens: it
//! takes the database's place in one renaming at the end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use primitives::codec::FormatVersion;
use primitives::{Hash, Height, Namespace, Receipt, SignedBatch, merkle};
use thiserror::Error;

use crate::family::blocks::{self, BlockRecord};
use crate::family::flat;
use crate::family::meta::{self, Meta, Usage};
use crate::family::{Family, certificates, headers, order, receipts};
use crate::fault;
use crate::floor::Floors;
use crate::recovery::{self, OpenError};
use crate::snapshot::{Child, Entry, Piece, Prefix, SnapshotHead};
use crate::store::rocks::RocksStore;
use crate::store::{Batch, Reading, Store, StoreError};
use crate::stored_leaves::StoredLeaves;
use crate::tree::node::{Crowd, Leaves, Node};
use crate::tree::page::{Leaf, LeafChange, subtree_hash};
use crate::tree::{Memory, Tree, Update, Work};

/// Memory for pages while restoring, in bytes.
const TREE_BYTES: usize = 256 << 20;

/// A state under construction.
#[derive(Debug)]
pub struct Restore {
    directory: PathBuf,
    store: RocksStore,
    memory: Memory,
    tree: Tree,
    usage: BTreeMap<Namespace, Usage>,
    head: Option<SnapshotHead>,
    /// What is missing, with the hash it must have.
    wanted: BTreeMap<Prefix, Hash>,
}

/// Why a piece is not what was asked for. Whoever sent it lied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PieceError {
    #[error("nobody asked for what stands below this prefix")]
    NotWanted,
    #[error("its values do not ascend, stand below another prefix, or are too few for a branch")]
    Misplaced,
    #[error("it has the hash {computed}, and {expected} is the one that leads to the root")]
    Hash { expected: Hash, computed: Hash },
}

/// Why a head cannot be aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeadError {
    #[error("its header, payload, receipts and certificate do not belong together")]
    Unrelated,
    #[error("the headers below it are not those of the blocks below it")]
    Headers,
}

impl SnapshotHead {
    /// Whether all of it hangs on the certificate, whose signatures the caller has verified.
    pub fn check(&self) -> Result<(), HeadError> {
        let payload = self.batches.iter().map(SignedBatch::reference);
        let leaves: Vec<Hash> = self.receipts.iter().map(Receipt::hash).collect();
        let related = self.certificate.block == self.header.hash()
            && self.certificate.result == self.result
            && self.result.height == self.header.height
            && self.header.payload.iter().copied().eq(payload)
            && merkle::root(&leaves) == self.result.receipts_root;
        if !related {
            return Err(HeadError::Unrelated);
        }
        let headers = self.below.iter().chain([&self.header]);
        let linked = headers.clone().zip(headers.skip(1)).all(|(below, above)| {
            above.parent == below.hash() && above.height == below.height.next()
        });
        if linked { Ok(()) } else { Err(HeadError::Headers) }
    }
}

impl Restore {
    /// Begins in `directory`, or goes on with what is there. Where there is nothing, and `from` is
    /// a database, it begins with what that holds; nobody else may have it open.
    pub fn begin(directory: &Path, from: Option<&Path>) -> Result<Self, OpenError> {
        let store = match open_begun(directory)? {
            Some(store) => store,
            None => open_new(directory, from)?,
        };
        let refuse = |error| recovery::refused(directory, error);
        let memory = Memory::new(TREE_BYTES);
        let (tree, usage) = read_all(&store).map_err(refuse)?;
        let (directory, wanted) = (directory.to_path_buf(), BTreeMap::new());
        Ok(Self { directory, store, memory, tree, usage, head: None, wanted })
    }

    /// From now on the state after this block is the one to be put together. The caller has
    /// verified the certificate's signatures.
    pub fn aim(&mut self, head: SnapshotHead) -> Result<(), HeadError> {
        head.check()?;
        self.wanted.clear();
        if self.tree.root() != head.result.state_root {
            self.wanted.insert(Prefix::ROOT, head.result.state_root);
        }
        self.head = Some(head);
        Ok(())
    }

    /// What is missing, as far as it is known; nothing when all is there.
    pub fn wanted(&self) -> impl Iterator<Item = &Prefix> {
        self.wanted.keys()
    }

    /// Whether this piece is missing.
    pub fn wants(&self, prefix: &Prefix) -> bool {
        self.wanted.contains_key(prefix)
    }

    /// The values that are there.
    pub fn keys(&self) -> u64 {
        self.usage.values().map(|usage| usage.keys).sum()
    }

    /// Takes a piece that was wanted. An error of the store, the inner one, ends the restoration.
    pub fn accept(
        &mut self,
        prefix: &Prefix,
        piece: Piece,
    ) -> Result<Result<(), PieceError>, StoreError> {
        if let Err(error) = check_piece(&self.wanted, prefix, &piece) {
            return Ok(Err(error));
        }
        match piece {
            Piece::Values(entries) => self.write(prefix, entries)?,
            Piece::Branch(children) => {
                for (below, child) in prefix.children().zip(children) {
                    let (path, depth) = (&below.path, usize::from(below.depth));
                    let own = self.tree.hash_at(
                        path,
                        depth,
                        &StoredLeaves::new(&self.store, Reading::Scattered),
                    )?;
                    if own == child.hash() {
                        continue;
                    }
                    match child {
                        Child::Empty => self.write(&below, Vec::new())?,
                        Child::Leaf { .. } | Child::Inner(_) => {
                            self.wanted.insert(below, child.hash());
                        }
                    }
                }
            }
        }
        self.wanted.remove(prefix);
        Ok(Ok(()))
    }

    /// Makes these the values below the prefix.
    fn write(&mut self, prefix: &Prefix, entries: Vec<Entry>) -> Result<(), StoreError> {
        let (path, depth) = (&prefix.path, usize::from(prefix.depth));
        let mut batch = Batch::default();
        let mut changes = BTreeMap::<Hash, Option<Hash>>::new();
        let mut usage = self.usage.clone();
        flat::visit(&self.store, path, depth, |path, record| {
            flat::delete(&mut batch, &path);
            order::delete(&mut batch, &record.key);
            let usage = usage.entry(record.key.namespace).or_default();
            usage.replace(&record.key, Some(&record.value), None);
            changes.insert(path, None);
        })?;
        let mut height = Height::ZERO;
        for entry in entries {
            let (leaf, record) = (entry.leaf(), entry.record());
            flat::put(&mut batch, &leaf.path, &record);
            order::put(&mut batch, &record.key);
            let usage = usage.entry(record.key.namespace).or_default();
            usage.replace(&record.key, None, Some(&record.value));
            changes.insert(leaf.path, Some(leaf.hash));
            height = height.max(record.changed);
        }
        // The tree first, from what the pages are now.
        let changes: Vec<LeafChange> = changes.into_iter().collect();
        let source = &StoredLeaves::new(&self.store, Reading::Scattered);
        let (work, committed) = (Work::Apply, height);
        let how = Update { work, source, height, committed, memory: &self.memory };
        self.tree = self.tree.update(&changes, how)?;
        self.usage = usage;
        self.store.write(batch)?;
        fault::point("restore: piece written");
        Ok(())
    }

    /// Makes the restored state the database at `path`; what stood there is gone.
    ///
    /// # Panics
    ///
    /// When something is still wanted, or nothing was aimed at.
    pub fn finish(self, path: &Path, genesis: Hash) -> Result<(), OpenError> {
        let Self { directory, store, tree, usage, head, wanted, .. } = self;
        let Some(head) = head.filter(|_| wanted.is_empty()) else {
            panic!("a restoration is finished that is not complete")
        };
        assert_eq!(tree.root(), head.result.state_root, "the restored root");
        let refuse = |error| recovery::refused(&directory, error);
        let batch = last_batch(&store, head, genesis, usage).map_err(refuse)?;
        store.write(batch).map_err(refuse)?;
        fault::point("restore: head written");
        drop(store);
        recovery::put_in_place(&directory, path)
    }
}

/// What an earlier attempt left, if it can be gone on with: a power cut may have left names without
/// files.
fn open_begun(directory: &Path) -> Result<Option<RocksStore>, OpenError> {
    if !directory.join("CURRENT").exists() {
        return Ok(None);
    }
    match recovery::open_unfinished(directory, &Floors::default()) {
        Err(OpenError::Damaged { .. }) => Ok(None),
        opened => opened.map(Some),
    }
}

fn open_new(directory: &Path, from: Option<&Path>) -> Result<RocksStore, OpenError> {
    let floors = Floors::default();
    recovery::remove(directory).map_err(|error| recovery::inaccessible(directory, &error))?;
    if let Some(from) = from.filter(|from| from.join("CURRENT").exists()) {
        recovery::open_existing(from, &floors)?
            .checkpoint(directory)
            .map_err(|error| recovery::refused(directory, error))?;
        fault::point("restore: begun with what the database holds");
    }
    recovery::open_unfinished(directory, &floors)
}

/// The tree of all values, and what each namespace holds.
pub(crate) fn read_all(
    store: &dyn Store,
) -> Result<(Tree, BTreeMap<Namespace, Usage>), StoreError> {
    let mut leaves = Vec::new();
    let mut usage = BTreeMap::<_, Usage>::new();
    store.read_all(Family::Flat, &mut |row_key, bytes| {
        let record = flat::read_record(row_key, bytes)?;
        leaves.push(record.leaf());
        let usage = usage.entry(record.key.namespace).or_default();
        usage.replace(&record.key, None, Some(&record.value));
        Ok(())
    })?;
    Ok((Tree::build(&leaves, Height::ZERO, Leaves::Dropped), usage))
}

/// Whether a piece is one of those that are wanted.
pub(crate) fn check_piece(
    wanted: &BTreeMap<Prefix, Hash>,
    prefix: &Prefix,
    piece: &Piece,
) -> Result<(), PieceError> {
    let expected = *wanted.get(prefix).ok_or(PieceError::NotWanted)?;
    let computed = piece_hash(prefix, piece)?;
    if computed == expected { Ok(()) } else { Err(PieceError::Hash { expected, computed }) }
}

/// The hash that a piece makes of the prefix that it stands below.
fn piece_hash(prefix: &Prefix, piece: &Piece) -> Result<Hash, PieceError> {
    match piece {
        Piece::Values(entries) => check_values(prefix, entries),
        Piece::Branch(children) => check_branch(prefix, children),
    }
}

fn check_values(prefix: &Prefix, entries: &[Entry]) -> Result<Hash, PieceError> {
    let leaves: Vec<Leaf> = entries.iter().map(Entry::leaf).collect();
    let placed = leaves.iter().all(|leaf| prefix.holds(&leaf.path))
        && leaves.is_sorted_by(|one, next| one.path < next.path);
    if !placed {
        return Err(PieceError::Misplaced);
    }
    Ok(subtree_hash(&leaves, usize::from(prefix.depth)))
}

/// A branch stands over at least two leaves. Less is never sent, and has the hash of what stands
/// deeper: whoever took it would ask on for ever.
fn check_branch(prefix: &Prefix, children: &[Child; 16]) -> Result<Hash, PieceError> {
    let placed = prefix.children().zip(children).all(|(below, child)| match child {
        Child::Leaf { path, .. } => below.holds(path),
        Child::Empty | Child::Inner(_) => true,
    });
    let leaves = |child: &Child| match child {
        Child::Empty => 0,
        Child::Leaf { .. } => 1,
        Child::Inner(_) => 2,
    };
    if !placed || children.iter().map(leaves).sum::<usize>() < 2 {
        return Err(PieceError::Misplaced);
    }
    Ok(Node::hash_of(&children.map(|child| match child {
        Child::Empty => (Crowd::None, Hash::ZERO),
        Child::Leaf { .. } => (Crowd::One, child.hash()),
        Child::Inner(hash) => (Crowd::Many, hash),
    })))
}

/// What makes a set of values a database.
fn last_batch(
    store: &dyn Store,
    head: SnapshotHead,
    genesis: Hash,
    usage: BTreeMap<Namespace, Usage>,
) -> Result<Batch, StoreError> {
    let mut batch = Batch::default();
    // Of the database that this began with: the tree has changed without `changes`.
    store.read_all(Family::Nodes, &mut |key, _| {
        batch.delete(Family::Nodes, key);
        Ok(())
    })?;
    let SnapshotHead { header, batches, result, certificate, receipts, below } = head;
    let (version, height, block) = (FormatVersion::V1, header.height, header.hash());
    blocks::put(&mut batch, &block, &BlockRecord { version, header, result, batches });
    crate::family::transactions::put_all(&mut batch, height, &receipts);
    receipts::put(&mut batch, height, &receipts);
    certificates::put(&mut batch, height, &certificate);
    headers::put(&mut batch, &below);
    let (root, floor) = (result.state_root, height);
    meta::put(&mut batch, &Meta { version, genesis, height, block, root, floor, usage });
    Ok(batch)
}
