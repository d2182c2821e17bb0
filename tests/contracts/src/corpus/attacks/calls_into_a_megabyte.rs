//! Calls of a contract that writes to every page of a megabyte.

use crate::corpus::Attack;
use crate::text::Text;

pub fn attack() -> Attack {
    let touch = "(loop (i32.store (local.get $a) (i32.const 1))
        (br_if 0 (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 4096)))
            (i32.const 0x100000)))) i32.const 0";
    let callee = Text { memory: "16", ..Text::new("", touch) }.module();
    Attack { gas: 20_000_000_000, ..Attack::calling(callee) }
}
