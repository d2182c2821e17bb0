//! Comparing a state with one that is known by its root: from the root down, and only there where
//! hashes differ. The pieces come from a [`crate::Snapshot`], and each is checked by its hash, so
//! that a liar is no help and does no harm.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use primitives::{Hash, StateKey};

use crate::family::flat;
use crate::floor::Floors;
use crate::overlay::Overlay;
use crate::recovery::{self, OpenError};
use crate::restore::{self, PieceError};
use crate::snapshot::{Child, Entry, Piece, Prefix};
use crate::store::{Store, StoreError};
use crate::tree::page::Leaf;
use crate::tree::{LeafSource, Tree};

/// A state that is being compared.
pub struct Comparison {
    own: Own,
    tree: Tree,
    /// Where the two differ, with the other's hash.
    wanted: BTreeMap<Prefix, Hash>,
}

/// A key under which the two do not have the same, or not since the same block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    pub key: StateKey,
    pub own: Option<Entry>,
    pub other: Option<Entry>,
}

/// The values compared.
struct Own {
    store: Arc<dyn Store>,
    /// What a block that is not committed would change.
    overlay: Option<Arc<Overlay>>,
}

impl Comparison {
    /// Compares the values in the database at `path`, which nobody else has open, with the state
    /// that has this root. Trusts nothing but the values; holds a hash for each in memory.
    pub fn of_values(path: &Path, root: Hash) -> Result<Self, OpenError> {
        let store = recovery::open_existing(path, &Floors::default())?;
        let read = restore::read_all(&store);
        let (tree, _) = read.map_err(|error| recovery::refused(path, error))?;
        Ok(Self::new(Own { store: Arc::new(store), overlay: None }, tree, root))
    }

    pub(crate) fn of_overlay(store: Arc<dyn Store>, overlay: &Arc<Overlay>, root: Hash) -> Self {
        let tree = overlay.tree.clone();
        Self::new(Own { store, overlay: Some(overlay.clone()) }, tree, root)
    }

    fn new(own: Own, tree: Tree, root: Hash) -> Self {
        let mut wanted = BTreeMap::new();
        if tree.root() != root {
            wanted.insert(Prefix::ROOT, root);
        }
        Self { own, tree, wanted }
    }

    /// What to fetch next; nothing when all differences are found, or there are none.
    pub fn wanted(&self) -> impl Iterator<Item = &Prefix> {
        self.wanted.keys()
    }

    /// Takes a piece that was wanted, and answers with the differences that show in it.
    pub fn accept(
        &mut self,
        prefix: &Prefix,
        piece: &Piece,
    ) -> Result<Result<Vec<Divergence>, PieceError>, StoreError> {
        if let Err(error) = restore::check_piece(&self.wanted, prefix, piece) {
            return Ok(Err(error));
        }
        self.wanted.remove(prefix);
        let mut found = Vec::new();
        match piece {
            Piece::Values(entries) => found = self.differences(prefix, entries)?,
            Piece::Branch(children) => {
                for (below, child) in prefix.children().zip(children) {
                    let (path, depth) = (&below.path, usize::from(below.depth));
                    if self.tree.hash_at(path, depth, &self.own)? == child.hash() {
                        continue;
                    }
                    match child {
                        Child::Empty => found.extend(self.differences(&below, &[])?),
                        Child::Leaf { .. } | Child::Inner(_) => {
                            self.wanted.insert(below, child.hash());
                        }
                    }
                }
            }
        }
        Ok(Ok(found))
    }

    fn differences(
        &self,
        prefix: &Prefix,
        entries: &[Entry],
    ) -> Result<Vec<Divergence>, StoreError> {
        let own = self.own.entries(&prefix.path, usize::from(prefix.depth))?.into_values();
        let mut both = BTreeMap::<StateKey, (Option<Entry>, Option<Entry>)>::new();
        for entry in own {
            let key = entry.key.clone();
            both.entry(key).or_default().0 = Some(entry);
        }
        for entry in entries {
            both.entry(entry.key.clone()).or_default().1 = Some(entry.clone());
        }
        let differ = both.into_iter().filter(|(_, (own, other))| own != other);
        Ok(differ.map(|(key, (own, other))| Divergence { key, own, other }).collect())
    }
}

impl Own {
    /// All values below a prefix, by path.
    fn entries(&self, path: &Hash, depth: usize) -> Result<BTreeMap<Hash, Entry>, StoreError> {
        let mut entries = BTreeMap::new();
        flat::visit(self.store.as_ref(), path, depth, |path, record| {
            entries.insert(path, Entry::from(record));
        })?;
        let Some(overlay) = &self.overlay else { return Ok(entries) };
        for ((key, value), print) in overlay.changes().iter().zip(&overlay.prints) {
            if !flat::share(&print.path, path, depth) {
                continue;
            }
            match value.clone() {
                None => entries.remove(&print.path),
                Some(value) => {
                    let entry = Entry { key: key.clone(), changed: overlay.height(), value };
                    entries.insert(print.path, entry)
                }
            };
        }
        Ok(entries)
    }
}

impl LeafSource for Own {
    fn leaves(&self, path: &Hash, depth: usize) -> Result<Vec<Leaf>, StoreError> {
        Ok(self.entries(path, depth)?.values().map(Entry::leaf).collect())
    }
}

impl fmt::Debug for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Comparison({} prefixes wanted)", self.wanted.len())
    }
}
