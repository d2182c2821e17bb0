//! The Merkle tree over a block's receipts (shape of RFC 6962: the left subtree is the largest power of two).
//!
//! `root = H(count ‖ tree)`, so a proof also fixes how many receipts there are. Leaves are
//! [`crate::Receipt::hash`], under their own domain.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::hash::{Domain, Hash};

/// The siblings on the way from one leaf up, lowest first.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MerkleProof {
    pub index: u64,
    pub count: u64,
    pub siblings: Vec<Hash>,
}

/// The root over the leaves.
pub fn root(leaves: &[Hash]) -> Hash {
    seal(leaves.len() as u64, subtree(leaves))
}

/// The proof for the leaf at `index`; `None` when there is none.
pub fn prove(leaves: &[Hash], index: usize) -> Option<MerkleProof> {
    leaves.get(index)?;
    let mut siblings = Vec::new();
    let (mut rest, mut position) = (leaves, index);
    while rest.len() > 1 {
        let (left, right) = halves(rest);
        if position < left.len() {
            siblings.push(subtree(right));
            rest = left;
        } else {
            siblings.push(subtree(left));
            position -= left.len();
            rest = right;
        }
    }
    siblings.reverse();
    Some(MerkleProof { index: index as u64, count: leaves.len() as u64, siblings })
}

impl MerkleProof {
    /// Whether `leaf` stands at `index` of `count` leaves under `root`.
    pub fn verify(&self, root: &Hash, leaf: Hash) -> bool {
        if self.index >= self.count {
            return false;
        }
        // The turns from the top down; the siblings come from the bottom up.
        let mut turns = Vec::new();
        let (mut index, mut count) = (self.index, self.count);
        while count > 1 {
            let left = split(count);
            let goes_left = index < left;
            turns.push(goes_left);
            (index, count) = if goes_left { (index, left) } else { (index - left, count - left) };
        }
        if turns.len() != self.siblings.len() {
            return false;
        }
        let top =
            turns.iter().rev().zip(&self.siblings).fold(leaf, |node, (goes_left, sibling)| {
                if *goes_left { join(&node, sibling) } else { join(sibling, &node) }
            });
        seal(self.count, top) == *root
    }
}

/// The two subtrees of at least two leaves.
fn halves(leaves: &[Hash]) -> (&[Hash], &[Hash]) {
    leaves.split_at(leaves.len().next_power_of_two() / 2)
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: u64) -> u64 {
    count.next_power_of_two() / 2
}

fn subtree(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::ZERO,
        [leaf] => *leaf,
        _ => {
            let (left, right) = halves(leaves);
            join(&subtree(left), &subtree(right))
        }
    }
}

fn join(left: &Hash, right: &Hash) -> Hash {
    Hash::of_parts(Domain::ReceiptNode, &[&left.0, &right.0])
}

fn seal(count: u64, top: Hash) -> Hash {
    Hash::of_parts(Domain::ReceiptNode, &[&count.to_le_bytes(), &top.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_of_every_small_tree_is_proved_and_only_at_its_place() {
        let leaves: Vec<_> = (0u8..33).map(|i| Hash::of_bytes(Domain::Receipt, &[i])).collect();
        for count in 0..leaves.len() {
            let tree = &leaves[..count];
            let root = root(tree);
            assert!(prove(tree, count).is_none());
            for index in 0..count {
                let proof = prove(tree, index).unwrap();
                assert!(proof.verify(&root, tree[index]), "{index} of {count}");
                assert!(!proof.verify(&root, Hash::ZERO));
                let moved = MerkleProof { index: proof.index + 1, ..proof.clone() };
                assert!(!moved.verify(&root, tree[index]));
                let grown = MerkleProof { count: proof.count + 1, ..proof };
                assert!(!grown.verify(&root, tree[index]));
            }
        }
    }
}
