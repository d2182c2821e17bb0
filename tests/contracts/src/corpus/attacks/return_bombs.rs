//! A callee that answers with as much as it may, which its caller never asked for.

use crate::corpus::Attack;
use crate::text::Text;

pub fn attack() -> Attack {
    let output = "(call $set_output (i32.const 0) (i32.const 65536)) i32.const 0";
    Attack::calling(Text::new("", output).module())
}
