//! Why a proof proves nothing.

use thiserror::Error;

use crate::batch::KEYS_MAX;
use crate::hash::{Hash, Hex};

/// Why a proof does not prove what is claimed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    #[error("the proof has {0} siblings, more than its way can have")]
    TooLong(usize),
    #[error("the proof shows that the key has a value, and none was claimed")]
    Present,
    #[error("the proof shows that the key has no value, and one was claimed")]
    Absent,
    #[error("the proof ends at a leaf that does not lie on the way, or is what it should exclude")]
    OffTheWay,
    #[error("the proof leads to the root {}, not to {}", Hex(.computed), Hex(.expected))]
    Root { expected: Hash, computed: Hash },

    #[error("a batch proof is of 1 to {KEYS_MAX} keys, not of {0}")]
    KeyCount(usize),
    #[error("a key is claimed twice")]
    DuplicateKey,
    #[error("the proof has a way that ends at depth {0}, where it cannot")]
    EndDepth(u16),
    #[error("the proof lacks the end of a way")]
    EndMissing,
    #[error("the proof has an end that no way leads to")]
    EndUnused,
    #[error("the proof lacks a sibling")]
    SiblingMissing,
    #[error("the proof has a sibling that stands beside no way")]
    SiblingUnused,

    #[error("the entries do not ascend by path")]
    NotAscending,
    #[error("an entry does not lie below the prefix")]
    OutsidePrefix,
    #[error("the proof ends above the prefix, where there is no room for {0} entries")]
    NoRoom(usize),
}
