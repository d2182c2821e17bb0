//! Reads of the greatest value there is, of which nothing is taken.

use crate::corpus::{Attack, Bound};
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let read = "(drop (call $get (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)))";
    let init = "(call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 65536)) i32.const 0";
    let text = Text { init: Some(init.to_owned()), ..Text::forever("", repeat(20, read)) };
    Attack::new(&text, Bound::OutOfGas)
}
