//! Ed25519 keys and signatures.
//!
//! Signing is ed25519-dalek. Verification, one by one or batched, is ed25519-zebra: one rule, ZIP-215, under
//! which a batch check accepts exactly what single checks accept. Two rules would let a crafted signature
//! split the validators (curve25519-dalek#115).

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::codec;
use crate::hash::{Domain, Hash};
use crate::id::Address;

#[cfg(not(feature = "logical-signatures"))]
#[path = "key/ed25519.rs"]
mod scheme;
#[cfg(feature = "logical-signatures")]
#[path = "key/logical.rs"]
mod scheme;

/// Whether signatures are only a convention, as simulations of agreement alone have them. A program that anybody
/// relies on asserts at compile time that this is false.
pub const LOGICAL: bool = cfg!(feature = "logical-signatures");

/// The algorithm tag of an Ed25519 key in an address; others are left free for key rotation.
const ED25519: u8 = 1;

/// An Ed25519 public key. Any 32 bytes are one; a key that is no curve point verifies nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// The address of the account this key controls.
    pub fn address(&self) -> Address {
        Address(Hash::of_parts(Domain::Address, &[&[ED25519], &self.0]).0)
    }

    /// Whether `signature` is this key's over `message`, by ZIP-215.
    pub fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        scheme::verifies(&self.0, message, &signature.0)
    }

    /// Whether signatures by this key prove nothing: no curve point, or one of small order, for which anybody
    /// can make signatures. Such a key is refused as a validator's.
    pub fn is_weak(&self) -> bool {
        scheme::is_weak(&self.0)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Hash(self.0).short())
    }
}

codec::hex_text!(PublicKey, 32);

/// An Ed25519 signature: 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Signature(pub [u8; 64]);

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "{}", hex::encode([a, b, c, d]))
    }
}

codec::hex_text!(Signature, 64);

/// An Ed25519 secret key; wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct SecretKey(scheme::Secret);

impl SecretKey {
    /// The key with this 32-byte seed. Where the seed comes from is the caller's affair: the operating system
    /// for a real key, a number for a test.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(scheme::Secret::from_seed(seed))
    }

    pub fn seed(&self) -> [u8; 32] {
        self.0.seed()
    }

    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.public_key())
    }

    /// Deterministic: the same message always gives the same signature (RFC 8032).
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {:?})", self.public_key())
    }
}

/// Signatures to be checked together, at less than half the cost of one by one.
#[derive(Default)]
pub struct SignatureBatch(scheme::Batch);

impl SignatureBatch {
    pub fn push(&mut self, key: &PublicKey, message: &[u8], signature: &Signature) {
        self.0.push(&key.0, message, &signature.0);
    }

    /// Whether every signature is valid.
    pub fn verify(&self) -> bool {
        self.0.verify()
    }

    /// The positions of the invalid signatures, ascending.
    pub fn invalid(&self) -> Vec<usize> {
        self.0.invalid()
    }
}

impl fmt::Debug for SignatureBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignatureBatch({} signatures)", self.0.len())
    }
}
