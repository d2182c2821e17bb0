//! A contract of the longest code made where it is already: the code may be read to find that out.

use primitives::{Domain, Hash};

use crate::corpus::Attack;
use crate::text::{Text, data};

pub fn attack() -> Attack {
    let segments: String = (0..15).map(|number| data(number << 16, &[7; 65_000])).collect();
    let code = Text { memory: "16", ..Text::new(segments, "i32.const 0") }.module();
    let instantiate = "
        (drop (call $instantiate (i32.const 1000) (i32.const 0) (i32.const 4) (i32.const 0)
            (i32.const 0) (i32.const 2000) (i64.const 0)))";
    let extra = data(1_000, &Hash::of_bytes(Domain::Code, &code).0);
    Attack { before: vec![code], ..Attack::forever(extra, instantiate) }
}
