//! Towers of calls into a small contract that imports every host function: more instances at once
//! than are kept.

use vm::HOST_FUNCTIONS;

use crate::corpus::Attack;
use crate::text::{AGAIN, Text, address_of, data};

pub fn attack() -> Attack {
    // It calls whom its input names, with the same input, until the depth is reached.
    let body = "(call $input (i32.const 0))
        (drop (call $call (i32.const 4) (i32.const 0) (i32.const 36) (i32.const 2000) (i64.const 0)
            (i32.const 0)))
        i32.const 0";
    let never: String =
        HOST_FUNCTIONS.iter().map(|function| format!("(; ${} ;)", function.name)).collect();
    let tower = Text::new(never, body).module();
    let input = [&AGAIN[..], &address_of(&tower).0].concat();
    let call = "(drop (call $call (i32.const 1004) (i32.const 1000) (i32.const 36) (i32.const 2000)
        (i64.const 0) (i32.const 0)))";
    let attack = Attack::forever(data(1_000, &input), call);
    Attack { before: vec![tower], ..attack }
}
