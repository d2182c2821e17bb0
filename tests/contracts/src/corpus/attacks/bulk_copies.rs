//! Copies of megabytes by one operator.

use crate::corpus::{Attack, Bound};
use crate::text::Text;

pub fn attack() -> Attack {
    let copy = "(memory.copy (i32.const 0x800000) (i32.const 0) (i32.const 0x800000))";
    let text = Text { memory: "256", ..Text::forever("", copy) };
    Attack { gas: 40_000_000_000, ..Attack::new(&text, Bound::OutOfGas) }
}
