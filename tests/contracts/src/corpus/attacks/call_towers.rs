//! A tower of calls as high as it may be, every storey of which writes and then recurses.

use crate::corpus::{Attack, Bound};
use crate::text::{AGAIN, Text, data};

pub fn attack() -> Attack {
    let body = "(call $context (i32.const 0))
        (loop (call $set (i32.const 16) (i32.const 32) (i32.const 0) (i32.const 160))
            (i32.store (i32.const 16) (local.tee $a (i32.add (local.get $a) (i32.const 1))))
            (br_if 0 (i32.lt_u (local.get $a) (i32.const 20))))
        (call $context (i32.const 0))
        (drop (call $call (i32.const 16) (i32.const 1000) (i32.const 4) (i32.const 2000)
            (i64.const 0) (i32.const 0)))
        (i32.const 0)";
    let text = Text::new(data(1_000, &AGAIN), body);
    Attack { gas: 100_000_000_000, ..Attack::new(&text, Bound::Ends).with(AGAIN) }
}
