//! The hashes of the state tree.
//!
//! - `value = H(StateValue, height of last change ‖ bytes)`: one proof says since when a value has
//!   stood.
//! - `leaf = H(StateLeaf, path ‖ value)`: 80 bytes.
//! - `inner = BLAKE3(left ‖ right)`: exactly 64 bytes, one compression. Leaves have another length,
//!   so neither can be passed off as the other, and no tag is needed.
//! - An empty subtree is [`Hash::ZERO`], which no one can find a preimage of.

use primitives::{Domain, Hash, Height, StateKey};

use crate::tree::page::Leaf;

/// Bits of a path; no leaf lies deeper.
pub(crate) const DEPTH_MAX: usize = 256;

/// The hash of a value that was last changed at `changed`.
pub(crate) fn value_hash(changed: Height, value: &[u8]) -> Hash {
    Hash::of_parts(Domain::StateValue, &[&changed.0.to_le_bytes(), value])
}

pub(crate) fn leaf_hash(path: &Hash, value_hash: &Hash) -> Hash {
    Hash::of_parts(Domain::StateLeaf, &[&path.0, &value_hash.0])
}

/// The leaf of a key.
pub(crate) fn leaf(key: &StateKey, changed: Height, value: &[u8]) -> Leaf {
    let path = key.path();
    Leaf { path, hash: leaf_hash(&path, &value_hash(changed, value)) }
}

pub(crate) fn inner_hash(left: &Hash, right: &Hash) -> Hash {
    let mut pair = [0; 64];
    let (first, second) = pair.split_at_mut(32);
    first.copy_from_slice(&left.0);
    second.copy_from_slice(&right.0);
    Hash(*blake3::hash(&pair).as_bytes())
}

/// Whether the way along `path` turns right at `depth`, counted from the root at 0.
pub(crate) fn turns_right(path: &Hash, depth: usize) -> bool {
    path.0.get(depth / 8).is_some_and(|byte| byte >> (7 - depth % 8) & 1 == 1)
}
