//! Events of a callee that reverts: none of them stays, so that the number is no bound.

use crate::corpus::Attack;
use crate::text::Text;

pub fn attack() -> Attack {
    let callee = Text::new(
        "",
        "(loop (call $emit (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 0))
            (br_if 0 (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 1)))
                (i32.const 256)))) i32.const 1",
    )
    .module();
    Attack { gas: 20_000_000_000, ..Attack::calling(callee) }
}
