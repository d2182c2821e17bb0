//! Calls of a contract into whose memory nearly a megabyte of data must be copied.

use crate::corpus::Attack;
use crate::text::{Text, data};

pub fn attack() -> Attack {
    let segments: String = (0..15).map(|number| data(number << 16, &[7; 65_000])).collect();
    let callee = Text { memory: "16", ..Text::new(segments, "i32.const 0") }.module();
    Attack { gas: 20_000_000_000, ..Attack::calling(callee) }
}
