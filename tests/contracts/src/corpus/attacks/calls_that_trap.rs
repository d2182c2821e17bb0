//! Calls that trap at once: an engine may look at the whole stack each time.

use crate::corpus::Attack;
use crate::text::Text;

pub fn attack() -> Attack {
    let callee = Text::new("", "unreachable").module();
    // A trap takes all gas that was given, so little is given.
    Attack::calling_with(callee, 5_000_000)
}
