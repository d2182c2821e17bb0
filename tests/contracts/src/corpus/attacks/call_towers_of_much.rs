//! Towers of calls into a contract of which much has to be made for each: memory, globals, functions.

use crate::corpus::Attack;
use crate::text::{AGAIN, Text, data, repeat};

pub fn attack() -> Attack {
    // It calls whom its input names, with the same input, until the depth is reached.
    let body = "(call $input (i32.const 0))
        (drop (call $call (i32.const 4) (i32.const 0) (i32.const 36) (i32.const 2000) (i64.const 0)
            (i32.const 0)))
        i32.const 0";
    let globals = repeat(1_000, "(global (mut i64) (i64.const #))");
    let functions = repeat(3_000, "(func)");
    let tower = Text { memory: "16", ..Text::new(globals + &functions, body) }.module();
    let address = crate::text::address_of(&tower);
    let input = [&AGAIN[..], &address.0].concat();
    let call = "(drop (call $call (i32.const 1004) (i32.const 1000) (i32.const 36) (i32.const 2000)
        (i64.const 0) (i32.const 0)))";
    let attack = Attack::forever(data(1_000, &input), call);
    Attack { before: vec![tower], gas: 100_000_000_000, ..attack }
}
