//! What all validators of a run share: keys, the set, the genesis block.

use consensus::Config;
use primitives::{
    Epoch, Hash, Header, SecretKey, SigningContext, TimestampMs, Validator, ValidatorIndex,
    ValidatorSet, View,
};

/// The wall clock at simulated time zero.
pub const EPOCH_MS: u64 = 1_700_000_000_000;
/// How far a proposal's timestamp may be ahead of a validator's clock.
pub const CLOCK_DRIFT_MS: u64 = 500;

/// A chain's beginning.
#[derive(Clone, Debug)]
pub struct World {
    pub keys: Vec<SecretKey>,
    pub validators: ValidatorSet,
    pub context: SigningContext,
    pub genesis: Header,
    pub genesis_hash: Hash,
}

impl World {
    pub fn new(validators: usize) -> Self {
        let seed = |number: u8| SecretKey::from_seed([number; 32]);
        let keys: Vec<SecretKey> = (1..=u8::MAX).take(validators).map(seed).collect();
        let named = keys
            .iter()
            .enumerate()
            .map(|(number, key)| Validator { name: format!("v{number}"), key: key.public_key() });
        let chain = Hash([7; 32]);
        let genesis = Header::genesis(chain, TimestampMs(EPOCH_MS - 10_000));
        Self {
            validators: ValidatorSet::new(named.collect()).expect("distinct keys and names"),
            context: SigningContext { chain, epoch: Epoch(0) },
            genesis_hash: genesis.hash(),
            genesis,
            keys,
        }
    }

    pub fn key(&self, validator: ValidatorIndex) -> &SecretKey {
        self.keys.get(validator.as_usize()).expect("the plan names validators of the set")
    }

    /// Who leads a view, as the documents say it: validators take turns.
    pub fn leader(&self, view: View) -> ValidatorIndex {
        let count = self.validators.len() as u64;
        ValidatorIndex(u16::try_from(view.0 % count).unwrap_or(u16::MAX))
    }

    /// n − f, f = ⌊(n−1)/3⌋, as the documents say it.
    pub fn quorum(&self) -> usize {
        self.validators.len() - self.faulty_max()
    }

    pub fn faulty_max(&self) -> usize {
        (self.validators.len() - 1) / 3
    }

    pub fn config(&self, own: ValidatorIndex, heartbeat_ms: u64) -> Config {
        Config {
            context: self.context,
            validators: self.validators.clone(),
            own,
            key: self.key(own).clone(),
            genesis: self.genesis_hash,
            clock_drift_ms: CLOCK_DRIFT_MS,
            heartbeat_ms,
        }
    }
}
