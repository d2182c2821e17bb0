//! Hashes and signatures, computed by the host: far cheaper than in the contract.

use alloc::vec::Vec;

use abi::host::BATCH_MAX;

use crate::{Hash, encode, host};

/// BLAKE3, the chain's own hash.
pub fn blake3(message: &[u8]) -> Hash {
    hashed(|into| host::blake3(message, into))
}

/// SHA-256.
pub fn sha256(message: &[u8]) -> Hash {
    hashed(|into| host::sha256(message, into))
}

/// Keccak-256, Ethereum's hash.
pub fn keccak256(message: &[u8]) -> Hash {
    hashed(|into| host::keccak256(message, into))
}

fn hashed(hash: impl FnOnce(&mut [u8; 32])) -> Hash {
    let mut bytes = [0; 32];
    hash(&mut bytes);
    Hash(bytes)
}

/// Whether an Ed25519 signature is the key's over the message, by ZIP-215: the rule that the chain
/// applies to its own transactions.
pub fn ed25519_verify(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    host::ed25519_verify(key, message, signature) == 1
}

/// A message that a key has signed.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    pub key: [u8; 32],
    pub message: &'a [u8],
    pub signature: [u8; 64],
}

/// Whether all Ed25519 signatures are valid. Cheaper than one by one; the host checks 64 at once.
pub fn ed25519_verify_all(signed: &[Signed<'_>]) -> bool {
    signed.chunks(BATCH_MAX).all(|chunk| {
        let parts = chunk.iter().map(|one| (one.key, one.message, one.signature));
        let parts: Vec<([u8; 32], &[u8], [u8; 64])> = parts.collect();
        host::ed25519_verify_batch(&encode(&parts)) == 1
    })
}

/// Whether an ECDSA signature (r ‖ s) on secp256k1 is the compressed key's over the hash. Both
/// values of s count: whoever takes a signature for a name of what was signed must not.
pub fn secp256k1_verify(key: &[u8; 33], hash: &Hash, signature: &[u8; 64]) -> bool {
    host::secp256k1_verify(key, &hash.0, signature) == 1
}

/// The uncompressed key (04 ‖ x ‖ y) on secp256k1 that made a signature (r ‖ s ‖ recovery number 0
/// to 3) over the hash. `None` when there is none.
pub fn secp256k1_recover(hash: &Hash, signature: &[u8; 65]) -> Option<[u8; 65]> {
    let mut key = [0; 65];
    (host::secp256k1_recover(&hash.0, signature, &mut key) == 1).then_some(key)
}

/// Whether an ECDSA signature (r ‖ s) on NIST P-256, the curve of passkeys, is the compressed key's
/// over the hash. Both values of s count.
pub fn p256_verify(key: &[u8; 33], hash: &Hash, signature: &[u8; 64]) -> bool {
    host::p256_verify(key, &hash.0, signature) == 1
}
