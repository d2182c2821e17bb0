//! A megabyte through keccak256, again and again.

use crate::corpus::{Attack, Bound};
use crate::text::Text;

pub fn attack() -> Attack {
    let hash = "(call $keccak256 (i32.const 0) (i32.const 0x100000) (i32.const 0))";
    let text = Text { memory: "17", ..Text::forever("", hash) };
    Attack { gas: 50_000_000_000, ..Attack::new(&text, Bound::OutOfGas) }
}
