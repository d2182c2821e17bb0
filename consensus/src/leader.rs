//! Who leads. Plain rotation; the schedule of an epoch, computed from committed blocks, comes later and
//! replaces only this function.

use primitives::{ValidatorIndex, ValidatorSet, View};

/// The leader of a view: validators take turns, one view each.
pub fn leader(validators: &ValidatorSet, view: View) -> ValidatorIndex {
    let count = validators.len() as u64;
    let Ok(position) = u16::try_from(view.0 % count) else {
        panic!("a set of {count} validators is larger than an index can count");
    };
    ValidatorIndex(position)
}
