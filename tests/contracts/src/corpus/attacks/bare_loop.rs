//! The shortest loop: nothing but the meter.

use crate::corpus::Attack;

pub fn attack() -> Attack {
    Attack::forever("", "")
}
