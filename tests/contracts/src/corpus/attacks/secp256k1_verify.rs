//! ECDSA signatures on secp256k1 whose falsehood shows at the very end only.

use crate::corpus::Attack;
use crate::text::{data, hex};

const GENERATOR: &str = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

pub fn attack() -> Attack {
    // The curve's generator as the key, and numbers that are in range.
    let extra = format!("{} {}", hex(0, GENERATOR), data(64, &[1; 96]));
    let verify = "(drop (call $secp256k1_verify (i32.const 0) (i32.const 64) (i32.const 96)))";
    Attack { gas: 20_000_000_000, ..Attack::forever(extra, verify) }
}
