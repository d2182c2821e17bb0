use std::collections::BTreeMap;

use primitives::{Address, Namespace};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::*;
use crate::tree::{Leaf, Tree};

type Values = BTreeMap<StateKey, (Height, Vec<u8>)>;

fn key(number: u32) -> StateKey {
    StateKey { namespace: Namespace::Storage, key: number.to_le_bytes().to_vec() }
}

fn random_values(seed: u64, count: u32) -> Values {
    let mut random = ChaCha20Rng::seed_from_u64(seed);
    (0..count)
        .map(|_| {
            let value =
                vec![seed.to_le_bytes()[0]; usize::try_from(random.next_u32() % 50).unwrap()];
            (key(random.next_u32() % 500), (Height(random.next_u64() % 100), value))
        })
        .collect()
}

fn tree_of(values: &Values) -> Tree {
    let mut leaves: Vec<_> = values
        .iter()
        .map(|(key, (changed, value))| Leaf {
            path: key.path(),
            value_hash: value_hash(*changed, value),
        })
        .collect();
    leaves.sort_by_key(|leaf| leaf.path);
    Tree::build(&leaves)
}

fn prove(tree: &Tree, values: &Values, key: &StateKey) -> StateProof {
    tree.prove(&key.path(), values.get(key).map(|(changed, _)| *changed)).unwrap()
}

#[test]
fn presence_and_absence_are_proved_and_nothing_else() {
    for seed in 0..40 {
        let values = random_values(seed, u32::try_from(seed * 10).unwrap());
        let tree = tree_of(&values);
        let root = tree.root();
        for number in 0..500 {
            let key = key(number);
            let proof = prove(&tree, &values, &key);
            let stored = values.get(&key).map(|(_, value)| value.as_slice());
            assert_eq!(proof.verify(&root, &key, stored), Ok(()), "seed {seed}, key {number}");
            assert_eq!(proof.changed(), values.get(&key).map(|(changed, _)| *changed));

            let wrong = proof.verify(&root, &key, Some(b"another value"));
            match stored {
                Some(_) => {
                    assert!(matches!(wrong, Err(ProofError::Root { .. })), "seed {seed}");
                    assert_eq!(proof.verify(&root, &key, None), Err(ProofError::Present));
                }
                None => assert_eq!(wrong, Err(ProofError::Absent), "seed {seed}"),
            }
            let elsewhere = proof.verify(&Hash([9; 32]), &key, stored);
            assert!(matches!(elsewhere, Err(ProofError::Root { .. })), "seed {seed}");
        }
    }
}

#[test]
fn a_proof_of_presence_proves_no_other_key() {
    let values = random_values(1, 200);
    let tree = tree_of(&values);
    for (key, (_, value)) in &values {
        let proof = prove(&tree, &values, key);
        for other in (0..500).map(self::key).filter(|other| other != key) {
            assert!(proof.verify(&tree.root(), &other, Some(value)).is_err());
            assert!(proof.verify(&tree.root(), &other, None).is_err());
        }
    }
}

#[test]
fn a_leaf_off_the_way_excludes_nothing() {
    let values = random_values(2, 200);
    let tree = tree_of(&values);
    let (absent, present) =
        (0..500).map(key).partition::<Vec<_>, _>(|key| !values.contains_key(key));
    for (absent, present) in absent.iter().zip(&present) {
        // The true way to a leaf that is there, passed off as the way of a key that is not.
        let way = prove(&tree, &values, present);
        let (changed, value) = &values[present];
        let value_hash = value_hash(*changed, value);
        let terminal = Terminal::Other { path: present.path(), value_hash };
        let forged = StateProof { terminal, siblings: way.siblings };
        assert!(forged.verify(&tree.root(), absent, None).is_err());
        assert_eq!(forged.verify(&tree.root(), present, None), Err(ProofError::OffTheWay));
    }
}

#[test]
fn no_byte_of_a_proof_can_be_changed() {
    let values = random_values(3, 120);
    let tree = tree_of(&values);
    let root = tree.root();
    let terminals = |number: u32| prove(&tree, &values, &key(number)).terminal;
    let empty = (0..500).find(|number| terminals(*number) == Terminal::Empty);
    let other = (0..500).find(|number| matches!(terminals(*number), Terminal::Other { .. }));
    let present = (0..500).find(|number| matches!(terminals(*number), Terminal::Present { .. }));
    for number in [empty, other, present] {
        let key = key(number.expect("the map has a key of each kind"));
        let value = values.get(&key).map(|(_, value)| value.as_slice());
        let bytes = codec::encode(&prove(&tree, &values, &key));
        for position in 0..bytes.len() {
            for bit in 0..8 {
                let mut tampered = bytes.clone();
                tampered[position] ^= 1 << bit;
                let accepted = codec::decode::<StateProof>(&tampered, bytes.len())
                    .is_ok_and(|proof| proof.verify(&root, &key, value).is_ok());
                assert!(!accepted, "bit {bit} of byte {position} of the proof of {key:?}");
            }
        }
    }
}

#[test]
fn in_the_empty_state_every_key_is_absent() {
    let key = StateKey::account(&Address([1; 32]));
    let proof = Tree::default().prove(&key.path(), None).unwrap();
    assert_eq!(proof.verify(&Hash::ZERO, &key, None), Ok(()));
    assert_eq!(proof.verify(&Hash::ZERO, &key, Some(b"")), Err(ProofError::Absent));
}

#[test]
fn a_proof_longer_than_any_way_is_refused_before_it_is_read() {
    let siblings = vec![Hash::ZERO; 257];
    let long = StateProof { terminal: Terminal::Empty, siblings };
    assert_eq!(long.verify(&Hash::ZERO, &key(1), None), Err(ProofError::TooLong(257)));
    let bytes = codec::encode(&long);
    assert!(codec::decode::<StateProof>(&bytes, bytes.len()).is_err());
    // A count that the input could never fill.
    let claimed = [&[0][..], &u32::MAX.to_le_bytes()].concat();
    assert!(codec::decode::<StateProof>(&claimed, claimed.len()).is_err());
}

/// Clients keep proofs: a change of the encoding or of a hash must be deliberate.
#[test]
fn the_encoding_of_a_proof_and_the_root_are_fixed() {
    let values: Values = (0..3).map(|i| (key(i), (Height(u64::from(i)), vec![7; 2]))).collect();
    let tree = tree_of(&values);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let proof = |number| hex(&codec::encode(&prove(&tree, &values, &key(number))));
    let root = hex(&tree.root().0);
    let text = format!("root {root}\npresent {}\nabsent {}\n", proof(1), proof(9));
    assert_eq!(text, include_str!("proof_fixtures.txt"));
}
