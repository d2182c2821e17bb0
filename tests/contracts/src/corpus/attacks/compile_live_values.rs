//! The register allocator: thousands of values that are all alive at once, across calls.

use crate::corpus::{Attack, Bound};
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let push = repeat(1_000, "(i64.mul (local.get 0) (i64.const #)) ");
    let fold = repeat(1_000, "i64.xor (drop (call $leaf (i64.const #))) ");
    let body = format!("(i64.const 0) {push} {fold}");
    let functions = repeat(12, &format!("(func (param i64) (result i64) {body})"));
    let leaf = "(func $leaf (param i64) (result i64) local.get 0)";
    Attack::new(&Text::new(format!("{leaf} {functions}"), "i32.const 0"), Bound::Ready)
}
