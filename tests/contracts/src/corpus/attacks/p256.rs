//! ECDSA signatures on P-256 whose falsehood shows at the very end only.

use crate::corpus::Attack;
use crate::text::{data, hex};

const GENERATOR: &str = "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";

pub fn attack() -> Attack {
    // The curve's generator as the key, and numbers that are in range.
    let extra = format!("{} {}", hex(0, GENERATOR), data(64, &[1; 96]));
    let verify = "(drop (call $p256_verify (i32.const 0) (i32.const 64) (i32.const 96)))";
    Attack { gas: 20_000_000_000, ..Attack::forever(extra, verify) }
}
