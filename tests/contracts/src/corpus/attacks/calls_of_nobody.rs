//! Calls of an address where nothing is: found out without an instance.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let call = "(drop (call $call (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 64)
        (i64.const 0) (i32.const 0)))";
    Attack::forever("", repeat(20, call))
}
