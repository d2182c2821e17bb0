//! Writes of a callee that reverts, undone one by one.

use crate::corpus::Attack;
use crate::text::Text;

pub fn attack() -> Attack {
    let callee = Text::new(
        "",
        "(loop (call $set (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 4))
            (i32.store (i32.const 0) (local.tee $a (i32.add (local.get $a) (i32.const 1))))
            (br_if 0 (i32.lt_u (local.get $a) (i32.const 1000)))) i32.const 1",
    )
    .module();
    Attack { gas: 50_000_000_000, ..Attack::calling(callee) }
}
