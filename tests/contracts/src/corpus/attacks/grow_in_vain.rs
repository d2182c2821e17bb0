//! Growth that cannot succeed, or is by nothing: a call into the engine each time.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let grow = "(drop (memory.grow (i32.const 65535))) (drop (memory.grow (local.get $a)))
        (drop (memory.size))";
    Attack::forever("", repeat(20, grow))
}
