//! The sparse binary Merkle tree over the state.
//!
//! A leaf stands for one key, at its 256-bit path. A subtree with a single leaf *is* that leaf, and
//! an empty one is nothing, so the shape, and with it the root, is a function of the leaves alone:
//! no order of insertions and deletions shows in it.
//!
//! In memory, four levels make a node (`node`), and below the nodes stand pages of up to 32 leaves
//! (`page`). All nodes are in memory, about 5 bytes a key. Of the pages, as many as the budget
//! allows, 70 bytes a key: the tree knows every page's hash, and reads the values below its prefix
//! when it needs the leaves themselves. Nodes are stored now and then (`units`), pages never.
//!
//! The tree is persistent: an update makes new nodes along the changed paths and shares all others
//! with the tree it came from. Overlays, forks and the views of readers are therefore each just a
//! root; none copies anything.

pub(crate) mod node;
pub(crate) mod page;
pub(crate) mod units;
pub(crate) mod warming;

use std::borrow::Cow;
use std::sync::Arc;

use primitives::{Hash, Height};

use crate::hashing::{DEPTH_MAX, inner_hash, turns_right};
use crate::in_two::in_two;
use crate::store::StoreError;
use node::{Crowd, LEVELS, Leaves, Node, PageSlot, Slot, by_nibble, nibble};
use page::{Leaf, LeafChange, Tally, halves, merge, subtree_hash};
use units::UNIT_DEPTH;

/// Leaves of a page at most; one more, and it becomes a node. A node becomes a page when it has
/// half: one key that comes and goes does not make and break a node each time.
const PAGE_LEAVES_MAX: usize = 32;
/// Values that are read one after the other in the time that a page is looked up.
const READ_FACTOR: usize = 16;
/// Changes from which on a second thread costs less than it brings.
const PARALLEL_MIN: usize = 512;

/// Where leaves come from that are not in memory.
pub(crate) trait LeafSource: Sync {
    /// The leaves that share the first `depth` bits with `path`, ascending, as they stand in the
    /// tree that asks.
    fn leaves(&self, path: &Hash, depth: usize) -> Result<Vec<Leaf>, StoreError>;
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    root: Slot,
}

/// How a tree is changed, and what that needs besides the changes.
#[derive(Clone, Copy)]
pub(crate) struct Update<'a> {
    pub(crate) work: Work,
    pub(crate) source: &'a dyn LeafSource,
    /// The block that changes.
    pub(crate) height: Height,
    /// Pages born up to here can be read again from `source`.
    pub(crate) committed: Height,
    pub(crate) memory: &'a Memory,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Puts the changes in.
    Apply,
    /// The source has changed at these paths, and says itself what stands there now.
    Reload,
}

/// The pages in memory.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) tally: Tally,
    /// In bytes. Exceeded by pages of blocks that are not committed, which nobody can read again,
    /// and by those of old trees that somebody still holds.
    pub(crate) budget: usize,
}

impl Memory {
    pub(crate) fn new(budget: usize) -> Self {
        Self { tally: Tally::default(), budget }
    }
}

/// What stands at a prefix of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Empty,
    /// A leaf alone in this subtree.
    Leaf(Leaf),
    /// At least two leaves.
    Inner {
        left: Hash,
        right: Hash,
    },
}

impl Tree {
    /// The tree of these leaves, which ascend strictly by path; for a new chain and for tests.
    pub(crate) fn build(leaves: &[Leaf], height: Height, then: Leaves<'_>) -> Self {
        assert_ascending(leaves.iter().map(|leaf| &leaf.path));
        Self { root: build(leaves, 0, height, then) }
    }

    /// The tree with these changes, which ascend strictly by path. Deleting what is not there
    /// changes nothing.
    pub(crate) fn update(
        &self,
        changes: &[LeafChange],
        how: Update<'_>,
    ) -> Result<Self, StoreError> {
        assert_ascending(changes.iter().map(|(path, _)| path));
        let threads = if changes.len() < PARALLEL_MIN { Threads::One } else { Threads::Two };
        Ok(Self { root: how.slot(&self.root, changes, 0, threads)? })
    }

    pub(crate) fn root(&self) -> Hash {
        self.root.hash()
    }

    /// What stands at the first `depth` bits of `path`.
    pub(crate) fn part(
        &self,
        path: &Hash,
        depth: usize,
        source: &dyn LeafSource,
    ) -> Result<Part, StoreError> {
        let mut slot = &self.root;
        for at in (0..).step_by(LEVELS) {
            match slot {
                Slot::Empty => return Ok(Part::Empty),
                Slot::Page(page) => {
                    let leaves = page.read(path, at, source)?;
                    return Ok(Part::of_leaves(shared(&leaves, path, at, depth), depth));
                }
                Slot::Node(node) if depth < at + LEVELS => {
                    let place = (1 << (depth - at)) + (nibble(path, at) >> (at + LEVELS - depth));
                    return match node.heap_crowd(place) {
                        Crowd::None => Ok(Part::Empty),
                        Crowd::One => lone_leaf(node, place, path, at, source),
                        Crowd::Many => Ok(Part::Inner {
                            left: node.heap_hash(2 * place),
                            right: node.heap_hash(2 * place + 1),
                        }),
                    };
                }
                Slot::Node(node) => slot = node.slot(nibble(path, at)),
            }
        }
        unreachable!("no path is that long")
    }

