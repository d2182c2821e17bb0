//! Calls of a contract with as many functions as may be, each of which an engine may
//! have to prepare.

use crate::corpus::Attack;
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let functions = repeat(4_000, "(func)");
    Attack::calling(Text::new(functions, "i32.const 0").module())
}
