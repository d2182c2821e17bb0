//! Hashes of nothing, by all the hash functions.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let call = "
        (call $blake3 (i32.const 0) (i32.const 0) (i32.const 0))
        (call $sha256 (i32.const 0) (i32.const 0) (i32.const 0))
        (call $keccak256 (i32.const 0) (i32.const 0) (i32.const 0))";
    Attack::forever("", repeat(20, call))
}
