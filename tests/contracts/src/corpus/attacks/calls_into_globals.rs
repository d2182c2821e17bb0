//! Calls of a contract with as many globals as may be.

use crate::corpus::Attack;
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let globals = repeat(1_000, "(global (mut i64) (i64.const #))");
    Attack::calling(Text::new(globals, "i32.const 0").module())
}
