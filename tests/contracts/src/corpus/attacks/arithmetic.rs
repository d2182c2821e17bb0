//! The cheapest operators, in a line as long as a block gets: what computing costs at its best.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let compute = "(local.set $x (i64.add (i64.xor (local.get $x) (i64.const #))
        (local.get $y)))";
    Attack::forever("", repeat(2_000, compute))
}
