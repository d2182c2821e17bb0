//! Scans over keys that were deleted just now, which a batch must pass by to find that there is
//! nothing.

use crate::corpus::{Attack, Bound};
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let delete = "(loop (i32.store (i32.const 0) (local.get $a))
        (call $delete (i32.const 0) (i32.const 4))
        (br_if 0 (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 1)))
            (i32.const 4000))))";
    let open = "(local.set $a (call $scan (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0)))";
    let batch = "(drop (call $next_batch (local.get $a) (i32.const 0) (i32.const 80)))";
    let body = format!("{delete} {open} (loop {} (br 0)) i32.const 0", repeat(20, batch));
    let attack = Attack::new(&Text::new("", body), Bound::OutOfGas);
    // Most of it for the scans.
    Attack { gas: 100_000_000_000, ..attack }
}
