//! The compiler, with as many metered blocks as a module may have.

use crate::corpus::{Attack, Bound};
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let branches = repeat(2_000, "(br_if 0 (local.get 0))");
    let functions = repeat(16, &format!("(func (param i32) {branches})"));
    Attack::new(&Text::new(functions, "i32.const 0"), Bound::Ready)
}
