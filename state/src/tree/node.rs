//! Nodes: four levels of the binary tree in one piece.

#![expect(clippy::indexing_slicing, reason = "places in a heap of fixed size, counted here")]

use std::array;
use std::hint::black_box;
use std::sync::{Arc, OnceLock};

use primitives::{Hash, Height};

use super::PAGE_LEAVES_MAX;
use super::page::{Leaf, Page, Tally, subtree_hash};
use crate::hashing::inner_hash;

/// The children of a node: one for each value of the next four bits.
pub(crate) const FAN_OUT: usize = 16;
/// Levels of the binary tree in a node.
pub(crate) const LEVELS: usize = 4;

/// A subtree at a depth that is a multiple of [`LEVELS`].
#[derive(Clone, Debug, Default)]
pub(crate) enum Slot {
    #[default]
    Empty,
    Page(PageSlot),
    Node(Arc<Node>),
}

/// A page as its parent knows it; it may or may not be in memory.
#[derive(Clone, Debug)]
pub(crate) struct PageSlot {
    pub(crate) hash: Hash,
    /// Leaves: 1 to 32.
    pub(crate) count: u8,
    /// The block that last changed it. From the commit of that block on, the page can be read
    /// again.
    pub(crate) born: Height,
    /// Whether it was touched since this was last asked: who was not goes first.
    pub(crate) used: bool,
    /// Set once by whoever reads it first: the hash says which page it is.
    pub(crate) page: OnceLock<Arc<Page>>,
}

/// More leaves than a page holds, told apart by their next four bits.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) slots: [Slot; FAN_OUT],
    /// The binary nodes from this one down, as in a heap: the children of `i` are `2i` and
    /// `2i + 1`, this one is 1, and those of 8 to 15 are the slots. The first is unused.
    heap: [Hash; FAN_OUT],
}

/// What becomes of the leaves of a new page.
#[derive(Clone, Copy)]
pub(crate) enum Leaves<'a> {
    /// They stay in memory.
    Kept(&'a Tally),
    /// Only their hash does.
    Dropped,
}

/// How many leaves are below, as far as the shape of the tree depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crowd {
    None,
    One,
    Many,
}

impl Crowd {
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, crowd) | (crowd, Self::None) => crowd,
            _ => Self::Many,
        }
    }
}

impl Slot {
    /// The subtree of these leaves, which fit a page.
    pub(crate) fn of_page(leaves: Vec<Leaf>, depth: usize, born: Height, then: Leaves<'_>) -> Self {
        let Ok(count) = u8::try_from(leaves.len()) else { panic!("too many leaves for a page") };
        if count == 0 {
            return Self::Empty;
        }
        let hash = subtree_hash(&leaves, depth);
        let page = match then {
            Leaves::Kept(tally) => OnceLock::from(Page::new(leaves, tally)),
            Leaves::Dropped => OnceLock::new(),
        };
        Self::Page(PageSlot { hash, count, born, used: true, page })
    }

    pub(crate) fn hash(&self) -> Hash {
        match self {
            Self::Empty => Hash::ZERO,
            Self::Page(page) => page.hash,
            Self::Node(node) => node.hash(),
        }
    }

    pub(crate) fn crowd(&self) -> Crowd {
        match self {
            Self::Empty => Crowd::None,
            Self::Page(page) if page.count == 1 => Crowd::One,
            Self::Page(_) | Self::Node(_) => Crowd::Many,
        }
    }
}

impl Node {
    /// The node over these subtrees, which hold at least two leaves together.
    pub(crate) fn new(slots: [Slot; FAN_OUT]) -> Self {
        let mut node = Self { slots, heap: [Hash::ZERO; FAN_OUT] };
        node.rehash(u16::MAX);
        node
    }

    pub(crate) fn hash(&self) -> Hash {
        self.heap[1]
    }

    /// The hash of a node whose slots are known by their hashes only.
    pub(crate) fn hash_of(slots: &[(Crowd, Hash); FAN_OUT]) -> Hash {
        let mut level = slots.to_vec();
        while level.len() > 1 {
            level = level
                .chunks_exact(2)
                .map(|pair| {
                    let (left, right) = (pair[0], pair[1]);
                    (left.0.with(right.0), joined(left, right))
                })
                .collect();
        }
        level[0].1
    }

    /// Hashes again what lies above the slots whose bits are set.
    pub(crate) fn rehash(&mut self, changed: u16) {
        let mut crowds = [Crowd::None; 2 * FAN_OUT];
        for (at, slot) in self.slots.iter().enumerate() {
            crowds[FAN_OUT + at] = slot.crowd();
        }
        let mut dirty = [false; 2 * FAN_OUT];
        for at in 0..FAN_OUT {
            dirty[FAN_OUT + at] = changed >> at & 1 == 1;
        }
        for at in (1..FAN_OUT).rev() {
            let (left, right) = (2 * at, 2 * at + 1);
            crowds[at] = crowds[left].with(crowds[right]);
            dirty[at] = dirty[left] || dirty[right];
            if dirty[at] {
                let [left, right] = [left, right].map(|at| (crowds[at], self.heap_hash(at)));
                self.heap[at] = joined(left, right);
            }
        }
    }

