//! For one root and one question there is one proof: whatever is changed in it makes it prove nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod reference;

use std::fmt::Debug;

use borsh::{BorshDeserialize, BorshSerialize};
use quorate_proof::{BatchProof, Claim, Leaf, Prefix, StateProof, SubtreeProof};

use crate::reference::{Key, Tree, Values, claim, path};

/// Sees that the proof is accepted, and no other one that these changes make of it or of its bytes.
fn check<P>(context: &str, proof: &P, accepts: impl Fn(&P) -> bool, changes: Vec<P>)
where
    P: BorshSerialize + BorshDeserialize + PartialEq + Debug,
{
    assert!(accepts(proof), "{context}: {proof:?}");
    let bytes = borsh::to_vec(proof).unwrap();
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[position] ^= 1 << bit;
            let accepted = borsh::from_slice(&flipped).is_ok_and(|proof| accepts(&proof));
            assert!(!accepted, "{context}: bit {bit} of byte {position} of {bytes:?}");
        }
        assert!(borsh::from_slice::<P>(&bytes[..position]).is_err(), "{context}: {position} bytes");
    }
    for more in [0, 1, 255] {
        let longer = [&bytes[..], &[more]].concat();
        assert!(borsh::from_slice::<P>(&longer).is_err(), "{context}: a byte {more} more");
    }
    for changed in changes.iter().filter(|changed| *changed != proof) {
        assert!(!accepts(changed), "{context}: {changed:?} for {proof:?}");
    }
}

/// The lists that lack an element, have one twice, or two in each other's place, or an empty one more.
fn shuffled<T: Clone>(list: &[T], empty: &T) -> Vec<Vec<T>> {
    let mut lists = Vec::new();
    for place in 0..list.len() {
        let mut changed = list.to_vec();
        let element = changed.remove(place);
        lists.push(changed.clone());
        changed.splice(place..place, [element.clone(), element]);
        lists.push(changed);
        for other in 0..place {
            let mut changed = list.to_vec();
            changed.swap(place, other);
            lists.push(changed);
        }
    }
    for place in 0..=list.len() {
        let mut changed = list.to_vec();
        changed.insert(place, empty.clone());
        lists.push(changed);
    }
    lists
}

fn key(number: u8) -> Key {
    (number % 2 * 3, vec![number])
}

/// Thirty values, and as many keys without.
fn state(seed: u8) -> (Values, Tree) {
    let value = |number: u8| (u64::from(number), vec![seed; usize::from(number)]);
    let values = (0..30).map(|number| (key(number), value(number))).collect();
    let tree = Tree::of(&values);
    (values, tree)
}

#[test]
fn no_other_proof_of_one_key() {
    let (values, tree) = state(1);
    for key in (20..40).map(key) {
        let (proof, claim) = (tree.prove(&values, &key), claim(&values, &key));
        let lists = shuffled(&proof.siblings, &[0; 32]).into_iter();
        let changes = lists.map(|siblings| StateProof { siblings, ..proof.clone() }).collect();
        let accepts = |proof: &StateProof| proof.verify(&tree.root, &claim).is_ok();
        check(&format!("{key:?}"), &proof, accepts, changes);
    }
}

#[test]
fn no_other_proof_of_many_keys() {
    let (values, tree) = state(2);
    for count in [1, 2, 3, 8, 20] {
        let keys: Vec<Key> = (0..count).map(|number| key(number * 7 % 60)).collect();
        let claims: Vec<Claim> = keys.iter().map(|key| claim(&values, key)).collect();
        let proof = tree.prove_batch(&values, &keys);
        let siblings = shuffled(&proof.siblings, &[0; 32]).into_iter();
        let ends = shuffled(&proof.ends, &proof.ends[0]).into_iter();
        let changes = siblings
            .map(|siblings| BatchProof { siblings, ..proof.clone() })
            .chain(ends.map(|ends| BatchProof { ends, ..proof.clone() }))
            .collect();
        let accepts = |proof: &BatchProof| proof.verify(&tree.root, &claims).is_ok();
        check(&format!("{count} keys"), &proof, accepts, changes);
    }
}

#[test]
fn no_other_proof_of_all_below_a_prefix() {
    let (_, tree) = state(3);
    let namespace = Prefix::of_namespace(3);
    let around = |number, depth| Prefix::around(&path(&key(number)), depth).unwrap();
    for prefix in [
        Prefix::ROOT,
        namespace,
        Prefix::of_namespace(2),
        around(1, 10),
        around(1, 256),
        around(31, 13),
        around(33, 200),
        around(35, 256),
    ] {
        let (proof, leaves) = (tree.prove_subtree(&prefix), tree.below(&prefix));
        let lists = shuffled(&proof.siblings, &[0; 32]).into_iter();
        let leaf = Leaf { path: path(&key(1)), value_hash: [1; 32] };
        let others = [None, Some(leaf)].map(|other| SubtreeProof { other, ..proof.clone() });
        let changes = lists
            .map(|siblings| SubtreeProof { siblings, ..proof.clone() })
            .chain(others)
            .collect();
        let accepts = |proof: &SubtreeProof| proof.verify(&tree.root, &prefix, leaves).is_ok();
        check(&format!("{prefix:?}"), &proof, accepts, changes);
    }
}
