//! Calls of the smallest contract: what a fresh instance costs.

use crate::corpus::Attack;
use crate::text::Text;

pub fn attack() -> Attack {
    Attack::calling(Text { memory: "0", ..Text::new("", "i32.const 0") }.module())
}