    /// The hash at a place of the heap; those from 16 on are the slots'.
    pub(crate) fn heap_hash(&self, at: usize) -> Hash {
        match at.checked_sub(FAN_OUT) {
            Some(slot) => self.slots[slot].hash(),
            None => self.heap[at],
        }
    }

    /// How many leaves lie below a place of the heap.
    pub(crate) fn heap_crowd(&self, at: usize) -> Crowd {
        self.below(at).fold(Crowd::None, |crowd, (_, slot)| crowd.with(slot.crowd()))
    }

    pub(crate) fn slot(&self, at: usize) -> &Slot {
        &self.slots[at]
    }

    /// To be followed by [`Self::rehash`].
    pub(crate) fn set(&mut self, at: usize, slot: Slot) {
        self.slots[at] = slot;
    }

    /// The slots below a place of the heap, each with its number.
    pub(crate) fn below(&self, place: usize) -> impl Iterator<Item = (usize, &Slot)> {
        let mut below = place..place + 1;
        while below.start < FAN_OUT {
            below = 2 * below.start..2 * below.end;
        }
        (below.start - FAN_OUT..).zip(&self.slots[below.start - FAN_OUT..below.end - FAN_OUT])
    }

    /// Lets go of the pages in these slots that were not used since the last time, if they can be
    /// read again.
    pub(crate) fn shed(&mut self, slots: u16, committed: Height) {
        for (at, slot) in self.slots.iter_mut().enumerate() {
            if let Slot::Page(page) = slot
                && slots >> at & 1 == 1
                && page.born <= committed
            {
                if !page.used {
                    page.page = OnceLock::new();
                }
                page.used = false;
            }
        }
    }

    /// Brings the counts of what hangs on the slots into the processor's cache, all at a time. A
    /// clone raises them one after the other, and would wait for memory at each.
    pub(crate) fn touch(&self) {
        let counts = self.slots.iter().map(|slot| match slot {
            Slot::Empty => 0,
            Slot::Page(page) => page.page.get().map_or(0, Arc::strong_count),
            Slot::Node(node) => Arc::strong_count(node),
        });
        black_box(counts.fold(0, usize::wrapping_add));
    }

    /// Whether there are no more leaves below than this.
    pub(crate) fn holds_at_most(&self, count: usize) -> bool {
        self.holds_at_most_at(1, count)
    }

    /// The same below a place of the heap.
    pub(crate) fn holds_at_most_at(&self, place: usize, count: usize) -> bool {
        self.count_from(place, 0, count) <= count
    }

    /// Adds the leaves below to `sum`, and stops above `most`.
    fn count_from(&self, place: usize, sum: usize, most: usize) -> usize {
        self.below(place).fold(sum, |sum, (_, slot)| match slot {
            Slot::Page(page) => sum + usize::from(page.count),
            Slot::Node(node) if sum <= most => node.count_from(1, sum, most),
            Slot::Empty | Slot::Node(_) => sum,
        })
    }

    /// Whether this is to be a page: there are few leaves below, and no other node.
    pub(crate) fn is_small(&self) -> bool {
        let leaves = self.slots.iter().try_fold(0, |count, slot| match slot {
            Slot::Empty => Some(count),
            Slot::Page(page) => Some(count + usize::from(page.count)),
            Slot::Node(_) => None,
        });
        leaves.is_some_and(|count| count <= PAGE_LEAVES_MAX / 2)
    }
}

impl Drop for Node {
    /// What follows lowers the counts one after the other, as a clone raises them.
    fn drop(&mut self) {
        self.touch();
    }
}

/// The hash over two subtrees: a lone leaf stands for the whole of both.
fn joined((left, one): (Crowd, Hash), (right, other): (Crowd, Hash)) -> Hash {
    match (left, right) {
        (Crowd::None | Crowd::One, Crowd::None) => one,
        (Crowd::None, Crowd::One) => other,
        _ => inner_hash(&one, &other),
    }
}

/// The slots with each of these leaves, which ascend, at its place below `depth`.
pub(crate) fn by_nibble(leaves: &[Leaf], depth: usize) -> [&[Leaf]; FAN_OUT] {
    let mut rest = leaves;
    array::from_fn(|at| {
        let end = rest.partition_point(|leaf| nibble(&leaf.path, depth) <= at);
        let (here, after) = rest.split_at(end);
        rest = after;
        here
    })
}

/// The four bits of a path from `depth` on, a multiple of four.
pub(crate) fn nibble(path: &Hash, depth: usize) -> usize {
    let byte = path.0.get(depth / 8).copied().unwrap_or(0);
    usize::from(if depth.is_multiple_of(8) { byte >> 4 } else { byte & 15 })
}
