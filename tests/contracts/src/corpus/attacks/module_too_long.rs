//! A module of more than a megabyte.

use crate::corpus::{Attack, Bound};
use crate::text::{Text, data};

pub fn attack() -> Attack {
    let text = Text { memory: "32", ..Text::new(data(0, &[7; 1 << 20]), "i32.const 0") };
    Attack::new(&text, Bound::Refused("bytes, and at most 1048576"))
}
