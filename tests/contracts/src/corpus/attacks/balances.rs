//! Balances of ever new accounts.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let call = "
        (i32.store (i32.const 0) (local.tee $a (i32.add (local.get $a) (i32.const 1))))
        (call $balance (i32.const 0) (i32.const 64))";
    Attack::forever("", repeat(20, call))
}
