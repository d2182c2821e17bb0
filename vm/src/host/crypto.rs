//! Hashes and signatures.
//!
//! All in Rust, without code that depends on the machine: every validator has the same answer.

use abi::host::BATCH_MAX;
use k256::ecdsa::signature::hazmat::PrehashVerifier as _;
use primitives::{PublicKey, Signature, SignatureBatch, codec};
use sha2::Digest as _;

use super::{Host, misuse};
use crate::cost;
use crate::trap::Stop;

/// Bytes of a message.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Whether a key is a compressed point: the library also reads a form of its own, which begins with 5.
fn is_compressed(key: &[u8; 33]) -> bool {
    matches!(key, [2 | 3, ..])
}

/// Hashes a message, charged by its length.
fn hash(
    host: &mut Host<'_, '_>,
    (ptr, len, out): (i32, i32, i32),
    price_byte: u64,
    hash: impl FnOnce(&[u8]) -> [u8; 32],
) -> Result<(), Stop> {
    host.charge(cost::HASH)?;
    let message = message(host, ptr, len, price_byte)?;
    host.write("the place for the hash", out, &hash(&message))
}

fn message(host: &mut Host<'_, '_>, ptr: i32, len: i32, price_byte: u64) -> Result<Vec<u8>, Stop> {
    let message = host.read("the message", ptr, len, MESSAGE_BYTES_MAX)?;
    host.charge_bytes(message.len(), price_byte)?;
    Ok(message)
}

pub(crate) fn blake3(host: &mut Host<'_, '_>, ptr: i32, len: i32, out: i32) -> Result<(), Stop> {
    hash(host, (ptr, len, out), cost::BLAKE3_BYTE, |message| *blake3::hash(message).as_bytes())
}

pub(crate) fn sha256(host: &mut Host<'_, '_>, ptr: i32, len: i32, out: i32) -> Result<(), Stop> {
    hash(host, (ptr, len, out), cost::SHA256_BYTE, |message| sha2::Sha256::digest(message).into())
}

pub(crate) fn keccak256(host: &mut Host<'_, '_>, ptr: i32, len: i32, out: i32) -> Result<(), Stop> {
    hash(host, (ptr, len, out), cost::KECCAK256_BYTE, |message| {
        sha3::Keccak256::digest(message).into()
    })
}

pub(crate) fn ed25519_verify(
    host: &mut Host<'_, '_>,
    key: i32,
    message_ptr: i32,
    message_len: i32,
    signature: i32,
) -> Result<i32, Stop> {
    host.charge(cost::ED25519)?;
    let key = PublicKey(host.read_array("the key", key)?);
    let message = message(host, message_ptr, message_len, cost::SHA512_BYTE)?;
    let signature = Signature(host.read_array("the signature", signature)?);
    Ok(i32::from(key.verifies(&message, &signature)))
}

pub(crate) fn ed25519_verify_batch(
    host: &mut Host<'_, '_>,
    batch: i32,
    batch_len: i32,
) -> Result<i32, Stop> {
    let bytes = message(host, batch, batch_len, cost::SHA512_BYTE)?;
    let malformed = || misuse("the batch is malformed".to_owned());
    let parts: Vec<([u8; 32], Vec<u8>, [u8; 64])> =
        codec::decode(&bytes, MESSAGE_BYTES_MAX).map_err(|_| malformed())?;
    if parts.len() > BATCH_MAX {
        return Err(malformed());
    }
    host.charge((parts.len() as u64).saturating_mul(cost::ED25519_IN_BATCH))?;
    let mut batch = SignatureBatch::default();
    for (key, message, signature) in &parts {
        batch.push(&PublicKey(*key), message, &Signature(*signature));
    }
    Ok(i32::from(batch.verify()))
}

pub(crate) fn secp256k1_verify(
    host: &mut Host<'_, '_>,
    key: i32,
    hash: i32,
    signature: i32,
) -> Result<i32, Stop> {
    host.charge(cost::SECP256K1)?;
    let key: [u8; 33] = host.read_array("the key", key)?;
    let hash: [u8; 32] = host.read_array("the hash", hash)?;
    let signature: [u8; 64] = host.read_array("the signature", signature)?;
    let is_valid = || {
        let key = is_compressed(&key).then_some(&key)?;
        let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
        // Either value of s counts, which this crate's check leaves to its caller.
        let signature = k256::ecdsa::Signature::from_slice(&signature).ok()?.normalize_s();
        key.verify_prehash(&hash, &signature).ok()
    };
    Ok(i32::from(is_valid().is_some()))
}

pub(crate) fn secp256k1_recover(
    host: &mut Host<'_, '_>,
    hash: i32,
    signature: i32,
    out: i32,
) -> Result<i32, Stop> {
    host.charge(cost::SECP256K1_RECOVER)?;
    let hash: [u8; 32] = host.read_array("the hash", hash)?;
    let [signature @ .., number]: [u8; 65] = host.read_array("the signature", signature)?;
    let recovered = || {
        let number = k256::ecdsa::RecoveryId::from_byte(number)?;
        let signature = k256::ecdsa::Signature::from_slice(&signature).ok()?;
        k256::ecdsa::VerifyingKey::recover_from_prehash(&hash, &signature, number).ok()
    };
    let Some(key) = recovered() else { return Ok(0) };
    host.write("the place for the key", out, key.to_sec1_point(false).as_bytes())?;
    Ok(1)
}

pub(crate) fn p256_verify(
    host: &mut Host<'_, '_>,
    key: i32,
    hash: i32,
    signature: i32,
) -> Result<i32, Stop> {
    host.charge(cost::P256)?;
    let key: [u8; 33] = host.read_array("the key", key)?;
    let hash: [u8; 32] = host.read_array("the hash", hash)?;
    let signature: [u8; 64] = host.read_array("the signature", signature)?;
    let is_valid = || {
        let key = is_compressed(&key).then_some(&key)?;
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
        let signature = p256::ecdsa::Signature::from_slice(&signature).ok()?;
        key.verify_prehash(&hash, &signature).ok()
    };
    Ok(i32::from(is_valid().is_some()))
}
