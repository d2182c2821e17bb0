//! The compiler, with as many functions as a module may have, none of which is used.

use crate::corpus::{Attack, Bound};
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let body = repeat(20, "(i32.store (local.get 0) (i32.load (local.get 0)))");
    let functions = repeat(4_000, &format!("(func (param i32) {body})"));
    Attack::new(&Text::new(functions, "i32.const 0"), Bound::Ready)
}
