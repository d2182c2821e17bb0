//! The tree's hashes on the types of the chain. What they are and why stands in the `proof` crate.

use primitives::{Hash, Height, StateKey};
use proof::Claim;
pub(crate) use proof::DEPTH_MAX;

use crate::tree::page::Leaf;

/// What [`proof::StateProof`] and [`proof::BatchProof`] check: that the key has exactly this value, or none.
pub fn claim<'a>(key: &'a StateKey, value: Option<&'a [u8]>) -> Claim<'a> {
    Claim { namespace: key.namespace as u8, key: &key.key, value }
}

/// The hash of a value that was last changed at `changed`.
pub(crate) fn value_hash(changed: Height, value: &[u8]) -> Hash {
    Hash(proof::value_hash(changed.0, value))
}

pub(crate) fn leaf_hash(path: &Hash, value_hash: &Hash) -> Hash {
    Hash(proof::leaf_hash(&path.0, &value_hash.0))
}

/// The leaf of a key.
pub(crate) fn leaf(key: &StateKey, changed: Height, value: &[u8]) -> Leaf {
    let path = key.path();
    Leaf { path, hash: leaf_hash(&path, &value_hash(changed, value)) }
}

pub(crate) fn inner_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(proof::inner_hash(&left.0, &right.0))
}

/// Whether the way along `path` turns right at `depth`, counted from the root at 0.
pub(crate) fn turns_right(path: &Hash, depth: usize) -> bool {
    proof::turns_right(&path.0, depth)
}

#[cfg(test)]
mod tests {
    use primitives::{Domain, Namespace};

    use super::*;

    /// Two crates hold the tags, since neither may import the other.
    #[test]
    fn the_chain_and_those_who_check_its_proofs_hash_alike() {
        let hash = |seed: u8| Hash([seed; 32]);
        let value = Hash::of_parts(Domain::StateValue, &[&7_u64.to_le_bytes(), b"value"]);
        assert_eq!(value_hash(Height(7), b"value"), value);
        let leaf = Hash::of_parts(Domain::StateLeaf, &[&[1; 32], &[2; 32]]);
        assert_eq!(leaf_hash(&hash(1), &hash(2)), leaf);
        for namespace in [
            Namespace::Account,
            Namespace::Contract,
            Namespace::Storage,
            Namespace::Code,
            Namespace::System,
            Namespace::Evidence,
            Namespace::CodeInfo,
        ] {
            let key = StateKey { namespace, key: b"key".to_vec() };
            assert_eq!(key.path(), Hash(claim(&key, None).path()), "{namespace:?}");
            assert_eq!(key.path().0[0], namespace as u8);
        }
    }
}
