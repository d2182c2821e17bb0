//! The compiler, with calls through a table, whose bounds and types are checked.

use crate::corpus::{Attack, Bound};
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let line = repeat(2_500, "(call_indirect (param) (local.get 0)) ");
    let functions = repeat(16, &format!("(func (param i32) {line})"));
    let table = "(table 1 1 funcref)";
    Attack::new(&Text::new(format!("{table} {functions}"), "i32.const 0"), Bound::Ready)
}
