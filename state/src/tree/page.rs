//! Pages: the bottom of the tree, up to 32 leaves each.
//!
//! A page is a function of the flat map, so it is never stored: whoever needs one that is not in
//! memory reads the values below its prefix and hashes them, and the hash above says whether they
//! are the right ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use primitives::Hash;

use crate::hashing::{inner_hash, turns_right};

/// One key of the state, as the tree sees it. The hash does not depend on where in the tree the
/// leaf stands, so pages split and merge without a look at the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) path: Hash,
    /// [`crate::hashing::leaf_hash`].
    pub(crate) hash: Hash,
}

/// What an update does to one path: the new leaf's hash, or `None` to delete.
pub(crate) type LeafChange = (Hash, Option<Hash>);

/// The memory that pages take, in bytes; shared by all trees of a state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<AtomicUsize>);

impl Tally {
    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Leaves below one prefix; ascending, and at least one.
#[derive(Debug)]
pub(crate) struct Page {
    leaves: Box<[Leaf]>,
    tally: Tally,
}

impl Page {
    pub(crate) fn new(leaves: Vec<Leaf>, tally: &Tally) -> Arc<Self> {
        let page = Self { leaves: leaves.into(), tally: tally.clone() };
        tally.0.fetch_add(page.bytes(), Ordering::Relaxed);
        Arc::new(page)
    }

    pub(crate) fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.leaves)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.tally.0.fetch_sub(self.bytes(), Ordering::Relaxed);
    }
}

/// The hash of the subtree at `depth` that holds exactly these leaves, which ascend: the definition
/// of the tree, word for word.
pub(crate) fn subtree_hash(leaves: &[Leaf], depth: usize) -> Hash {
    match leaves {
        [] => Hash::ZERO,
        [leaf] => leaf.hash,
        _ => {
            let (left, right) = halves(leaves, depth);
            inner_hash(&subtree_hash(left, depth + 1), &subtree_hash(right, depth + 1))
        }
    }
}

/// The leaves of the left and of the right subtree below `depth`.
pub(crate) fn halves(leaves: &[Leaf], depth: usize) -> (&[Leaf], &[Leaf]) {
    leaves.split_at(leaves.partition_point(|leaf| !turns_right(&leaf.path, depth)))
}

/// The leaves after the changes; both ascend by path.
pub(crate) fn merge(leaves: &[Leaf], changes: &[LeafChange]) -> Vec<Leaf> {
    let place = |path: &Hash| leaves.binary_search_by_key(path, |leaf| leaf.path);
    let gone = changes.iter().filter(|(path, _)| place(path).is_ok()).count();
    let come = changes.iter().filter(|(_, hash)| hash.is_some()).count();
    // As long as it will be: what stays is not copied again.
    let mut merged = Vec::with_capacity(leaves.len() - gone + come);
    let mut rest = leaves;
    for (path, hash) in changes {
        let (below, from) = rest.split_at(rest.partition_point(|leaf| leaf.path < *path));
        merged.extend_from_slice(below);
        rest = match from {
            [same, above @ ..] if same.path == *path => above,
            _ => from,
        };
        merged.extend(hash.map(|hash| Leaf { path: *path, hash }));
    }
    merged.extend_from_slice(rest);
    merged
}
