//! Writes of the greatest values under ever new keys: the memory that a journal takes.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let write = "
        (i32.store (i32.const 0) (local.tee $a (i32.add (local.get $a) (i32.const 1))))
        (call $set (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 65536))";
    Attack { gas: 50_000_000_000, ..Attack::forever("", repeat(20, write)) }
}
