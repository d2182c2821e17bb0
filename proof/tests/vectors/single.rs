//! Proofs of one key.

use quorate_proof::{Claim, Hash, StateProof, Terminal};
use serde_json::{Value, json};

use crate::json::{self, accepted, height, hex, hexes};
use crate::reference::{Key, Tree, Values, claim, leaf};
use crate::{absent_at_another, absent_at_nothing, altered, deep_tree, encode, key, values};

fn vector(
    description: &str,
    root: &Hash,
    claim: Claim,
    encoded: &[u8],
    expected: Result<(), &str>,
) -> Value {
    let fields = accepted(encoded, expected).map(|StateProof { terminal, siblings }| {
        json!({ "terminal": json::terminal(&terminal), "siblings": hexes(&siblings) })
    });
    let verify = |proof: &StateProof| proof.verify(root, &claim);
    let learnt = |changed| json!({ "changed": height(changed) });
    json!({
        "description": description,
        "root": hex(root),
        "claim": json::claim(&claim),
        "encoded": hex(encoded),
        "fields": fields,
        "outcome": json::outcome(description, encoded, expected, verify, learnt),
    })
}

pub fn vectors() -> Vec<Value> {
    let state = values();
    let (alice, bob) = (key(1, "alice"), key(1, "bob"));
    let alone: Values = [(alice.clone(), state[&alice].clone())].into();
    let none = Values::new();
    let (tree, deep) = (Tree::of(&state), deep_tree(&state));
    let (lone, empty) = (Tree::of(&alone), Tree::of(&none));
    let (nothing, another) = (absent_at_nothing(&tree), absent_at_another(&tree));
    let (carol, unnamed) = (key(1, "carol"), key(3, ""));
    let rows: [(&str, &Tree, &Values, &Key); 10] = [
        ("a value", &tree, &state, &alice),
        ("an empty value, of the genesis", &tree, &state, &bob),
        ("a long value, of the greatest height", &tree, &state, &carol),
        ("the value of the empty key", &tree, &state, &unnamed),
        ("absent: its way ends at nothing", &tree, &state, &nothing),
        ("absent: its way ends at another leaf", &tree, &state, &another),
        ("absent from the empty state", &empty, &none, &alice),
        ("the only value", &lone, &alone, &alice),
        ("absent beside the only value", &lone, &alone, &bob),
        ("at the greatest depth", &deep, &state, &alice),
    ];
    let valid = rows.into_iter().map(|(description, tree, values, key)| {
        let proof = encode(&tree.prove(values, key));
        vector(description, &tree.root, claim(values, key), &proof, Ok(()))
    });
    valid.chain(malformed(&tree, &state, &nothing, &another)).collect()
}

fn malformed(tree: &Tree, values: &Values, nothing: &Key, another: &Key) -> Vec<Value> {
    let (alice, counter) = (key(1, "alice"), key(3, "counter"));
    let (truth, proof) = (claim(values, &alice), tree.prove(values, &alice));
    let good = encode(&proof);
    let saying = |value| Claim { value, ..truth };
    let siblings =
        |change: fn(&mut Vec<Hash>)| altered(&proof, |proof| change(&mut proof.siblings));
    let terminal = |terminal| encode(&StateProof { terminal, ..proof.clone() });
    let own = Terminal::Other(leaf(&alice, &values[&alice]));
    let elsewhere = StateProof {
        terminal: Terminal::Other(leaf(&counter, &values[&counter])),
        ..tree.prove(values, &counter)
    };
    let invented =
        |key| (Claim { value: Some(b""), ..claim(values, key) }, encode(&tree.prove(values, key)));
    let (at_nothing, at_another) = (invented(nothing), invented(another));
    let rows: Vec<(&str, Claim, Vec<u8>, &str)> = vec![
        ("another value", saying(Some(b"101 coins")), good.clone(), "Root"),
        ("another key", Claim { key: b"bob", ..truth }, good.clone(), "Root"),
        ("another namespace", Claim { namespace: 3, ..truth }, good.clone(), "Root"),
        ("a value that is denied", saying(None), good.clone(), "Present"),
        ("a value where nothing is", at_nothing.0, at_nothing.1, "Absent"),
        ("a value where another leaf is", at_another.0, at_another.1, "Absent"),
        ("another height", truth, terminal(Terminal::Present { changed: 8 }), "Root"),
        ("nothing, where the leaf is", saying(None), terminal(Terminal::Empty), "Root"),
        ("the key's leaf as another's", saying(None), terminal(own), "OffTheWay"),
        ("a leaf off the way", claim(values, nothing), encode(&elsewhere), "OffTheWay"),
        ("a sibling less", truth, siblings(|list| list.truncate(list.len() - 1)), "Root"),
        ("a sibling more", truth, siblings(|list| list.push([0; 32])), "Root"),
        ("siblings in another order", truth, siblings(|list| list.reverse()), "Root"),
        ("257 siblings", truth, siblings(|list| list.resize(257, [0; 32])), "Malformed"),
        ("a byte too many", truth, [&good[..], &[0]].concat(), "Malformed"),
        ("a byte too few", truth, good[..good.len() - 1].to_vec(), "Malformed"),
        ("no such end", truth, [&[3], &good[1..]].concat(), "Malformed"),
        ("no bytes", truth, vec![], "Malformed"),
    ];
    let refused = rows.into_iter().map(|(description, claim, encoded, refusal)| {
        vector(description, &tree.root, claim, &encoded, Err(refusal))
    });
    refused.chain([vector("another root", &[9; 32], truth, &good, Err("Root"))]).collect()
}
