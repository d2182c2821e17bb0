//! Pruning: compactions leave out what lies below the floor.

use std::ffi::CStr;

use primitives::Height;
use rocksdb::CompactionDecision;
use rocksdb::compaction_filter::CompactionFilter;
use rocksdb::compaction_filter_factory::{CompactionFilterContext, CompactionFilterFactory};

use crate::family::{Family, deleted, height_of_key, history, transactions};
use crate::floor::Floors;

/// Blocks below the floor that stay for their headers: who leads is decided by those of the last
/// two terms, 32 views for each of at most 100 validators, and most views have a block.
pub(crate) const HEADERS_KEPT: u64 = 4_096;

/// Makes the filters of one family's compactions.
pub(crate) struct Pruning {
    family: Family,
    floors: Floors,
}

impl Pruning {
    /// Nothing for a family that is not pruned.
    pub(crate) fn new(family: Family, floors: &Floors) -> Option<Self> {
        is_pruned(family).then(|| Self { family, floors: floors.clone() })
    }
}

fn is_pruned(family: Family) -> bool {
    match family {
        Family::History
        | Family::Changes
        | Family::Deleted
        | Family::Blocks
        | Family::BlockHashes
        | Family::Certificates
        | Family::Receipts
        | Family::Transactions => true,
        Family::Flat | Family::Order | Family::Nodes | Family::Meta => false,
    }
}

impl CompactionFilterFactory for Pruning {
    type Filter = Filter;

    fn create(&mut self, _: CompactionFilterContext) -> Filter {
        let floor = match self.family {
            Family::Changes => self.floors.changes(),
            _ => self.floors.floor(),
        };
        Filter { family: self.family, floor }
    }

    fn name(&self) -> &CStr {
        c"below the floor"
    }
}

/// That of one compaction.
pub(crate) struct Filter {
    family: Family,
    floor: Height,
}

impl CompactionFilter for Filter {
    fn filter(&mut self, _: u32, key: &[u8], value: &[u8]) -> CompactionDecision {
        if is_below(self.family, self.floor, key, value) {
            CompactionDecision::Remove
        } else {
            CompactionDecision::Keep
        }
    }

    fn name(&self) -> &CStr {
        c"below the floor"
    }
}

/// Whether nobody can ask for a row any more. One that is unreadable is left for those who read it
/// to complain about.
pub(crate) fn is_below(family: Family, floor: Height, key: &[u8], value: &[u8]) -> bool {
    match family {
        Family::Flat | Family::Order | Family::Nodes | Family::Meta => false,
        // What a block overwrote, or deleted, is asked for at lower heights only.
        Family::History => history::read_key(key).is_ok_and(|(_, height)| height <= floor),
        Family::Deleted => deleted::read_height(value).is_ok_and(|height| height <= floor),
        Family::Changes => height_of_key(family, key).is_ok_and(|height| height <= floor),
        Family::Blocks => {
            let kept = Height(floor.0.saturating_sub(HEADERS_KEPT));
            height_of_key(family, key).is_ok_and(|height| height < kept)
        }
        Family::Certificates | Family::Receipts => {
            height_of_key(family, key).is_ok_and(|height| height < floor)
        }
        Family::BlockHashes => height_of_key(family, value).is_ok_and(|height| height < floor),
        Family::Transactions => transactions::read(value).is_ok_and(|place| place.height < floor),
    }
}
