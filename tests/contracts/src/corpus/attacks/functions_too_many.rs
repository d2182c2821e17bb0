//! Functions of nothing, each of which costs the compiler its overhead.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    Attack::refused(repeat(100_000, "(func)"), "functions, and at most 4096")
}
