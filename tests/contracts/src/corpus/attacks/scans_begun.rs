//! Batches without room: the pair is read, and stays.

use crate::corpus::{Attack, Bound};
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let init = "(call $set (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 65536)) i32.const 0";
    let batch = "(drop (call $next_batch (local.get $a) (i32.const 0) (i32.const 8)))";
    let scan = format!(
        "(local.set $a (call $scan (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0))) (loop {} (br 0)) i32.const 0",
        repeat(20, batch)
    );
    let text = Text { init: Some(init.to_owned()), ..Text::new("", scan) };
    Attack::new(&text, Bound::OutOfGas)
}
