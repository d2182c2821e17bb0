//! Selections, a chain in which each waits for the one before.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let select = "(local.set $x (select (i64.add (local.get $x) (i64.const #))
        (i64.xor (local.get $x) (local.get $y)) (i64.gt_s (local.get $x) (i64.const 99))))";
    Attack::forever("", repeat(200, select))
}
