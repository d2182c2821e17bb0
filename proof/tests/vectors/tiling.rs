//! Pages, and whether they leave a hole.

use quorate_proof::{Prefix, Tiling};
use serde_json::{Value, json};

use crate::json::{name, prefix};

/// Below a whole given by its bits, pages given by theirs.
fn vector(
    description: &str,
    whole: &str,
    pages: &[&str],
    expected: Result<&[&str], &str>,
) -> Value {
    let (whole, pages) = (bits(whole), pages.iter().map(|page| bits(page)).collect::<Vec<_>>());
    let mut tiling = Tiling::of(whole);
    let pushed = pages.iter().try_for_each(|page| tiling.push(page)).map_err(|error| name(&error));
    let next = tiling.next_prefix();
    match expected {
        Ok(expected) => {
            assert_eq!(next, expected.first().map(|next| bits(next)), "{description}");
            assert_eq!(pushed, Ok(()), "{description}");
        }
        Err(refusal) => assert_eq!(pushed, Err(refusal.to_owned()), "{description}"),
    }
    let outcome = match pushed {
        Ok(()) => json!({ "next": next.as_ref().map(prefix) }),
        Err(refusal) => json!({ "refusal": refusal }),
    };
    json!({
        "description": description,
        "whole": prefix(&whole),
        "pages": pages.iter().map(prefix).collect::<Vec<_>>(),
        "outcome": outcome,
    })
}

fn bits(text: &str) -> Prefix {
    let turn = |at: Prefix, bit| at.child(bit == '1').unwrap();
    text.chars().fold(Prefix::ROOT, turn)
}

pub fn vectors() -> Vec<Value> {
    let namespace = "00000011";
    let page = |rest: &str| format!("{namespace}{rest}");
    let [left, right, left_left, left_right] = ["0", "1", "00", "01"].map(page);
    let last = "1".repeat(256);
    vec![
        vector("no page yet: the whole comes next", namespace, &[], Ok(&[namespace])),
        vector("one page of all", namespace, &[namespace], Ok(&[])),
        vector("the first half", namespace, &[&left], Ok(&[&right])),
        vector("the first quarter", namespace, &[&left_left], Ok(&[&left_right])),
        vector("two quarters", namespace, &[&left_left, &left_right], Ok(&[&right])),
        vector("both halves", namespace, &[&left, &right], Ok(&[])),
        vector("the last path of all", "", &["0", "10", "110"], Ok(&["111"])),
        vector("one path", &last, &[&last], Ok(&[])),
        vector("a hole at the front", namespace, &[&right], Err("Gap")),
        vector("a hole between", namespace, &[&left_left, &right], Err("Gap")),
        vector("a page twice", namespace, &[&left, &left], Err("Gap")),
        vector("a page that overlaps", namespace, &[&left_left, &left], Err("Gap")),
        vector("a page wider than the whole", namespace, &["0000001"], Err("Gap")),
        vector("a page of another namespace", namespace, &["00000010"], Err("Gap")),
        vector("a page after the last", namespace, &[namespace, namespace], Err("Complete")),
    ]
}
