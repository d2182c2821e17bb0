//! Wide branches to random targets: the processor can't guess them, and the table itself misses
//! the cache.

use crate::corpus::Attack;
use crate::text::{RANDOM, repeat};

pub fn attack() -> Attack {
    let blocks = repeat(200, "(block ");
    // All lead nearly all the way out, so that hardly anything but the branch runs.
    let targets: String = (0..1_024).map(|target| format!("{} ", 199 - target % 5)).collect();
    let closed = repeat(200, "(local.set $a (i32.add (local.get $a) (i32.const #))))");
    let branch = format!(
        "(br_table {targets} (i32.and (i32.wrap_i64 (i64.shr_u (local.get $x) (i64.const 40)))
            (i32.const 1023)))"
    );
    Attack::forever("", format!("{RANDOM} {blocks} {branch} {closed}"))
}
