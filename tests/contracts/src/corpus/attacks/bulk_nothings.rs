//! Copies and fills of nothing: what the operators cost without any bytes.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let nothing = "(memory.copy (i32.const 9) (i32.const 1) (local.get $a))
        (memory.fill (i32.const 9) (i32.const 1) (local.get $a))";
    Attack::forever("", repeat(50, nothing))
}
