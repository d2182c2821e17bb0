//! Outputs of the greatest length, each replacing the one before.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let call = "(call $set_output (i32.const 0) (i32.const 65536))";
    Attack::forever("", repeat(20, call))
}
