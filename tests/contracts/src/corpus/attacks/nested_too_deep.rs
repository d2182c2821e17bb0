//! Blocks inside each other, against whatever in a compiler is recursive.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let (opened, closed) = (repeat(20_000, "block "), repeat(20_000, "end "));
    Attack::refused(format!("(func {opened} {closed})"), "blocks inside each other")
}
