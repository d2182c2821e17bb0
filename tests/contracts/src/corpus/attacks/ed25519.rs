//! Signatures that are valid, so that nothing is refused early.

use crate::corpus::Attack;
use crate::chain::key;
use crate::text::data;

pub fn attack() -> Attack {
    let (key, message) = (key(1), [7; 32]);
    let signature = key.sign(&message);
    let extra = format!(
        "{} {} {}",
        data(0, &key.public_key().0),
        data(32, &message),
        data(64, &signature.0)
    );
    let verify = "(if (i32.eqz (call $ed25519_verify (i32.const 0) (i32.const 32) (i32.const 32)
        (i32.const 64))) (then unreachable))";
    Attack { gas: 20_000_000_000, ..Attack::forever(extra, verify) }
}
