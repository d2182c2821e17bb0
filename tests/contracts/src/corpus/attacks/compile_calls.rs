//! The compiler, with calls of sixteen parameters: each moves all its registers.

use crate::corpus::{Attack, Bound};
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let arguments = repeat(16, "local.get # ");
    let calls = repeat(1_700, &format!("{arguments} call $wide "));
    let parameters = repeat(16, "i64 ");
    let wide = format!("(func $wide (param {parameters}))");
    let functions = repeat(16, &format!("(func (param {parameters}) {calls})"));
    Attack::new(&Text::new(format!("{wide} {functions}"), "i32.const 0"), Bound::Ready)
}
