//! The sparse binary Merkle tree over the state, in memory.
//!
//! A leaf stands for one key, at its 256-bit path. A subtree with a single leaf *is* that leaf, and
//! an empty one is nothing, so the shape, and with it the root, is a function of the leaves alone:
//! no order of insertions and deletions shows in it.
//!
//! The tree is persistent: an update makes new nodes along the changed paths and shares all others
//! with the tree it came from. Overlays, forks and the views of readers are therefore each just a
//! root; none copies anything. It costs about 240 bytes of memory a key.

use std::sync::Arc;

use primitives::{Hash, Height};
use proof::{StateProof, Terminal};

use crate::hashing::{DEPTH_MAX, inner_hash, leaf_hash, turns_right};

/// A subtree; `None` is the empty one.
type Link = Option<Arc<Node>>;

#[derive(Debug)]
enum Node {
    Leaf(Leaf),
    /// At least two leaves below, together.
    Inner {
        hash: Hash,
        left: Link,
        right: Link,
    },
}

/// One key of the state, as the tree sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) path: Hash,
    pub(crate) value_hash: Hash,
}

/// What an update does to one path: a new value hash, or `None` to delete.
pub(crate) type LeafChange = (Hash, Option<Hash>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    root: Link,
}

impl Tree {
    /// The tree of these leaves, which ascend strictly by path.
    pub(crate) fn build(leaves: &[Leaf]) -> Self {
        assert_ascending(leaves.iter().map(|leaf| &leaf.path));
        Self { root: build(leaves, 0) }
    }

    /// The tree with these changes, which ascend strictly by path. Deleting what is not there
    /// changes nothing.
    pub(crate) fn update(&self, changes: &[LeafChange]) -> Self {
        assert_ascending(changes.iter().map(|(path, _)| path));
        Self { root: update(&self.root, changes, 0) }
    }

    pub(crate) fn root(&self) -> Hash {
        hash_of(&self.root)
    }

    /// The proof of what stands at `path`. The tree knows the height of a value's last change only
    /// by hash, so the caller says it; `None` when the caller and the tree disagree on whether
    /// there is a value.
    pub(crate) fn prove(&self, path: &Hash, changed: Option<Height>) -> Option<StateProof> {
        let mut siblings = Vec::new();
        let leaf = self.descend(path, |sibling| siblings.push(hash_of(sibling).0));
        let terminal = match (leaf, changed) {
            (Some(leaf), Some(changed)) if leaf.path == *path => {
                Terminal::Present { changed: changed.0 }
            }
            (Some(leaf), None) if leaf.path != *path => {
                let Leaf { path, value_hash } = leaf;
                Terminal::Other(proof::Leaf { path: path.0, value_hash: value_hash.0 })
            }
            (None, None) => Terminal::Empty,
            _ => return None,
        };
        Some(StateProof { terminal, siblings })
    }

    /// The leaf at the end of the way along `path`, which may be another path's. Passes the
    /// siblings on the way, from the root down.
    fn descend(&self, path: &Hash, mut pass: impl FnMut(&Link)) -> Option<&Leaf> {
        let (mut at, mut depth) = (&self.root, 0);
        loop {
            match at.as_deref()? {
                Node::Leaf(leaf) => return Some(leaf),
                Node::Inner { left, right, .. } => {
                    let goes_right = turns_right(path, depth);
                    let (next, sibling) = if goes_right { (right, left) } else { (left, right) };
                    pass(sibling);
                    (at, depth) = (next, depth + 1);
                }
            }
        }
    }
}

fn hash_of(link: &Link) -> Hash {
    match link.as_deref() {
        None => Hash::ZERO,
        // Not kept: hashing it again costs less than 32 bytes more for every key.
        Some(Node::Leaf(leaf)) => leaf_hash(&leaf.path, &leaf.value_hash),
        Some(Node::Inner { hash, .. }) => *hash,
    }
}

/// The subtree over two halves, by the rule that a lone leaf stands for its whole subtree.
fn join(left: Link, right: Link) -> Link {
    match (left.as_deref(), right.as_deref()) {
        (None, None) => None,
        (Some(Node::Leaf(_)), None) => left,
        (None, Some(Node::Leaf(_))) => right,
        _ => {
            let hash = inner_hash(&hash_of(&left), &hash_of(&right));
            Some(Arc::new(Node::Inner { hash, left, right }))
        }
    }
}

fn build(leaves: &[Leaf], depth: usize) -> Link {
    match leaves {
        [] => None,
        [leaf] => Some(Arc::new(Node::Leaf(*leaf))),
        _ => {
            assert!(depth < DEPTH_MAX, "two leaves share a path");
            let middle = leaves.partition_point(|leaf| !turns_right(&leaf.path, depth));
            let (left, right) = leaves.split_at(middle);
            join(build(left, depth + 1), build(right, depth + 1))
        }
    }
}

fn update(link: &Link, changes: &[LeafChange], depth: usize) -> Link {
    if changes.is_empty() {
        return link.clone();
    }
    match link.as_deref() {
        Some(Node::Inner { left, right, .. }) => {
            let middle = changes.partition_point(|(path, _)| !turns_right(path, depth));
            let (of_left, of_right) = changes.split_at(middle);
            join(update(left, of_left, depth + 1), update(right, of_right, depth + 1))
        }
        Some(Node::Leaf(leaf)) => build(&merge(Some(leaf), changes), depth),
        None => build(&merge(None, changes), depth),
    }
}

/// The leaves of a subtree that held at most one, after the changes.
fn merge(leaf: Option<&Leaf>, changes: &[LeafChange]) -> Vec<Leaf> {
    let mut leaves: Vec<_> = changes
        .iter()
        .filter_map(|(path, value)| value.map(|value_hash| Leaf { path: *path, value_hash }))
        .collect();
    let untouched = leaf.filter(|leaf| changes.iter().all(|(path, _)| *path != leaf.path));
    if let Some(leaf) = untouched {
        let place = leaves.partition_point(|other| other.path < leaf.path);
        leaves.insert(place, *leaf);
    }
    leaves
}

fn assert_ascending<'a>(paths: impl Iterator<Item = &'a Hash>) {
    assert!(paths.is_sorted_by(|one, next| one < next), "the paths do not ascend");
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
