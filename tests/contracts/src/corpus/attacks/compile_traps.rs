//! The compiler, with operators that trap and are a byte long each.

use crate::corpus::{Attack, Bound};
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let line = repeat(6_000, "local.get 0 i64.div_s ");
    let functions = repeat(16, &format!("(func (param i64) (result i64) local.get 0 {line})"));
    Attack::new(&Text::new(functions, "i32.const 0"), Bound::Ready)
}
