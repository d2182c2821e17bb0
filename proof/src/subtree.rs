//! Proofs of all that stands below a prefix.

use alloc::vec::Vec;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::error::ProofError;
use crate::hash::{
    EMPTY, Hash, Leaf, inner_hash, leaf_hash, path, shared_bits, turns_right, value_hash,
};
use crate::node::{BuildError, Node, descend};
use crate::prefix::Prefix;
use crate::single::{check_root, climb, decode_siblings};

/// What a state root says of a prefix: with the leaves below it, that these are all.
///
/// It is of one size whatever stands below, and does not hold the leaves.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SubtreeProof {
    /// The hashes beside the way to the prefix, from the root down; fewer than its bits where the way ends above it.
    #[borsh(deserialize_with = "decode_siblings")]
    pub siblings: Vec<Hash>,
    /// The lone leaf at which the way ends above the prefix, if that leaf does not lie below it.
    pub other: Option<Leaf>,
}

/// One entry of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub namespace: u8,
    pub key: &'a [u8],
    /// The height of the block that last changed the value.
    pub changed: u64,
    pub value: &'a [u8],
}

impl Entry<'_> {
    pub fn leaf(&self) -> Leaf {
        let path = path(self.namespace, self.key);
        Leaf { path, value_hash: value_hash(self.changed, self.value) }
    }
}

impl SubtreeProof {
    /// Checks that under `root` exactly these leaves, ascending by path, stand below the prefix.
    ///
    /// Computes one hash for each leaf and each sibling, and fewer than 256 more for each leaf after the first: as
    /// many as two neighbouring paths have bits in common behind the prefix. On paths that are hashes it is about
    /// one and a half.
    pub fn verify(&self, root: &Hash, prefix: &Prefix, leaves: &[Leaf]) -> Result<(), ProofError> {
        let depth = self.siblings.len();
        if depth > prefix.depth() {
            return Err(ProofError::TooLong(depth));
        }
        if !leaves.is_sorted_by(|leaf, next| leaf.path < next.path) {
            return Err(ProofError::NotAscending);
        }
        if !leaves.iter().all(|leaf| prefix.contains(&leaf.path)) {
            return Err(ProofError::OutsidePrefix);
        }
        let bottom = match (&self.other, leaves.len()) {
            (None, count) if count > 1 && depth < prefix.depth() => {
                return Err(ProofError::NoRoom(count));
            }
            (None, _) => subtree_hash(leaves, depth),
            (Some(other), 0) => {
                let shared = shared_bits(prefix.first_path(), &other.path);
                if !(depth..prefix.depth()).contains(&shared) {
                    return Err(ProofError::OffTheWay);
                }
                leaf_hash(&other.path, &other.value_hash)
            }
            (Some(_), count) => return Err(ProofError::NoRoom(count)),
        };
        check_root(root, climb(prefix.first_path(), &self.siblings, bottom))
    }

    /// The same of entries with their keys and values, ascending by path.
    pub fn verify_entries(
        &self,
        root: &Hash,
        prefix: &Prefix,
        entries: &[Entry],
    ) -> Result<(), ProofError> {
        let leaves: Vec<Leaf> = entries.iter().map(Entry::leaf).collect();
        self.verify(root, prefix, &leaves)
    }

    /// The proof for a prefix. Reads the nodes of the way to it, from the root down.
    pub fn build<E>(
        prefix: &Prefix,
        read: &mut impl FnMut(&Prefix) -> Result<Node, E>,
    ) -> Result<Self, BuildError<E>> {
        let (node, _, siblings) = descend(prefix, read)?;
        let other = match node {
            Node::Leaf(leaf) if !prefix.contains(&leaf.path) => Some(leaf),
            _ => None,
        };
        Ok(Self { siblings, other })
    }
}

/// The hash of the subtree of these leaves, which ascend by path and share their first `depth` bits.
fn subtree_hash(leaves: &[Leaf], depth: usize) -> Hash {
    match leaves {
        [] => EMPTY,
        [leaf] => leaf_hash(&leaf.path, &leaf.value_hash),
        // Two paths differ in one of 256 bits, so that no call lies deeper.
        _ => {
            let middle = leaves.partition_point(|leaf| !turns_right(&leaf.path, depth));
            let (left, right) = leaves.split_at(middle);
            inner_hash(&subtree_hash(left, depth + 1), &subtree_hash(right, depth + 1))
        }
    }
}
