//! The cheapest host function: what crossing over costs.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let call = "(call $returned (i32.const 0))";
    Attack::forever("", repeat(20, call))
}
