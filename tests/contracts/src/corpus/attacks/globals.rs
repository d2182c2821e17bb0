//! Globals, which live in memory and not in registers.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let globals = repeat(1_000, "(global $g# (mut i64) (i64.const #))");
    let add = "(global.set $g# (i64.add (global.get $g#) (local.get $x)))";
    // Nothing that the compiler knows, or it leaves the addition out.
    let unknown = "(local.set $x (i64.extend_i32_u (local.get 0)))";
    Attack::forever(globals, format!("{unknown} {}", repeat(1_000, add)))
}
