//! Globals, which live in memory and not in registers.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let globals = repeat(1_000, "(global $g# (mut i64) (i64.const #))");
    let add = "(global.set $g# (i64.add (global.get $g#) (local.get $x)))";
    Attack::forever(globals, repeat(1_000, add))
}
