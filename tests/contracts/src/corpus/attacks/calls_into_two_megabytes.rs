//! Calls of a contract that writes to every page of two megabytes, of which the second is new pages.

use crate::corpus::Attack;

pub fn attack() -> Attack {
    Attack::touching("32")
}
