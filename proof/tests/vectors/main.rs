//! `vectors.json`: examples of all that the specification says, for verifiers in other languages.
//!
//! Each is checked here, and must be what the file has. Whoever means to change one writes the file anew with
//! `QUORATE_WRITE_FIXTURES=1`, and says in the change what becomes of proofs that clients keep.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod batch;
mod hashes;
mod json;
#[path = "../reference/mod.rs"]
mod reference;
mod single;
mod subtree;
mod tiling;

use std::fs;

use borsh::BorshSerialize;
use quorate_proof::{Hash, Leaf, Terminal};
use serde_json::{Value, json};

use crate::reference::{Key, Tree, Values, leaf};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors.json");
const WRITE: &str = "QUORATE_WRITE_FIXTURES";

const DESCRIPTION: [&str; 6] = [
    "Vectors of the state proofs that the documentation of the crate quorate-proof specifies (proof/src/lib.rs).",
    "Bytes are hex; heights are decimal; a claim's value is null where the key is claimed to be absent.",
    "A proof is given as its encoding, and where it is to be accepted by its fields as well.",
    "An outcome says what a verifier answers: for each claim the height of the last change, null of an absent key;",
    "that the leaves below a prefix are complete; the prefix of the next page, null when there is none;",
    "or by name why it refuses. Malformed stands for encodings that cannot be read.",
];

fn key(namespace: u8, name: &str) -> Key {
    (namespace, name.as_bytes().to_vec())
}

/// The state of most vectors.
fn values() -> Values {
    let named = [
        (key(1, "alice"), (7, b"100 coins".to_vec())),
        (key(1, "bob"), (0, Vec::new())),
        (key(1, "carol"), (u64::MAX, vec![0xff; 100])),
        (key(3, "counter"), (12, 5_u64.to_le_bytes().to_vec())),
        (key(3, ""), (3, b"of the empty key".to_vec())),
    ];
    let many = (0..11_u8).map(|number| ((3, vec![number]), (u64::from(number), vec![number; 2])));
    named.into_iter().chain(many).collect()
}

/// A key that the tree lacks, and whose way ends at nothing.
fn absent_at_nothing(tree: &Tree) -> Key {
    absent(tree, |terminal| matches!(terminal, Terminal::Empty))
}

/// A key that the tree lacks, and whose way ends at another leaf.
fn absent_at_another(tree: &Tree) -> Key {
    absent(tree, |terminal| matches!(terminal, Terminal::Other(_)))
}

fn absent(tree: &Tree, ends_so: fn(&Terminal) -> bool) -> Key {
    let mut keys = (0..).map(|number| key(3, &format!("nobody {number}")));
    keys.find(|key| ends_so(&tree.prove(&Values::new(), key).terminal)).unwrap()
}

/// A tree whose ways are as long as can be: beside each leaf stands one that differs in the last bit.
fn deep_tree(values: &Values) -> Tree {
    let leaves = values.iter().map(|(key, value)| leaf(key, value));
    let beside = |leaf: Leaf| Leaf { path: flipped(&leaf.path, 255), value_hash: [3; 32] };
    Tree::new(leaves.flat_map(|leaf| [leaf, beside(leaf)]))
}

fn flipped(path: &Hash, bit: usize) -> Hash {
    let mut path = *path;
    path[bit / 8] ^= 0x80 >> (bit % 8);
    path
}

fn encode(value: &impl BorshSerialize) -> Vec<u8> {
    borsh::to_vec(value).unwrap()
}

/// A proof with one field changed, encoded.
fn altered<P: BorshSerialize + Clone>(proof: &P, change: impl FnOnce(&mut P)) -> Vec<u8> {
    let mut proof = proof.clone();
    change(&mut proof);
    encode(&proof)
}

#[test]
fn the_vectors_are_those_of_the_file() {
    let vectors = json!({
        "description": DESCRIPTION,
        "hashes": hashes::vectors(),
        "trees": hashes::trees(),
        "stateProofs": single::vectors(),
        "batchProofs": batch::vectors(),
        "subtreeProofs": subtree::vectors(),
        "tilings": tiling::vectors(),
    });
    if std::env::var_os(WRITE).is_some_and(|value| value == "1") {
        fs::write(FILE, serde_json::to_string_pretty(&vectors).unwrap() + "\n").unwrap();
    }
    let kept: Value = serde_json::from_str(&fs::read_to_string(FILE).unwrap()).unwrap();
    for (name, vectors) in vectors.as_object().unwrap() {
        let same = kept[name] == *vectors;
        assert!(
            same,
            "the {name} changed. Proofs that clients keep are of the old form: a change must be deliberate. Then write \
             the vectors with {WRITE}=1"
        );
    }
    assert_eq!(kept.as_object().unwrap().len(), vectors.as_object().unwrap().len());
}
