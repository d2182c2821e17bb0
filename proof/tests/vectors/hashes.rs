//! Hashes and trees.

use quorate_proof::{Leaf, Prefix};
use serde_json::{Value, json};

use crate::json::{hex, leaves};
use crate::reference::{Tree, h, path};
use crate::{flipped, key, values};

pub fn vectors() -> Value {
    let paths = [key(1, "alice"), key(3, ""), (255, vec![0xab; 100])]
        .map(|key| json!({ "namespace": key.0, "key": hex(&key.1), "path": hex(&path(&key)) }));
    let values = [(0, vec![]), (7, b"100 coins".to_vec()), (u64::MAX, vec![0xff; 2_000])];
    let value_hashes = values.map(|(changed, value)| {
        let hash = h(&[b"quorate:value:::", &u64::to_le_bytes(changed), &value]);
        json!({ "changed": changed.to_string(), "value": hex(&value), "valueHash": hex(&hash) })
    });
    let (one, two) = ([1; 32], [2; 32]);
    let leaf = h(&[b"quorate:leaf::::", &one, &two]);
    let inner = h(&[&one, &two]);
    json!({
        "paths": paths,
        "valueHashes": value_hashes,
        "leafHashes": [{ "path": hex(&one), "valueHash": hex(&two), "leafHash": hex(&leaf) }],
        "innerHashes": [{ "left": hex(&one), "right": hex(&two), "innerHash": hex(&inner) }],
    })
}

pub fn trees() -> Vec<Value> {
    let leaf = |path| Leaf { path, value_hash: [5; 32] };
    let (zeros, ones) = ([0; 32], [0xff; 32]);
    let last = |path| flipped(path, 255);
    let state = Tree::of(&values()).below(&Prefix::ROOT).to_vec();
    [
        ("no leaf: 32 zero bytes", vec![]),
        ("a lone leaf is the root", vec![leaf(zeros)]),
        ("a leaf on either side", vec![leaf(zeros), leaf(ones)]),
        ("two leaves that share seven bits", vec![leaf(zeros), leaf(flipped(&zeros, 7))]),
        ("two leaves that differ in the last bit only", vec![leaf(zeros), leaf(last(&zeros))]),
        ("a lone leaf beside a deep pair", vec![leaf(zeros), leaf(last(&ones)), leaf(ones)]),
        ("the state of most vectors below", state),
    ]
    .into_iter()
    .map(|(description, list)| {
        let root = hex(&Tree::new(list.clone()).root);
        json!({ "description": description, "leaves": leaves(&list), "root": root })
    })
    .collect()
}
