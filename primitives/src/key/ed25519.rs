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

/// A failing part of no more signatures is checked one by one.
const SINGLY_MAX: usize = 8;
/// So many bad ones are looked for by halves.
const BISECTED_MAX: usize = 4;

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

    pub fn verify(&self) -> bool {
        self.check(&self.items)
    }

    /// Whether a part of the batch is valid. The random coefficients are drawn from a hash of the whole batch, so the
    /// check needs no generator, and whoever made the signatures could not know them beforehand.
    fn check(&self, part: &[batch::Item]) -> bool {
        match part {
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

    /// One batch check when all are good, a bisection when not.
    pub fn invalid(&self) -> Vec<usize> {
        let mut found = Vec::new();
        if !self.verify() {
            self.bisect(0, &self.items, &mut found);
        }
        found
    }

    /// Finds the invalid signatures of a part that fails, whose first has this position. One bad signature costs about
    /// as much as another check of the whole; once it is clear that there are many, each is checked alone.
    fn bisect(&self, first: usize, failing: &[batch::Item], found: &mut Vec<usize>) {
        if failing.len() <= SINGLY_MAX || found.len() >= BISECTED_MAX {
            let is_bad = |item: &batch::Item| item.clone().verify_single().is_err();
            let bad = failing.iter().enumerate().filter(|(_, item)| is_bad(item));
            return found.extend(bad.map(|(position, _)| first + position));
        }
        let middle = failing.len() / 2;
        let (left, right) = failing.split_at(middle);
        // When the left half is good, the right one is not: it need not be checked as a whole.
        let left_fails = !self.check(left);
        if left_fails {
            self.bisect(first, left, found);
        }
        if !left_fails || !self.check(right) {
            self.bisect(first + middle, right, found);
        }
    }
}
