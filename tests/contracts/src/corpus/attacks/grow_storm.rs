//! Memory that grows page by page to its cap and is touched, in one fresh instance after the other.

use crate::corpus::{Attack, Bound};
use crate::text::{Text, address_of, data};

pub fn attack() -> Attack {
    let grower = Text::new(
        "",
        // A byte of the page that was there before.
        "(loop (i32.store8 (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 1))
                (i32.const 1))
            (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) i32.const 0",
    )
    .module();
    let call = "(drop (call $call (i32.const 1000) (i32.const 1032) (i32.const 4) (i32.const 2000)
        (i64.const 0) (i32.const 0)))";
    let extra = format!("{} {}", data(1_000, &address_of(&grower).0), data(1_032, b"run_"));
    let text = Text::forever(extra, call);
    Attack {
        before: vec![grower],
        gas: 50_000_000_000,
        ..Attack::new(&text, Bound::OutOfGas)
    }
}
