//! Calls of a contract with the greatest memory, which it touches from end to end.

use crate::corpus::Attack;

pub fn attack() -> Attack {
    Attack::touching("256")
}
