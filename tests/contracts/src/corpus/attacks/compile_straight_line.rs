//! The compiler, with as much straight code as a module can hold.

use crate::corpus::{Attack, Bound};
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let line = repeat(6_400, "(local.set 0 (i64.mul (local.get 0) (i64.const #)))");
    let functions = repeat(16, &format!("(func (param i64) (result i64) {line} local.get 0)"));
    Attack::new(&Text::new(functions, "i32.const 0"), Bound::Ready)
}
