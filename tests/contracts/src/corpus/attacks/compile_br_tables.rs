//! The compiler, with branches of a thousand targets one after the other.

use crate::corpus::{Attack, Bound};
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let blocks = repeat(250, "(block ");
    let targets: String = (0..1_024).map(|target| format!("{} ", target % 250)).collect();
    let closed = repeat(250, ")");
    let tower = format!("{blocks} (br_table {targets} (local.get 0)) {closed}");
    let towers = repeat(12, &tower);
    let functions = repeat(16, &format!("(func (param i32) {towers})"));
    Attack::new(&Text::new(functions, "i32.const 0"), Bound::Ready)
}
