//! What a window has written so far.

use std::collections::BTreeMap;
use std::ops::Range;

use primitives::StateKey;

/// Bits of the filter; a power of two, and many times the keys that a window writes.
const FILTER_BITS: usize = 1 << 16;

/// The keys that the turns of a window have written, each with the group that wrote it last.
pub(super) struct Written {
    /// Whether a key of this sum may have been written. Most that are asked for were not, and a bit
    /// says so sooner than a search.
    filter: Vec<bool>,
    groups: BTreeMap<StateKey, usize>,
}

impl Written {
    pub(super) fn new() -> Self {
        Self { filter: vec![false; FILTER_BITS], groups: BTreeMap::new() }
    }

    pub(super) fn insert(&mut self, key: &StateKey, group: usize) {
        if let Some(bit) = self.filter.get_mut(place(key)) {
            *bit = true;
        }
        self.groups.insert(key.clone(), group);
    }

    /// Whether another group than this was the last to write the key.
    pub(super) fn by_others(&self, key: &StateKey, group: usize) -> bool {
        self.filter.get(place(key)).copied().unwrap_or(true)
            && self.groups.get(key).is_some_and(|by| *by != group)
    }

    /// Whether another group than this was the last to write any key of the range.
    pub(super) fn within_by_others(&self, range: &Range<StateKey>, group: usize) -> bool {
        self.groups.range(range.clone()).any(|(_, by)| *by != group)
    }
}

/// Where the filter has a key's bit. Who makes many keys share one makes searches, and no errors.
fn place(key: &StateKey) -> usize {
    let (words, rest) = key.key.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let all = words.chain(rest.iter().map(|byte| u64::from(*byte)));
    let mixed = all.fold(key.namespace as u64, |sum, word| {
        (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    });
    usize::try_from(mixed % FILTER_BITS as u64).unwrap_or_default()
}
