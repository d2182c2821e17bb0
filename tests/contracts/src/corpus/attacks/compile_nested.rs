//! The compiler, with blocks inside each other as deep as they may be, again and again.

use crate::corpus::{Attack, Bound};
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let tower = format!(
        "{} {} {}",
        repeat(250, "(block (result i32) "),
        "(i32.const 1)",
        repeat(250, "(br_if 0 (local.get 0)) )"),
    );
    let towers = repeat(7, &format!("(drop {tower})"));
    let functions = repeat(16, &format!("(func (param i32) {towers})"));
    Attack::new(&Text::new(functions, "i32.const 0"), Bound::Ready)
}
