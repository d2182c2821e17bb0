//! Towers of calls into a contract of which much has to be made for each: memory, globals, functions.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let globals = repeat(1_000, "(global (mut i64) (i64.const #))");
    let functions = repeat(3_000, "(func)");
    Attack::tower("16", globals + &functions)
}
