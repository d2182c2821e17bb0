//! A stand-in for signatures, for simulations of agreement alone: a tag that anybody can compute, and that only the
//! key's owner does compute, by convention. It keeps the shape of real signatures (deterministic, bound to key and
//! message, a single wrong bit refused) at a hundredth of their price.

/// A secret key; nothing about it is secret.
#[derive(Clone)]
pub struct Secret {
    seed: [u8; 32],
    public: [u8; 32],
}

impl Secret {
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { seed, public: *blake3::hash(&seed).as_bytes() }
    }

    pub fn seed(&self) -> [u8; 32] {
        self.seed
    }

    pub fn public_key(&self) -> [u8; 32] {
        self.public
    }

    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        tag(&self.public, message)
    }
}

pub fn verifies(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    tag(key, message) == *signature
}

/// Never: there are no curve points here.
pub fn is_weak(_key: &[u8; 32]) -> bool {
    false
}

/// The results of the checks, in the order of the signatures.
#[derive(Default)]
pub struct Batch(Vec<bool>);

impl Batch {
    pub fn push(&mut self, key: &[u8; 32], message: &[u8], signature: &[u8; 64]) {
        self.0.push(verifies(key, message, signature));
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn verify(&self) -> bool {
        self.0.iter().all(|valid| *valid)
    }

    pub fn invalid(&self) -> Vec<usize> {
        self.0.iter().enumerate().filter(|(_, valid)| !**valid).map(|(i, _)| i).collect()
    }
}

fn tag(key: &[u8; 32], message: &[u8]) -> [u8; 64] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(key).update(message);
    let mut tag = [0; 64];
    let (first, _) = tag.split_at_mut(32);
    first.copy_from_slice(hasher.finalize().as_bytes());
    tag
}
