//! Additions to a number in the state.

use crate::corpus::Attack;
use crate::text::{data, repeat};

pub fn attack() -> Attack {
    let add = "(drop (call $add (i32.const 0) (i32.const 4) (i32.const 16) (i32.const 32)))";
    let max = data(32, &[255; 16]);
    Attack::forever(format!("{max} {}", data(16, &[1])), repeat(20, add))
}
