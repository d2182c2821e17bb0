//! The native stack, with frames of as many locals as may be, all alive across the call.

use crate::corpus::{Attack, Bound};
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let locals = repeat(348, "i64 ");
    let set = repeat(348, "(local.set # (i64.mul (local.get 348) (i64.const #)))");
    let mix = repeat(348, "(i64.xor (local.get #))");
    let function = format!(
        "(func $f (param i64) (result i64) (local {locals}) (local.set 348 (local.get 0)) {set}
            (call $f (local.get 1)) {mix})"
    );
    let text = Text::new(function, "(drop (call $f (i64.const 3))) i32.const 0");
    Attack::new(&text, Bound::StackExhausted)
}
