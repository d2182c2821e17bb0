//! Calls of a contract that writes to every page of four megabytes.

use crate::corpus::Attack;

pub fn attack() -> Attack {
    Attack::touching("64")
}
