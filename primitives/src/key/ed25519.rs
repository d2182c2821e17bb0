//! The scheme of the product: ed25519-dalek signs, ed25519-zebra verifies.

use ed25519_dalek::Signer;
use ed25519_zebra::{Signature, VerificationKey, VerificationKeyBytes, batch};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// A secret key; wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(ed25519_dalek::SigningKey);

impl Secret {
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    pub fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

pub fn verifies(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let signature = Signature::from_bytes(signature);
    VerificationKey::try_from(*key).is_ok_and(|key| key.verify(&signature, message).is_ok())
}

pub fn is_weak(key: &[u8; 32]) -> bool {
    ed25519_dalek::VerifyingKey::from_bytes(key).map_or(true, |key| key.is_weak())
}

/// Signatures to be checked together.
#[derive(Default)]
pub struct Batch {
    items: Vec<batch::Item>,
    transcript: blake3::Hasher,
}

impl Batch {
    pub fn push(&mut self, key: &[u8; 32], message: &[u8], signature: &[u8; 64]) {
        for part in [&key[..], blake3::hash(message).as_bytes(), signature] {
            self.transcript.update(part);
        }
        let signature = Signature::from_bytes(signature);
        self.items.push((VerificationKeyBytes::from(*key), signature, message).into());
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// The random coefficients are drawn from a hash of the whole batch, so the check needs no generator, and
    /// whoever made the signatures could not know them beforehand.
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

    /// One batch check when all are good, single checks when not.
    pub fn invalid(&self) -> Vec<usize> {
        if self.verify() {
            return Vec::new();
        }
        let items = self.items.iter().enumerate();
        items.filter(|(_, item)| (*item).clone().verify_single().is_err()).map(|(i, _)| i).collect()
    }
}
