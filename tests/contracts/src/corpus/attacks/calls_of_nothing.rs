//! Calls of a function that does nothing: what a call costs beside its meter.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    Attack::forever("(func $nothing)", repeat(200, "(call $nothing) "))
}
