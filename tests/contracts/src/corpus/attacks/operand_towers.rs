//! Operands piled up by the thousand before they are used, so that they do not fit into registers.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let push = repeat(2_000, "(i64.mul (local.get $x) (i64.const #)) ");
    let fold = repeat(2_000, "i64.xor ");
    Attack::forever("", format!("(local.set $x (i64.const 3) {push} {fold})"))
}