    /// The hash of what stands at the first `depth` bits of `path`.
    pub(crate) fn hash_at(
        &self,
        path: &Hash,
        depth: usize,
        source: &dyn LeafSource,
    ) -> Result<Hash, StoreError> {
        Ok(match self.part(path, depth, source)? {
            Part::Empty => Hash::ZERO,
            Part::Leaf(leaf) => leaf.hash,
            Part::Inner { left, right } => inner_hash(&left, &right),
        })
    }

    /// Whether no more leaves share the first `depth` bits with `path`; nothing where only the
    /// leaves themselves can tell.
    pub(crate) fn holds_at_most(&self, path: &Hash, depth: usize, count: usize) -> Option<bool> {
        let whole = depth - depth % LEVELS;
        match self.slot(path, whole)? {
            Slot::Empty => Some(true),
            Slot::Page(page) if usize::from(page.count) <= count => Some(true),
            Slot::Page(_) => None,
            Slot::Node(node) => {
                let place =
                    (1 << (depth - whole)) + (nibble(path, whole) >> (whole + LEVELS - depth));
                Some(node.holds_at_most_at(place, count))
            }
        }
    }

    /// The subtree that begins with these bits; nothing when a page stands for it and its
    /// neighbours.
    pub(crate) fn slot(&self, path: &Hash, depth: usize) -> Option<&Slot> {
        let mut slot = &self.root;
        for at in (0..depth).step_by(LEVELS) {
            let Slot::Node(node) = slot else { return None };
            slot = node.slot(nibble(path, at));
        }
        Some(slot)
    }
}

impl Part {
    fn of_leaves(leaves: &[Leaf], depth: usize) -> Self {
        match leaves {
            [] => Self::Empty,
            [leaf] => Self::Leaf(*leaf),
            _ => {
                let (left, right) = halves(leaves, depth);
                let [left, right] = [left, right].map(|half| subtree_hash(half, depth + 1));
                Self::Inner { left, right }
            }
        }
    }
}

/// The leaf that stands alone below a place of the node's heap.
fn lone_leaf(
    node: &Node,
    place: usize,
    path: &Hash,
    depth: usize,
    source: &dyn LeafSource,
) -> Result<Part, StoreError> {
    for (at, slot) in node.below(place) {
        if let Slot::Page(page) = slot {
            let path = with_nibble(path, depth, at);
            let leaves = page.read(&path, depth + LEVELS, source)?;
            return Ok(Part::of_leaves(&leaves, depth + LEVELS));
        }
    }
    unreachable!("one leaf is below")
}

/// Those of a page's leaves that share the first `depth` bits with `path`, when all share `from`.
fn shared<'a>(leaves: &'a [Leaf], path: &Hash, from: usize, depth: usize) -> &'a [Leaf] {
    (from..depth).fold(leaves, |leaves, at| {
        let (left, right) = halves(leaves, at);
        if turns_right(path, at) { right } else { left }
    })
}

/// Where the child at a node's slot begins, and how deep that is.
pub(crate) fn child(path: &Hash, depth: usize, slot: usize) -> (Hash, usize) {
    (with_nibble(path, depth, slot), depth + LEVELS)
}

/// The path with other four bits at `depth`; what follows them means nothing.
fn with_nibble(path: &Hash, depth: usize, nibble: usize) -> Hash {
    let mut path = *path;
    let Ok(nibble) = u8::try_from(nibble) else { panic!("four bits") };
    if let Some(byte) = path.0.get_mut(depth / 8) {
        *byte = if depth.is_multiple_of(8) {
            *byte & 0x0f | nibble << 4
        } else {
            *byte & 0xf0 | nibble
        };
    }
    path
}

impl PageSlot {
    /// The page's leaves, from memory or from `source`; `path` is any below it.
    fn read(
        &self,
        path: &Hash,
        depth: usize,
        source: &dyn LeafSource,
    ) -> Result<Cow<'_, [Leaf]>, StoreError> {
        if let Some(page) = self.page.get() {
            return Ok(page.leaves().into());
        }
        let leaves = source.leaves(path, depth)?;
        let hash = subtree_hash(&leaves, depth);
        if hash != self.hash || leaves.len() != usize::from(self.count) {
            return Err(StoreError::Damaged(format!(
                "the values of the keys whose paths begin as {path} does, {depth} bits long, have \
                 the hash {hash}, and the tree has {}",
                self.hash
            )));
        }
        Ok(leaves.into())
    }
}

