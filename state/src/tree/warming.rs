//! Warming: after a start the pages are read in the order of the files, behind the back of whoever
//! works already, until the memory for them is full. Reading them one by one, when they are needed,
//! would take twenty times as long.

use std::sync::atomic::{AtomicBool, Ordering};

use super::node::{Node, Slot, by_nibble};
use super::page::{Leaf, Page, subtree_hash};
use super::units::{UNIT_DEPTH, first_path};
use super::{LEVELS, LeafSource as _, Memory, Tree};
use crate::store::{Reading, Store, StoreError};
use crate::stored_leaves::StoredLeaves;

/// Units that are read in one go. Meanwhile no file goes from the disk.
const UNITS_AT_ONCE: usize = 1 << 10;

/// Reads the pages of a tree that are not in memory, from a store that may have gone on since.
///
/// A page's hash says which leaves it has, so one that the store has no more is left out, and one
/// that is in newer trees as well is there for them too.
pub(crate) fn warm(
    tree: &Tree,
    store: &dyn Store,
    memory: &Memory,
    stop: &AtomicBool,
) -> Result<(), StoreError> {
    let mut source = StoredLeaves::new(store, Reading::Onward);
    for (at, unit) in tree.units().into_iter().enumerate() {
        if at % UNITS_AT_ONCE == 0 {
            source = StoredLeaves::new(store, Reading::Onward);
        }
        let full = memory.tally.bytes() >= memory.budget;
        let Some(node) = tree.unit(unit).filter(|_| !full && !stop.load(Ordering::Relaxed)) else {
            break;
        };
        let leaves = source.leaves(&first_path(unit), UNIT_DEPTH)?;
        fill(node, &leaves, UNIT_DEPTH, memory);
    }
    Ok(())
}

fn fill(node: &Node, leaves: &[Leaf], depth: usize, memory: &Memory) {
    let depth_below = depth + LEVELS;
    for (slot, leaves) in node.slots.iter().zip(by_nibble(leaves, depth)) {
        match slot {
            Slot::Empty => {}
            Slot::Node(node) => fill(node, leaves, depth_below, memory),
            Slot::Page(page) => {
                if page.page.get().is_none() && subtree_hash(leaves, depth_below) == page.hash {
                    // Whoever came first has set the same.
                    let _ = page.page.set(Page::new(leaves.to_vec(), &memory.tally));
                }
            }
        }
    }
}
