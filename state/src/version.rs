//! Committed states as readers see them.
//!
//! The store holds the newest state only. A reader that began before a commit must still see the
//! state it began with, so each commit leaves behind what it overwrote: versions form a list from
//! old to new, and each carries the records that stood before it. A reader of version V reads the
//! store, and then looks whether a version after V overwrote that key; if so, the record the first
//! of them found is V's.
//!
//! The commit links its version *before* it writes the store, and the reader looks *after* it has
//! read. So whoever reads a new record also sees the link that says what it was before. There is no
//! lock between readers and the writer, and the list is as long as the oldest living reader needs:
//! links go forward only.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use primitives::{CommitCertificate, ExecutionResult, Hash, Header, StateKey};

use crate::family::flat::{self, FlatRecord};
use crate::store::{Reading, Store, StoreError};
use crate::stored_leaves::StoredLeaves;
use crate::tree::page::{Leaf, LeafChange, merge};
use crate::tree::{LeafSource, Tree};

/// The last committed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub header: Header,
    /// The header's hash.
    pub hash: Hash,
    pub result: ExecutionResult,
    /// Only the genesis has none.
    pub certificate: Option<CommitCertificate>,
}

/// What stood before a commit under each key it touched; ascending by path.
#[derive(Debug, Default)]
pub(crate) struct Overwritten(Vec<Overwrote>);

#[derive(Debug)]
pub(crate) struct Overwrote {
    pub(crate) key: StateKey,
    /// The key's.
    pub(crate) path: Hash,
    /// `None` where nothing stood.
    pub(crate) record: Option<FlatRecord>,
}

#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) head: Head,
    pub(crate) tree: Tree,
    /// Of the version before.
    overwritten: Overwritten,
    next: OnceLock<Arc<Version>>,
}

impl Overwritten {
    pub(crate) fn new(overwrote: Vec<Overwrote>) -> Self {
        assert!(overwrote.is_sorted_by(|one, next| one.path < next.path), "paths do not ascend");
        Self(overwrote)
    }

    fn get(&self, path: &Hash) -> Option<&Overwrote> {
        let at = self.0.binary_search_by_key(path, |overwrote| overwrote.path).ok()?;
        self.0.get(at)
    }

    /// Those whose paths share the first `depth` bits with `path`.
    fn below(&self, path: &Hash, depth: usize) -> impl Iterator<Item = &Overwrote> {
        let first = flat::first(path, depth);
        let start = self.0.partition_point(|overwrote| overwrote.path < first);
        let from = self.0.get(start..).unwrap_or_default().iter();
        from.take_while(move |overwrote| flat::share(&overwrote.path, &first, depth))
    }
}

impl Version {
    pub(crate) fn new(head: Head, tree: Tree, overwritten: Overwritten) -> Arc<Self> {
        Arc::new(Self { head, tree, overwritten, next: OnceLock::new() })
    }

    /// Links the version that follows. To be called before the store is written, and once.
    pub(crate) fn link(&self, next: Arc<Self>) {
        assert!(self.next.set(next).is_ok(), "two versions follow one");
    }

    pub(crate) fn record(
        &self,
        store: &dyn Store,
        key: &StateKey,
    ) -> Result<Option<FlatRecord>, StoreError> {
        let path = key.path();
        let newest = flat::get(store, &path, key)?;
        Ok(self.overwrote(&path).map_or(newest, |overwrote| overwrote.record.clone()))
    }

    /// The record of the key at a path.
    pub(crate) fn record_at(
        &self,
        store: &dyn Store,
        path: &Hash,
    ) -> Result<Option<FlatRecord>, StoreError> {
        let newest = flat::at(store, path)?;
        Ok(self.overwrote(path).map_or(newest, |overwrote| overwrote.record.clone()))
    }

    /// What the first later version that touched a path found there.
    fn overwrote(&self, path: &Hash) -> Option<&Overwrote> {
        self.later().find_map(|version| version.overwritten.get(path))
    }

    /// Where this version's tree reads the pages that are not in memory.
    pub(crate) fn leaves<'a>(&'a self, store: &'a dyn Store) -> impl LeafSource + 'a {
        VersionLeaves { version: self, stored: StoredLeaves::new(store, Reading::Scattered) }
    }

    /// The versions after this one, oldest first.
    fn later(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(self.next.get(), |version| version.next.get()).map(Arc::as_ref)
    }

    /// The keys from `from` on, up to `until`, that later versions touched.
    pub(crate) fn touched_later(
        &self,
        from: &StateKey,
        within: impl Fn(&StateKey) -> bool,
    ) -> Vec<StateKey> {
        let of_version = |version: &Self| -> Vec<StateKey> {
            let keys = version.overwritten.0.iter().map(|overwrote| &overwrote.key);
            keys.filter(|key| *key >= from && within(key)).cloned().collect()
        };
        self.later().flat_map(of_version).collect()
    }
}

struct VersionLeaves<'a> {
    version: &'a Version,
    stored: StoredLeaves<'a>,
}

impl LeafSource for VersionLeaves<'_> {
    fn leaves(&self, path: &Hash, depth: usize) -> Result<Vec<Leaf>, StoreError> {
        // Before later versions are asked: what these overwrote counts, whichever of both it saw.
        let newest = self.stored.leaves(path, depth)?;
        let mut older = BTreeMap::new();
        for overwrote in
            self.version.later().flat_map(|version| version.overwritten.below(path, depth))
        {
            let leaf = overwrote.record.as_ref().map(|record| record.leaf().hash);
            older.entry(overwrote.path).or_insert(leaf);
        }
        let older: Vec<LeafChange> = older.into_iter().collect();
        Ok(merge(&newest, &older))
    }
}

impl Drop for Version {
    /// One by one: a reader that slept may hold a list too long for the stack.
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(version) = next {
            next = Arc::into_inner(version).and_then(|mut version| version.next.take());
        }
    }
}
