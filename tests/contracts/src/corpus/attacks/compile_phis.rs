//! The compiler's way from locals to single assignments: every local changes in every loop, so that
//! each loop's head has as many parameters as there are locals.

use crate::corpus::{Attack, Bound};
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let change = repeat(300, "(local.set # (i64.add (local.get #) (local.get 1)))");
    let loops = repeat(20, &format!("(loop {change} (br_if 0 (i64.eqz (local.get 0))))"));
    let locals = repeat(340, "i64 ");
    let functions = repeat(14, &format!("(func (local {locals}) {loops})"));
    Attack::new(&Text::new(functions, "i32.const 0"), Bound::Ready)
}
