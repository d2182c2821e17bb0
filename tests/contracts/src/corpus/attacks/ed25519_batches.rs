//! Batches of as many signatures as may be, of which the last is false: nobody knows which.

use primitives::codec;

use crate::corpus::Attack;
use crate::chain::key;
use crate::text::data;

pub fn attack() -> Attack {
    let signed = |number: u8| {
        let (key, message) = (key(number), vec![number; 32]);
        let signature = key.sign(&message);
        (key.public_key().0, message, signature.0)
    };
    let mut batch: Vec<([u8; 32], Vec<u8>, [u8; 64])> = (0..64).map(signed).collect();
    if let Some((_, message, _)) = batch.last_mut() {
        message.push(0);
    }
    let batch = codec::encode(&batch);
    let verify =
        format!("(drop (call $ed25519_verify_batch (i32.const 0) (i32.const {})))", batch.len());
    Attack { gas: 20_000_000_000, ..Attack::forever(data(0, &batch), verify) }
}
