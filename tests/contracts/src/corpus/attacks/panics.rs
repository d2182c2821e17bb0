//! Calls that panic with a message of broken characters, each of which must be replaced.

use crate::corpus::Attack;
use crate::text::{Text, data};

pub fn attack() -> Attack {
    let callee = Text::new(
        data(0, &[255; 300]),
        "(call $panic (i32.const 0) (i32.const 300)) i32.const 0",
    )
    .module();
    Attack { gas: 20_000_000_000, ..Attack::calling(callee) }
}
