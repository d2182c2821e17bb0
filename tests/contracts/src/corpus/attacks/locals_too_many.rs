//! A declaration of five bytes that makes every call zero fifty thousand locals.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let locals = repeat(50_000, "i64 ");
    Attack::refused(format!("(func (local {locals}))"), "50000 local variables")
}
