//! Ed25519 keys and signatures.
//!
//! Signing is ed25519-dalek. Verification, one by one or batched, is ed25519-zebra: one rule, ZIP-215, under
//! which a batch check accepts exactly what single checks accept. Two rules would let a crafted signature
//! split the validators (curve25519-dalek#115).

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use ed25519_dalek::Signer;
use ed25519_zebra::{VerificationKey, VerificationKeyBytes, batch};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::codec;
use crate::hash::{Domain, Hash};
use crate::id::Address;

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
        let signature = ed25519_zebra::Signature::from_bytes(&signature.0);
        VerificationKey::try_from(self.0).is_ok_and(|key| key.verify(&signature, message).is_ok())
    }

    /// Whether signatures by this key prove nothing: no curve point, or one of small order, for which anybody
    /// can make signatures. Such a key is refused as a validator's.
    pub fn is_weak(&self) -> bool {
        ed25519_dalek::VerifyingKey::from_bytes(&self.0).map_or(true, |key| key.is_weak())
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
pub struct SecretKey(ed25519_dalek::SigningKey);

impl SecretKey {
    /// The key with this 32-byte seed. Where the seed comes from is the caller's affair: the operating system
    /// for a real key, a number for a test.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Deterministic: the same message always gives the same signature (RFC 8032).
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {:?})", self.public_key())
    }
}

/// Signatures to be checked together, at less than half the cost of one by one.
#[derive(Default)]
pub struct SignatureBatch {
    items: Vec<batch::Item>,
    transcript: blake3::Hasher,
}

impl SignatureBatch {
    pub fn push(&mut self, key: &PublicKey, message: &[u8], signature: &Signature) {
        for part in [&key.0[..], blake3::hash(message).as_bytes(), &signature.0] {
            self.transcript.update(part);
        }
        let signature = ed25519_zebra::Signature::from_bytes(&signature.0);
        self.items.push((VerificationKeyBytes::from(key.0), signature, message).into());
    }

    /// Whether every signature is valid. The random coefficients are drawn from a hash of the whole batch, so
    /// the check needs no generator, and whoever made the signatures could not know them beforehand.
    pub fn verify(&self) -> bool {
        match self.items.as_slice() {
            [] => true,
            [single] => single.clone().verify_single().is_ok(),
            many => {
                let seed = *self.transcript.finalize().as_bytes();
                let mut verifier = batch::Verifier::new();
                for item in many {
                    verifier.queue(item.clone());
                }
                verifier.verify(ChaCha20Rng::from_seed(seed)).is_ok()
            }
        }
    }

    /// The positions of the invalid signatures: one batch check when all are good, single checks when not.
    pub fn invalid(&self) -> Vec<usize> {
        if self.verify() {
            return Vec::new();
        }
        let items = self.items.iter().enumerate();
        items.filter(|(_, item)| (*item).clone().verify_single().is_err()).map(|(i, _)| i).collect()
    }
}

impl fmt::Debug for SignatureBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignatureBatch({} signatures)", self.items.len())
    }
}