/// The subtree at `depth` of these leaves, which ascend and lie below it.
pub(crate) fn build(leaves: &[Leaf], depth: usize, born: Height, then: Leaves<'_>) -> Slot {
    if leaves.len() <= PAGE_LEAVES_MAX {
        return Slot::of_page(leaves.to_vec(), depth, born, then);
    }
    assert!(depth < DEPTH_MAX, "two leaves share a path");
    let slots = by_nibble(leaves, depth).map(|leaves| build(leaves, depth + LEVELS, born, then));
    Slot::Node(Arc::new(Node::new(slots)))
}

/// A node's children with the changes that lie below each.
type Groups<'a> = [(usize, &'a [LeafChange])];

#[derive(Clone, Copy)]
enum Threads {
    One,
    Two,
}

impl Update<'_> {
    /// The subtree at `depth` after the changes, all of which lie below it.
    fn slot(
        &self,
        slot: &Slot,
        changes: &[LeafChange],
        depth: usize,
        threads: Threads,
    ) -> Result<Slot, StoreError> {
        let Some((path, _)) = changes.first() else { return Ok(slot.clone()) };
        let leaves = match (slot, self.work) {
            (Slot::Node(node), Work::Reload)
                if depth >= UNIT_DEPTH && node.holds_at_most(changes.len() * READ_FACTOR) =>
            {
                self.source.leaves(path, depth)?
            }
            (Slot::Node(node), _) => return self.node(node, changes, depth, threads),
            (_, Work::Reload) => self.source.leaves(path, depth)?,
            (Slot::Page(page), Work::Apply) => {
                merge(&page.read(path, depth, self.source)?, changes)
            }
            (Slot::Empty, Work::Apply) => merge(&[], changes),
        };
        if leaves.len() <= PAGE_LEAVES_MAX {
            return Ok(Slot::of_page(leaves, depth, self.height, self.leaves()));
        }
        Ok(build(&leaves, depth, self.height, self.leaves()))
    }

    fn node(
        &self,
        node: &Node,
        changes: &[LeafChange],
        depth: usize,
        threads: Threads,
    ) -> Result<Slot, StoreError> {
        let mut node = node.clone();
        let mut changed = 0u16;
        for (at, slot) in self.children(&node, changes, depth, threads)? {
            changed |= 1 << at;
            node.set(at, slot);
        }
        if let (true, Some((path, _))) = (node.is_small(), changes.first()) {
            return self.collapse(&node, path, depth);
        }
        if self.memory.tally.bytes() > self.memory.budget {
            node.shed(!changed, self.committed);
        }
        node.rehash(changed);
        Ok(Slot::Node(Arc::new(node)))
    }

    /// The children that the changes reach; in two threads at the first node where both have
    /// something to do.
    fn children(
        &self,
        node: &Node,
        changes: &[LeafChange],
        depth: usize,
        threads: Threads,
    ) -> Result<Vec<(usize, Slot)>, StoreError> {
        let at = |change: &LeafChange| nibble(&change.0, depth);
        let groups = changes.chunk_by(|one, next| at(one) == at(next));
        let groups: Vec<(usize, &[LeafChange])> =
            groups.filter_map(|group| Some((at(group.first()?), group))).collect();
        let one_by_one = |groups: &Groups<'_>, threads| {
            for (at, _) in groups {
                if let Slot::Node(below) = node.slot(*at) {
                    below.touch();
                }
            }
            let updated = groups.iter().map(|(at, group)| {
                Ok((*at, self.slot(node.slot(*at), group, depth + LEVELS, threads)?))
            });
            updated.collect::<Result<Vec<_>, StoreError>>()
        };
        let (Threads::Two, [_, _, ..]) = (threads, &*groups) else {
            return one_by_one(&groups, threads);
        };
        let (first, second) = in_two(&groups, |groups| one_by_one(groups, Threads::One));
        let mut children = first?;
        children.extend(second?);
        Ok(children)
    }

    /// The page that takes the place of a node with few leaves; `path` is any below it.
    fn collapse(&self, node: &Node, path: &Hash, depth: usize) -> Result<Slot, StoreError> {
        let mut leaves = Vec::new();
        for (at, slot) in node.below(1) {
            if let Slot::Page(page) = slot {
                let path = with_nibble(path, depth, at);
                leaves.extend_from_slice(&page.read(&path, depth + LEVELS, self.source)?);
            }
        }
        Ok(build(&leaves, depth, self.height, self.leaves()))
    }

    /// Whether new pages stay in memory: those that the source does not have yet must.
    fn leaves(&self) -> Leaves<'_> {
        let room = self.memory.tally.bytes() < self.memory.budget;
        if self.work == Work::Apply || room {
            Leaves::Kept(&self.memory.tally)
        } else {
            Leaves::Dropped
        }
    }
}

fn assert_ascending<'a>(paths: impl Iterator<Item = &'a Hash>) {
    assert!(paths.is_sorted_by(|one, next| one < next), "the paths do not ascend");
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
