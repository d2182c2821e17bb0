//! Loads and stores that lie over the borders of cache lines and pages, where stores cannot be
//! forwarded to the loads behind them.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let copy = "(i64.store offset=# (i32.const 4092) (i64.load offset=# (i32.const 4089)))";
    Attack::forever("", repeat(200, copy))
}
