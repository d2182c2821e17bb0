//! The native stack, with the smallest frames, as many as the meter allows.

use crate::corpus::{Attack, Bound};
use crate::text::Text;

pub fn attack() -> Attack {
    let text = Text::new("(func $f (call $f))", "(call $f) i32.const 0");
    Attack::new(&text, Bound::StackExhausted)
}
