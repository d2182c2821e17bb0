//! Calls of a contract that writes to every page of a megabyte: it is zeroed where it is.

use crate::corpus::Attack;

pub fn attack() -> Attack {
    Attack::touching("16")
}
