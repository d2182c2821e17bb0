//! Native units moved to nobody, none at a time.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let transfer = "(drop (call $transfer (i32.const 0) (i32.const 32)))";
    Attack::forever("", repeat(20, transfer))
}
