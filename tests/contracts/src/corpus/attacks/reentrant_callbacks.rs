//! A contract that calls itself until it may not be called any deeper, from every depth again.

use crate::corpus::{Attack, Bound};
use crate::text::{AGAIN, Text, data};

pub fn attack() -> Attack {
    let body = "(call $context (i32.const 0))
        (loop (drop (call $call (i32.const 16) (i32.const 1000) (i32.const 4) (i32.const 2000)
            (i64.const 0) (i32.const 0)))
            (br 0)) i32.const 0";
    Attack::new(&Text::new(data(1_000, &AGAIN), body), Bound::OutOfGas).with(AGAIN)
}
