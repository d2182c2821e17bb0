//! Proofs of all that stands below a prefix.

use quorate_proof::{Entry, Hash, Leaf, Prefix, SubtreeProof};
use serde_json::{Value, json};

use crate::json::{self, accepted, hex, hexes};
use crate::reference::{Tree, Values, entries};
use crate::{altered, deep_tree, encode, flipped, key, values};

fn vector(
    description: &str,
    root: &Hash,
    (prefix, leaves): (&Prefix, &[Leaf]),
    encoded: &[u8],
    expected: Result<(), &str>,
) -> Value {
    let fields = accepted(encoded, expected).map(|SubtreeProof { siblings, other }| {
        json!({ "siblings": hexes(&siblings), "other": other.as_ref().map(json::leaf) })
    });
    let verify = |proof: &SubtreeProof| proof.verify(root, prefix, leaves);
    json!({
        "description": description,
        "root": hex(root),
        "prefix": json::prefix(prefix),
        "leaves": json::leaves(leaves),
        "encoded": hex(encoded),
        "fields": fields,
        "outcome": json::outcome(description, encoded, expected, verify, |()| json!("complete")),
    })
}

/// A listing, whose proof is that of its entries' leaves.
fn listing(description: &str, values: &Values, prefix: &Prefix) -> Value {
    let tree = Tree::of(values);
    let (entries, proof) = (entries(values, prefix), tree.prove_subtree(prefix));
    assert_eq!(proof.verify_entries(&tree.root, prefix, &entries), Ok(()), "{description}");
    let entry = |entry: &Entry| {
        json!({
            "namespace": entry.namespace,
            "key": hex(entry.key),
            "changed": entry.changed.to_string(),
            "value": hex(entry.value),
        })
    };
    let leaves: Vec<Leaf> = entries.iter().map(Entry::leaf).collect();
    let mut vector = vector(description, &tree.root, (prefix, &leaves), &encode(&proof), Ok(()));
    vector["entries"] = entries.iter().map(entry).collect();
    vector
}

pub fn vectors() -> Vec<Value> {
    let state = values();
    let alone: Values = [(key(1, "alice"), state[&key(1, "alice")].clone())].into();
    let (tree, deep, lone) = (Tree::of(&state), deep_tree(&state), Tree::of(&alone));
    let first = tree.below(&Prefix::ROOT)[0].path;
    let around = |path, depth| Prefix::around(path, depth).unwrap();
    let (ones, threes) = (Prefix::of_namespace(1), Prefix::of_namespace(3));
    let half = threes.child(true).unwrap();
    let listings = [
        ("all entries of a namespace", listing("", &state, &ones)),
        ("a page of a namespace", listing("", &state, &half)),
        ("an empty namespace beside others", listing("", &state, &Prefix::of_namespace(2))),
        ("a namespace with one entry, alone in the state", listing("", &alone, &ones)),
        ("the entries of the empty state", listing("", &Values::new(), &Prefix::ROOT)),
    ]
    .map(|(description, mut vector)| {
        vector["description"] = description.into();
        vector
    });
    let rows: [(&str, &Tree, Prefix); 7] = [
        ("all leaves", &tree, Prefix::ROOT),
        ("one path with a leaf", &tree, around(&first, 256)),
        (
            "one path without, beside the leaf at which its way ends",
            &tree,
            around(&flipped(&first, 255), 256),
        ),
        ("nothing below a prefix whose way ends above it", &tree, around(&[0xff; 32], 200)),
        ("another namespace's leaf, alone in the state", &lone, threes),
        ("a pair at the greatest depth", &deep, around(&first, 255)),
        ("one of a pair at the greatest depth", &deep, around(&first, 256)),
    ];
    let valid = rows.into_iter().map(|(description, tree, prefix)| {
        let proof = encode(&tree.prove_subtree(&prefix));
        let below = (&prefix, tree.below(&prefix));
        vector(description, &tree.root, below, &proof, Ok(()))
    });
    listings.into_iter().chain(valid).chain(malformed(&tree, &lone)).collect()
}

