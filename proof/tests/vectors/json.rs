//! How values are written, and what a verifier answers.

use borsh::BorshDeserialize;
use quorate_proof::{Claim, Hash, Leaf, Prefix, ProofError, Terminal};
use serde_json::{Value, json};

pub fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

pub fn hexes(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| hex(hash)).collect()
}

/// Of the last change; in decimal, since not every language reads so large numbers from JSON.
pub fn height(changed: Option<u64>) -> Value {
    changed.map_or(Value::Null, |changed| changed.to_string().into())
}

pub fn leaf(leaf: &Leaf) -> Value {
    json!({ "path": hex(&leaf.path), "valueHash": hex(&leaf.value_hash) })
}

pub fn leaves(leaves: &[Leaf]) -> Vec<Value> {
    leaves.iter().map(leaf).collect()
}

pub fn claim(claim: &Claim) -> Value {
    json!({ "namespace": claim.namespace, "key": hex(claim.key), "value": claim.value.map(hex) })
}

pub fn prefix(prefix: &Prefix) -> Value {
    json!({ "depth": prefix.depth(), "path": hex(prefix.first_path()) })
}

pub fn terminal(terminal: &Terminal) -> Value {
    match terminal {
        Terminal::Empty => json!("empty"),
        Terminal::Present { changed } => json!({ "present": { "changed": changed.to_string() } }),
        Terminal::Other(other) => json!({ "other": leaf(other) }),
    }
}

/// A proof whose fields are shown: they are of use where it is to be accepted.
pub fn accepted<P: BorshDeserialize>(encoded: &[u8], expected: Result<(), &str>) -> Option<P> {
    expected.ok().map(|()| borsh::from_slice(encoded).unwrap())
}

/// Decodes and verifies a proof, and sees that the answer is the expected one, a refusal's name or none.
pub fn outcome<P: BorshDeserialize, T>(
    description: &str,
    encoded: &[u8],
    expected: Result<(), &str>,
    verify: impl FnOnce(&P) -> Result<T, ProofError>,
    learnt: impl FnOnce(T) -> Value,
) -> Value {
    let answer = match borsh::from_slice(encoded) {
        Ok(proof) => verify(&proof).map_err(|refusal| name(&refusal)),
        Err(_) => Err("Malformed".to_owned()),
    };
    assert_eq!(answer.as_ref().map(|_| ()).map_err(String::as_str), expected, "{description}");
    answer.map_or_else(|refusal| json!({ "refusal": refusal }), learnt)
}

/// The name of an enum's variant.
pub fn name(refusal: &impl std::fmt::Debug) -> String {
    let text = format!("{refusal:?}");
    text.split([' ', '(']).next().unwrap_or_default().to_owned()
}
