//! Branches of three bytes: the compiler's time grows with the square of a function's.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let branches = repeat(10_000, "(br_if 0 (i32.const 0)) ");
    Attack::refused(format!("(func {branches})"), "branches, and at most 4096")
}