fn malformed(tree: &Tree, lone: &Tree) -> Vec<Value> {
    let (ones, threes) = (Prefix::of_namespace(1), Prefix::of_namespace(3));
    let (proof, leaves) = (tree.prove_subtree(&threes), tree.below(&threes));
    let good = encode(&proof);
    let [first, second, rest @ ..] = leaves else { panic!("there are many") };
    let with = |leaf: &Leaf| [&[*leaf], rest].concat();
    let siblings =
        |change: &dyn Fn(&mut Vec<Hash>)| altered(&proof, |proof| change(&mut proof.siblings));
    let stranger = Leaf { path: flipped(&first.path, 255), value_hash: [1; 32] };
    let mut inserted = [&[stranger], leaves].concat();
    inserted.sort();
    let changed = Leaf { value_hash: [1; 32], ..*second };
    let other = |leaf: Leaf| altered(&proof, |proof| proof.other = Some(leaf));
    let one = &tree.below(&ones)[0];
    let rows: Vec<(&str, Vec<Leaf>, Vec<u8>, &str)> = vec![
        ("a leaf less", leaves[1..].to_vec(), good.clone(), "Root"),
        ("a leaf more", inserted, good.clone(), "Root"),
        ("a leaf with another value", [&[*first, changed], rest].concat(), good.clone(), "Root"),
        (
            "leaves that do not ascend",
            [&[*second, *first], rest].concat(),
            good.clone(),
            "NotAscending",
        ),
        ("a leaf twice", [&[*first], leaves].concat(), good.clone(), "NotAscending"),
        ("a leaf of another prefix", with(one), good.clone(), "OutsidePrefix"),
        (
            "a sibling less",
            leaves.to_vec(),
            siblings(&|list| list.truncate(list.len() - 1)),
            "NoRoom",
        ),
        ("a sibling more", leaves.to_vec(), siblings(&|list| list.push([0; 32])), "TooLong"),
        ("siblings in another order", leaves.to_vec(), siblings(&|list| list.reverse()), "Root"),
        ("another leaf beside the leaves", leaves.to_vec(), other(*one), "NoRoom"),
        ("another leaf at the prefix", vec![], other(*one), "OffTheWay"),
        ("257 siblings", leaves.to_vec(), siblings(&|list| list.resize(257, [0; 32])), "Malformed"),
        ("a byte too many", leaves.to_vec(), [&good[..], &[0]].concat(), "Malformed"),
        ("a byte too few", leaves.to_vec(), good[..good.len() - 1].to_vec(), "Malformed"),
        (
            "neither a leaf nor none",
            leaves.to_vec(),
            [&good[..good.len() - 1], &[2]].concat(),
            "Malformed",
        ),
    ];
    let refused = rows.into_iter().map(|(description, leaves, encoded, refusal)| {
        vector(description, &tree.root, (&threes, &leaves), &encoded, Err(refusal))
    });
    // The one leaf of this state is alice's, and the way to any prefix ends there.
    let above = encode(&lone.prove_subtree(&threes));
    let alice = lone.below(&Prefix::ROOT);
    let [wide, beside, inside] = [
        ("leaves where the way ends at another leaf", &threes, leaves, &above, "NoRoom"),
        ("no leaf, by a leaf below the prefix", &ones, &[], &above, "OffTheWay"),
        ("no leaf, where there is one", &ones, &[], &encode(&lone.prove_subtree(&ones)), "Root"),
    ]
    .map(|(description, prefix, leaves, encoded, refusal)| {
        vector(description, &lone.root, (prefix, leaves), encoded, Err(refusal))
    });
    let drawn = SubtreeProof { siblings: vec![[0; 32]], other: None };
    let drawn = vector("a way drawn out", &lone.root, (&ones, alice), &encode(&drawn), Err("Root"));
    let elsewhere = vector("another root", &[9; 32], (&threes, leaves), &good, Err("Root"));
    refused.chain([wide, beside, inside, drawn, elsewhere]).collect()
}
