//! An input of the greatest length, copied again and again.

use crate::corpus::Attack;
use crate::text::{RUN, repeat};

pub fn attack() -> Attack {
    let attack = Attack::forever("", repeat(20, "(call $input (i32.const 0))"));
    // One byte less than a page, so that it fits.
    Attack { arguments: [&RUN[..], &[7; 65_000]].concat(), ..attack }
}
