//! The cheapest operators, in a line as long as a block gets: what computing costs at its best.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let compute = "(local.set $x (i64.add (i64.xor (local.get $x) (i64.const #))
        (local.get $y)))";
    // Nothing that the compiler knows, or it does all beforehand.
    let unknown = "(local.set $y (i64.extend_i32_u (local.get 0)))";
    Attack::forever("", format!("{unknown} {}", repeat(2_000, compute)))
}
