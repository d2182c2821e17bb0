//! Divisions, each of which waits for the one before.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let divide = "(local.set $x (i64.div_u (i64.sub (i64.const -3) (local.get $x))
        (i64.or (local.get $y) (i64.const 3))))";
    Attack::forever("", repeat(200, divide))
}
