//! What a run has read from below its own journal, and whether that still holds.

use std::cell::RefCell;
use std::ops::{ControlFlow, Range};

use primitives::StateKey;
use primitives::state_key::{Direction, KeyVisitor};

use super::Changes;
use super::written::Written;
use crate::Storage;
use crate::layers::walk_with_deleted;

/// What a run depends on.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// Some more than once: a journal asks again and again, and pays each time.
    keys: Vec<StateKey>,
    /// The parts of ranges that scans have visited: what is not there counts as well.
    ranges: Vec<Range<StateKey>>,
    /// Whether a scan came upon a key that was deleted below.
    deleted: bool,
}

impl Reads {
    /// Whether the run would read something else now. It has seen what its own group wrote before
    /// it, and nothing of what others did.
    pub(super) fn are_stale(&self, written: &Written, group: usize) -> bool {
        self.deleted
            || self.keys.iter().any(|key| written.by_others(key, group))
            || self.ranges.iter().any(|range| written.within_by_others(range, group))
    }
}

/// The state below one run, which notes what is read of it. Used by one thread.
pub(super) struct Recorder<'a> {
    storage: &'a (dyn Storage + Sync),
    /// What the block changed before the window.
    block: &'a Changes,
    /// What earlier transactions of the same sender changed within the window.
    group: &'a Changes,
    reads: RefCell<Reads>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(
        storage: &'a (dyn Storage + Sync),
        block: &'a Changes,
        group: &'a Changes,
    ) -> Self {
        Self { storage, block, group, reads: RefCell::default() }
    }

    pub(super) fn into_reads(self) -> Reads {
        self.reads.into_inner()
    }
}

impl Storage for Recorder<'_> {
    fn get(&self, key: &StateKey) -> Option<Vec<u8>> {
        self.reads.borrow_mut().keys.push(key.clone());
        match self.group.get(key).or_else(|| self.block.get(key)) {
            Some(changed) => changed.clone(),
            None => self.storage.get(key),
        }
    }

    /// Ends at a key that was deleted, and begins no more after one: in its turn the run pays for
    /// passing by, and here it does not.
    fn walk(&self, range: &Range<StateKey>, direction: Direction, visit: KeyVisitor<'_>) {
        if self.reads.borrow().deleted {
            return;
        }
        let within = (range, direction);
        let deleted = || {
            self.reads.borrow_mut().deleted = true;
            ControlFlow::Break(())
        };
        let storage = |visit: KeyVisitor<'_>| self.storage.walk(range, direction, visit);
        let block = |visit: KeyVisitor<'_>| {
            walk_with_deleted(self.block, storage, within, &mut |key, value| match value {
                Some(value) => visit(key, value),
                None => deleted(),
            });
        };
        let mut visited = range.clone();
        walk_with_deleted(self.group, block, within, &mut |key, value| {
            let Some(value) = value else { return deleted() };
            let last = key.clone();
            let flow = visit(key, value);
            if flow.is_break() {
                match direction {
                    Direction::Ascending => visited.end = last.next(),
                    Direction::Descending => visited.start = last,
                }
            }
            flow
        });
        self.reads.borrow_mut().ranges.push(visited);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn key(name: &str) -> StateKey {
        StateKey::system(name)
    }

    /// What stands behind the last pair that it looked at does not matter to a scan; that pair, and
    /// what comes to stand before it, does.
    #[test]
    fn a_scan_depends_on_what_it_has_visited() {
        let storage: BTreeMap<_, _> =
            ["b", "d", "f", "h"].map(|name| (key(name), Vec::new())).into();
        let nothing = Changes::new();
        for (direction, pairs, expected) in [
            (Direction::Ascending, 2, "abcd"),
            (Direction::Descending, 2, "fghi"),
            (Direction::Ascending, 9, "abcdefghi"),
            (Direction::Descending, 9, "abcdefghi"),
        ] {
            let recorder = Recorder::new(&storage, &nothing, &nothing);
            let mut left = pairs;
            recorder.walk(&(key("a")..key("j")), direction, &mut |_, _| {
                left -= 1;
                if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            let reads = recorder.into_reads();
            let stale_by = |name: &str, group| {
                let mut written = Written::new();
                written.insert(&key(name), group);
                reads.are_stale(&written, 0)
            };
            let stale: String = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]
                .into_iter()
                .filter(|name| stale_by(name, 1))
                .collect();
            assert_eq!(stale, expected, "{direction:?}");
            assert!(!["b", "d", "f", "h"].iter().any(|name| stale_by(name, 0)), "one's own");
        }
    }
}
