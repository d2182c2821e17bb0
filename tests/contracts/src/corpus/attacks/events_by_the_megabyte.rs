//! The longest events, as many as a transaction may emit, and one more.

use crate::corpus::{Attack, Bound};
use crate::text::Text;

pub fn attack() -> Attack {
    let emit = "(call $emit (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 16384))";
    let text = Text::forever("", emit);
    let attack = Attack::new(&text, Bound::Misuse("at most 256 events"));
    Attack { gas: 50_000_000_000, ..attack }
}
