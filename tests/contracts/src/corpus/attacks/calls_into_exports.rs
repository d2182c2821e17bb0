//! Calls of a contract with as many exports as may be, of long names.

use crate::corpus::Attack;
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let name = "x".repeat(900);
    let exports = repeat(1_000, &format!(r#"(export "{name}#" (func $entry))"#));
    Attack::calling(Text::new(exports, "i32.const 0").module())
}
