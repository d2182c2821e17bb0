//! Keys recovered from signatures on secp256k1, which takes a square root more than a check.

use crate::corpus::Attack;
use crate::text::{data, hex};

/// Where the curve's generator lies: a number that belongs to a point.
const GENERATOR: &str = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

pub fn attack() -> Attack {
    // r, s, recovery number 0.
    let extra = format!("{} {}", hex(32, GENERATOR), data(64, &[1; 32]));
    let recover = "(if (i32.eqz (call $secp256k1_recover (i32.const 0) (i32.const 32)
        (i32.const 128))) (then unreachable))";
    Attack { gas: 20_000_000_000, ..Attack::forever(extra, recover) }
}
