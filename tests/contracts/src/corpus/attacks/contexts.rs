//! The context, encoded anew for every call.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let call = "(call $context (i32.const 0))";
    Attack::forever("", repeat(20, call))
}
