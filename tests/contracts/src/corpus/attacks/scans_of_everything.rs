//! Scans over thousands of pairs, a megabyte at a time.

use crate::corpus::Attack;
use crate::text::Text;

pub fn attack() -> Attack {
    let init = "(loop (i32.store (i32.const 0) (local.get $a))
            (call $set (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 64))
            (br_if 0 (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 1)))
                (i32.const 5000)))) i32.const 0";
    // A call opens few cursors, so each scan is of a call of its own.
    let scan = "(local.set $a (call $scan (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0)))
        (loop (br_if 0 (i64.gt_s (call $next_batch (local.get $a) (i32.const 0)
            (i32.const 0x100000)) (i64.const 0)))) i32.const 0";
    let text = Text { memory: "17", init: Some(init.to_owned()), ..Text::new("", scan) };
    Attack { gas: 50_000_000_000, ..Attack::calling(text.module()) }
}
