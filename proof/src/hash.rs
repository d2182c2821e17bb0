//! The hashes of the tree, and the bits of its paths.

use core::fmt;

/// A path, the hash of a value or of a node.
pub type Hash = [u8; 32];

/// The hash of the empty subtree: nobody knows an input that has it.
pub const EMPTY: Hash = [0; 32];

/// Bits of a path. No leaf stands deeper.
pub const DEPTH_MAX: usize = 256;

const PATH_TAG: &[u8; 16] = b"quorate:path::::";
const VALUE_TAG: &[u8; 16] = b"quorate:value:::";
const LEAF_TAG: &[u8; 16] = b"quorate:leaf::::";

/// A leaf: one key of the state, as the tree sees it.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, borsh::BorshSerialize, borsh::BorshDeserialize,
)]
pub struct Leaf {
    pub path: Hash,
    pub value_hash: Hash,
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Leaf({} = {})", Hex(&self.path), Hex(&self.value_hash))
    }
}

/// Where the leaf of a key stands.
pub fn path(namespace: u8, key: &[u8]) -> Hash {
    let mut path = hash_joined([PATH_TAG, &[namespace], key]);
    // The hash's last byte comes to the front, where the namespace takes its place.
    path.rotate_right(1);
    path[0] = namespace;
    path
}

/// The hash of a value that was last changed by the block at `changed`.
pub fn value_hash(changed: u64, value: &[u8]) -> Hash {
    hash_joined([VALUE_TAG, &changed.to_le_bytes(), value])
}

// These are most of what a node computes for its tree. Whole inputs on the stack spare what an incremental hasher
// keeps between its parts.

fn hash_joined(parts: [&[u8]; 3]) -> Hash {
    let mut joined = [0; 512];
    let mut length = 0;
    for part in parts {
        if let Some(place) = joined.get_mut(length..length + part.len()) {
            place.copy_from_slice(part);
        }
        length += part.len();
    }
    if let Some(joined) = joined.get(..length) {
        return *blake3::hash(joined).as_bytes();
    }
    let mut hasher = blake3::Hasher::new();
    parts.iter().for_each(|part| {
        hasher.update(part);
    });
    *hasher.finalize().as_bytes()
}

/// The hash of a leaf: two compressions.
#[inline]
pub fn leaf_hash(path: &Hash, value_hash: &Hash) -> Hash {
    let mut bytes = [0; 80];
    bytes[..16].copy_from_slice(LEAF_TAG);
    bytes[16..48].copy_from_slice(path);
    bytes[48..].copy_from_slice(value_hash);
    *blake3::hash(&bytes).as_bytes()
}

/// The hash of the node over two subtrees: one compression.
#[inline]
pub fn inner_hash(left: &Hash, right: &Hash) -> Hash {
    *blake3::hash([*left, *right].as_flattened()).as_bytes()
}

/// Whether the way along `path` turns right at `depth`, counted from the root at 0.
#[inline]
pub fn turns_right(path: &Hash, depth: usize) -> bool {
    path.get(depth / 8).is_some_and(|byte| byte >> (7 - depth % 8) & 1 == 1)
}

/// How many bits two ways have in common, from the root on.
pub(crate) fn shared_bits(one: &Hash, other: &Hash) -> usize {
    let mut differing = one.iter().zip(other).map(|(one, other)| one ^ other).enumerate();
    let first = differing.find(|(_, bits)| *bits != 0);
    first.map_or(DEPTH_MAX, |(at, bits)| at * 8 + bits.leading_zeros() as usize)
}

/// A hash as people read it.
pub(crate) struct Hex<'a>(pub(crate) &'a Hash);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
