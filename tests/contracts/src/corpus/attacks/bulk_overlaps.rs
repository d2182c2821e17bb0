//! Short copies onto themselves, unaligned and overlapping, the slow way of every `memmove`.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let copy = "(memory.copy (i32.const 4093) (i32.const 4090) (i32.const 77))";
    Attack::forever("", repeat(50, copy))
}
