//! Proofs of several keys.

use quorate_proof::{BatchProof, Claim, End, Hash, Leaf, Terminal};
use serde_json::{Value, json};

use crate::json::{self, accepted, height, hex, hexes};
use crate::reference::{Key, Tree, Values, claim, path};
use crate::{absent_at_another, absent_at_nothing, altered, deep_tree, encode, key, values};

fn vector(
    description: &str,
    root: &Hash,
    claims: &[Claim],
    encoded: &[u8],
    expected: Result<(), &str>,
) -> Value {
    let end = |End { depth, terminal }: &End| json!({ "depth": depth, "terminal": json::terminal(terminal) });
    let fields = accepted(encoded, expected).map(|BatchProof { ends, siblings }| {
        json!({ "ends": ends.iter().map(end).collect::<Vec<_>>(), "siblings": hexes(&siblings) })
    });
    let verify = |proof: &BatchProof| proof.verify(root, claims);
    let learnt =
        |changed: Vec<_>| json!({ "changed": changed.into_iter().map(height).collect::<Vec<_>>() });
    json!({
        "description": description,
        "root": hex(root),
        "claims": claims.iter().map(json::claim).collect::<Vec<_>>(),
        "encoded": hex(encoded),
        "fields": fields,
        "outcome": json::outcome(description, encoded, expected, verify, learnt),
    })
}

pub fn vectors() -> Vec<Value> {
    let state = values();
    let alone: Values = [(key(1, "alice"), state[&key(1, "alice")].clone())].into();
    let (tree, deep, lone) = (Tree::of(&state), deep_tree(&state), Tree::of(&alone));
    let (nothing, another) = (absent_at_nothing(&tree), absent_at_another(&tree));
    let (alice, counter, carol) = (key(1, "alice"), key(3, "counter"), key(1, "carol"));
    let mixed = [counter, another.clone(), alice.clone(), nothing.clone(), carol];
    let all: Vec<Key> = state.keys().cloned().collect();
    let rows: [(&str, &Tree, &Values, &[Key]); 6] = [
        ("one value", &tree, &state, &mixed[..1]),
        ("present and absent keys, in no order", &tree, &state, &mixed),
        ("all values", &tree, &state, &all),
        ("absent keys whose ways end at one leaf", &lone, &alone, &mixed[..2]),
        ("a key at whose leaf the ways of absent ones end", &lone, &alone, &mixed[..4]),
        ("at the greatest depth", &deep, &state, &all[..2]),
    ];
    let valid = rows.into_iter().map(|(description, tree, values, keys)| {
        let claims: Vec<Claim> = keys.iter().map(|key| claim(values, key)).collect();
        let proof = encode(&tree.prove_batch(values, keys));
        vector(description, &tree.root, &claims, &proof, Ok(()))
    });
    // One leaf has room for one value.
    let pair = [alice, another];
    let both = [claim(&alone, &pair[0]), Claim { value: Some(b""), ..claim(&alone, &pair[1]) }];
    let shared = encode(&lone.prove_batch(&alone, &pair));
    let two = vector("two values at one leaf", &lone.root, &both, &shared, Err("Absent"));
    valid.chain([two]).chain(malformed(&tree, &state, &mixed)).collect()
}

fn malformed(tree: &Tree, values: &Values, keys: &[Key]) -> Vec<Value> {
    let truth: Vec<Claim> = keys.iter().map(|key| claim(values, key)).collect();
    let proof = tree.prove_batch(values, keys);
    let good = encode(&proof);
    let saying = |place: usize, value: Option<&'static [u8]>| {
        let mut claims = truth.clone();
        claims[place].value = value;
        claims
    };
    let change = |change: &dyn Fn(&mut BatchProof)| altered(&proof, |proof| change(proof));
    let end_of = |wanted: &Key| {
        // The ends come in the order of the paths.
        keys.iter().filter(|key| path(key) < path(wanted)).count()
    };
    let terminal = |key: &Key, terminal| {
        change(&|proof: &mut BatchProof| proof.ends[end_of(key)].terminal = terminal)
    };
    let [counter, another, _, nothing, _] = keys else { panic!("they are five") };
    let last = keys.iter().max_by_key(|key| path(key)).unwrap();
    let fewer: Vec<Claim> =
        keys.iter().filter(|key| *key != last).map(|key| claim(values, key)).collect();
    let other = |path| Terminal::Other(Leaf { path, value_hash: [1; 32] });
    let rows: Vec<(&str, &[Claim], Vec<u8>, &str)> = vec![
        ("no claim", &[], good.clone(), "KeyCount"),
        ("a claim less", &fewer, good.clone(), "EndUnused"),
        ("another height", &truth, terminal(counter, Terminal::Present { changed: 8 }), "Root"),
        ("nothing, where a leaf is", &truth, terminal(another, Terminal::Empty), "Root"),
        ("a leaf off the way", &truth, terminal(nothing, other([0xff; 32])), "OffTheWay"),
        (
            "a claimed key's leaf as another's",
            &truth,
            terminal(another, other(path(another))),
            "OffTheWay",
        ),
        (
            "an end less",
            &truth,
            change(&|proof| proof.ends.truncate(proof.ends.len() - 1)),
            "EndMissing",
        ),
        ("an end more", &truth, change(&|proof| proof.ends.push(proof.ends[0])), "EndUnused"),
        ("a way of 257 bits", &truth, change(&|proof| proof.ends[0].depth = 257), "EndDepth"),
        (
            "a way that ends where it has parted",
            &truth,
            change(&|proof| proof.ends[1].depth = 0),
            "EndDepth",
        ),
        (
            "a way drawn out",
            &truth,
            change(&|proof| {
                proof.ends.last_mut().unwrap().depth += 1;
                proof.siblings.push([0; 32]);
            }),
            "Root",
        ),
        (
            "a sibling less",
            &truth,
            change(&|proof| proof.siblings.truncate(proof.siblings.len() - 1)),
            "SiblingMissing",
        ),
        ("a sibling more", &truth, change(&|proof| proof.siblings.push([0; 32])), "SiblingUnused"),
        ("siblings in another order", &truth, change(&|proof| proof.siblings.reverse()), "Root"),
        ("1,025 ends", &truth, encode(&vec![proof.ends[0]; 1_025]), "Malformed"),
        ("a byte too many", &truth, [&good[..], &[0]].concat(), "Malformed"),
        ("a byte too few", &truth, good[..good.len() - 1].to_vec(), "Malformed"),
    ];
    let refused = rows.into_iter().map(|(description, claims, encoded, refusal)| {
        vector(description, &tree.root, claims, &encoded, Err(refusal))
    });
    let twice = [&truth[..], &truth[..1]].concat();
    let claims: [(&str, Vec<Claim>, &str); 4] = [
        ("a key claimed twice", twice, "DuplicateKey"),
        ("another value", saying(0, Some(b"6")), "Root"),
        ("a value that is denied", saying(0, None), "Present"),
        ("a value that is not there", saying(1, Some(b"")), "Absent"),
    ];
    let unproved = claims.into_iter().map(|(description, claims, refusal)| {
        vector(description, &tree.root, &claims, &good, Err(refusal))
    });
    let elsewhere = vector("another root", &[9; 32], &truth, &good, Err("Root"));
    refused.chain(unproved).chain([elsewhere]).collect()
}
