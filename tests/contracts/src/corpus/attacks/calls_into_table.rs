//! Calls of a contract whose table is filled over and over again by segments.

use crate::corpus::Attack;
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let members = repeat(4_096, "$entry ");
    let segments = repeat(100, &format!("(elem (i32.const 0) {members})"));
    let table = format!("(table 4096 funcref) {segments}");
    let callee = Text::new(table, "i32.const 0").module();
    Attack { gas: 50_000_000_000, ..Attack::calling(callee) }
}
