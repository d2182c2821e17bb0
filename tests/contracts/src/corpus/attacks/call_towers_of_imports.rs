//! Towers of calls into a small contract that imports every host function: more instances at once
//! than are kept.

use vm::HOST_FUNCTIONS;

use crate::corpus::Attack;

pub fn attack() -> Attack {
    // A text imports what it names, if only in a comment.
    let all = HOST_FUNCTIONS.iter().map(|function| format!("(; ${} ;)", function.name));
    Attack::tower("1", all.collect::<String>())
}
