//! Branches whose way depends on random bits: the processor guesses every other one wrong.

use crate::corpus::Attack;
use crate::text::{RANDOM, repeat};

pub fn attack() -> Attack {
    let branch = "(if (i64.lt_s (local.get $x) (i64.const 0))
        (then (local.set $a (i32.add (local.get $a) (i32.const #))))
        (else (local.set $b (i32.xor (local.get $a) (local.get $b)))))";
    Attack::forever("", repeat(64, &format!("{RANDOM} {branch}")))
}
