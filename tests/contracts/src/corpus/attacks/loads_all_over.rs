//! Loads from random places in sixteen megabytes: most miss the caches, and each waits for the one
//! before.

use crate::corpus::{Attack, Bound};
use crate::text::{RANDOM, Text, repeat};

pub fn attack() -> Attack {
    let load = "(local.set $x (i64.add (local.get $x) (i64.load (i32.and (i32.const 0xfffff8)
        (i32.wrap_i64 (i64.shr_u (local.get $x) (i64.const 33)))))))";
    // Every page is written first: what was never written is all one page.
    let touch = "(loop (i64.store (local.get $a) (i64.const 1))
        (br_if 0 (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 4096)))
            (i32.const 0x1000000))))";
    let line = repeat(64, &format!("{RANDOM} {load}"));
    let body = format!("{touch} (loop {line} (br 0)) i32.const 0");
    let text = Text { memory: "256", ..Text::new("", body) };
    Attack { gas: 40_000_000_000, ..Attack::new(&text, Bound::OutOfGas) }
}
