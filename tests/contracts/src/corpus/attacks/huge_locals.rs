//! Calls that must zero as many locals as a function may have.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let locals = repeat(348, "i64 ");
    // Each is read behind a call, so that none can be left out.
    let sum = repeat(348, "(i64.add (local.get #)) ");
    let functions = format!(
        "(func $f (param i64) (result i64) (local {locals}) (call $g) (local.get 348) {sum})
         (func $g)"
    );
    Attack::forever(functions, "(local.set $x (call $f (local.get $x)))")
}
