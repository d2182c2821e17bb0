//! Operators that no processor instruction may stand for where the compiler knows only the
//! oldest: counted bits and zeros.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let count = "(local.set $x (i64.add (i64.popcnt (local.get $x))
        (i64.clz (i64.ctz (i64.popcnt (local.get $x))))))";
    Attack::forever("", repeat(200, count))
}
