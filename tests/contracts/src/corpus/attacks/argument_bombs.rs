//! Inputs as long as they may be to a callee that never looks at them.

use crate::corpus::Attack;
use crate::text::{RUN, Text, address_of, data};

pub fn attack() -> Attack {
    let callee = Text::new("", "i32.const 0").module();
    let call = "(drop (call $call (i32.const 1000) (i32.const 1032) (i32.const 64000)
        (i32.const 2000) (i64.const 0) (i32.const 0)))";
    let extra = format!("{} {}", data(1_000, &address_of(&callee).0), data(1_032, &RUN));
    Attack { before: vec![callee], ..Attack::forever(extra, call) }
}
