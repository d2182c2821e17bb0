//! How much of the state each namespace holds.

use primitives::Namespace;

use crate::state::State;

/// What a namespace holds at the head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub keys: u64,
    /// Of keys and values, as they are before the store compresses them.
    pub bytes: u64,
}

impl State {
    /// The namespaces that hold anything, with what they hold.
    ///
    /// PLACEHOLDER: always empty, until commits count it in the family `meta`.
    pub fn usage(&self) -> Vec<(Namespace, Usage)> {
        Vec::new()
    }
}
