//! One branch with as many targets as a body has bytes.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let targets = repeat(60_000, "0 ");
    Attack::refused(format!("(func i32.const 0 br_table {targets})"), "targets in a br_table")
}
