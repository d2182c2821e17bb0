//! Whose turn it is to be written: the units of the tree go round, a few with each commit, so that
//! no commit is slower than the others for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use primitives::Height;

use crate::family::nodes;
use crate::store::Batch;
use crate::tree::Tree;
use crate::tree::units::{UNIT_DEPTH, Unit, UnitNodes};

/// A round takes no longer than this many changed keys: a start has to read the pages of no more
/// than that again.
const ROUND_CHANGES: u64 = 1 << 18;
/// And no longer than this many blocks, whose `changes` a start has to read.
const ROUND_BLOCKS: u64 = 1 << 10;

/// All there can be.
const UNITS: u64 = 1 << UNIT_DEPTH;

#[derive(Debug)]
pub(crate) struct Turns {
    /// The heights of the rows that are stored.
    rows: BTreeMap<Unit, Height>,
    /// How many rows are of each height.
    heights: BTreeMap<Height, usize>,
    /// Whose turn it is.
    next: Unit,
    /// In parts of a unit: [`ROUND_CHANGES`] times [`ROUND_BLOCKS`] make one.
    credit: u64,
}

impl Turns {
    pub(crate) fn new(rows: BTreeMap<Unit, Height>) -> Self {
        // Those that waited longest are next, whatever the order was.
        let oldest = rows.iter().min_by_key(|(_, height)| **height);
        let next = oldest.map_or(Unit::default(), |(unit, _)| *unit);
        let mut heights = BTreeMap::new();
        for height in rows.values() {
            *heights.entry(*height).or_default() += 1;
        }
        Self { rows, heights, next, credit: 0 }
    }

    /// Adds to a commit of these blocks the rows of the units whose turn it is. All units have
    /// turns, also those without nodes: paths are hashes, so the nodes are spread evenly.
    pub(crate) fn write(
        &mut self,
        batch: &mut Batch,
        tree: &Tree,
        height: Height,
        (blocks, changes): (usize, usize),
    ) {
        let (blocks, changes) = (blocks as u64, changes as u64);
        let share = (blocks * ROUND_CHANGES).saturating_add(changes * ROUND_BLOCKS);
        self.credit = self.credit.saturating_add(share.saturating_mul(UNITS));
        let count = UNITS.min(self.credit / (ROUND_CHANGES * ROUND_BLOCKS));
        self.credit %= ROUND_CHANGES * ROUND_BLOCKS;
        for _ in 0..count {
            let unit = self.next;
            self.next = u16::from_be_bytes(unit).wrapping_add(1).to_be_bytes();
            let had = self.rows.remove(&unit);
            if let Some(heights) = had.and_then(|height| self.heights.get_mut(&height)) {
                *heights -= 1;
            }
            match tree.unit(unit) {
                Some(node) => {
                    nodes::put(batch, unit, &UnitNodes { height, nodes: Arc::clone(node) });
                    self.rows.insert(unit, height);
                    *self.heights.entry(height).or_default() += 1;
                }
                None if had.is_some() => nodes::delete(batch, unit),
                None => {}
            }
        }
        self.heights.retain(|_, rows| *rows > 0);
    }

    /// The lowest height above which `changes` are still needed.
    pub(crate) fn oldest(&self) -> Option<Height> {
        self.heights.first_key_value().map(|(height, _)| *height)
    }
}

#[cfg(test)]
mod tests {
    use primitives::Hash;

    use super::*;
    use crate::tree::node::Leaves;
    use crate::tree::page::Leaf;

    /// A tree with nodes in these units.
    fn tree(units: &[Unit]) -> Tree {
        let leaf = |unit: &Unit, n: u8| {
            let mut path = Hash([n; 32]);
            path.0[..2].copy_from_slice(unit);
            Leaf { path, hash: path }
        };
        let leaves = units.iter().flat_map(|unit| (0..64).map(move |n| leaf(unit, 4 * n)));
        Tree::build(&leaves.collect::<Vec<_>>(), Height(1), Leaves::Dropped)
    }

    fn rows(batch: &Batch) -> Vec<(Unit, bool)> {
        let row = |row: crate::store::Row<'_>| (row.key.try_into().unwrap(), row.value.is_some());
        batch.rows().map(row).collect()
    }

    #[test]
    fn a_round_writes_each_unit_once_and_begins_with_the_oldest() {
        let (first, second, third) = ([0, 3], [1, 244], [255, 255]);
        let tree = tree(&[first, third]);
        let heights = [(first, Height(7)), (second, Height(3)), (third, Height(5))];
        let mut turns = Turns::new(BTreeMap::from(heights));
        assert_eq!(turns.oldest(), Some(Height(3)));
        // The changes that are a sixteenth of a round.
        let work = (0, (ROUND_CHANGES / 16) as usize);
        let mut written = Vec::new();
        for height in 10..26 {
            let mut batch = Batch::default();
            turns.write(&mut batch, &tree, Height(height), work);
            written.extend(rows(&batch));
            assert_eq!(turns.oldest(), turns.rows.values().min().copied());
            if height == 10 {
                assert_eq!(written, [(second, false)], "its nodes are gone");
            }
        }
        assert_eq!(written, [(second, false), (third, true), (first, true)]);
        assert_eq!(turns.oldest(), Some(Height(25)));
    }
}
