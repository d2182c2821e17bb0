//! Whose turn it is to be written: the units of the tree go round, a few with each commit, so that
//! no commit is slower than the others for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use primitives::Height;

use crate::family::nodes;
use crate::store::Batch;
use crate::tree::Tree;
use crate::tree::units::{Unit, UnitNodes};

/// A round takes no longer than this many changed keys: a start has to read the pages of no more
/// than that again.
const ROUND_CHANGES: u64 = 1 << 18;
/// And no longer than this many blocks, whose `changes` a start has to read.
const ROUND_BLOCKS: u64 = 1 << 10;

#[derive(Debug)]
pub(crate) struct Turns {
    /// The heights of the rows that are stored.
    rows: BTreeMap<Unit, Height>,
    last: Unit,
    /// In parts of a unit: [`ROUND_CHANGES`] times [`ROUND_BLOCKS`] make one.
    credit: u64,
}

impl Turns {
    pub(crate) fn new(rows: BTreeMap<Unit, Height>) -> Self {
        // Those that waited longest are next, whatever the order was.
        let oldest = rows.iter().min_by_key(|(_, height)| **height);
        let last = oldest.map_or(Unit::default(), |(unit, _)| *unit);
        Self { rows, last, credit: 0 }
    }

    /// Adds to a commit of these blocks the rows of the units whose turn it is.
    pub(crate) fn write(
        &mut self,
        batch: &mut Batch,
        tree: &Tree,
        height: Height,
        (blocks, changes): (usize, usize),
    ) {
        let mut units = tree.units();
        units.extend(self.rows.keys());
        units.sort_unstable();
        units.dedup();
        let (blocks, changes) = (blocks as u64, changes as u64);
        let share = (blocks * ROUND_CHANGES).saturating_add(changes * ROUND_BLOCKS);
        self.credit = self.credit.saturating_add(share.saturating_mul(units.len() as u64));
        let count = units.len().min((self.credit / (ROUND_CHANGES * ROUND_BLOCKS)) as usize);
        self.credit %= ROUND_CHANGES * ROUND_BLOCKS;
        let start = units.partition_point(|unit| *unit <= self.last);
        units.rotate_left(start);
        for unit in units.into_iter().take(count) {
            match tree.unit(unit) {
                Some(node) => {
                    nodes::put(batch, unit, &UnitNodes { height, nodes: Arc::clone(node) });
                    self.rows.insert(unit, height);
                }
                None => {
                    nodes::delete(batch, unit);
                    self.rows.remove(&unit);
                }
            }
            self.last = unit;
        }
    }

    /// The lowest height above which `changes` are still needed.
    pub(crate) fn oldest(&self) -> Option<Height> {
        self.rows.values().min().copied()
    }
}
