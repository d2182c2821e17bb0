//! Stores to random places in sixteen megabytes.

use crate::corpus::{Attack, Bound};
use crate::text::{RANDOM, Text, repeat};

pub fn attack() -> Attack {
    let store = "(i64.store (i32.and (i32.wrap_i64 (i64.shr_u (local.get $x) (i64.const 33)))
        (i32.const 0xfffff8)) (local.get $x))";
    let line = repeat(64, &format!("{RANDOM} {store}"));
    let text = Text { memory: "256", ..Text::forever("", line) };
    Attack { gas: 40_000_000_000, ..Attack::new(&text, Bound::OutOfGas) }
}
