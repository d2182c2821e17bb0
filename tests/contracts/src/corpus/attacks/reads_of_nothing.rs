//! Reads of keys that are not there, each another.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let call = "
        (i32.store (i32.const 0) (local.tee $a (i32.add (local.get $a) (i32.const 1))))
        (drop (call $get (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 0)))";
    Attack::forever("", repeat(20, call))
}
