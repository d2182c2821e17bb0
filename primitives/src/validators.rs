//! The validator set and the arithmetic of quorums.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::hash::{Domain, Hash};
use crate::id::ValidatorIndex;
use crate::key::PublicKey;
use crate::limits;

/// One validator: one vote.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validator {
    /// What people call it; unique in the set.
    pub name: String,
    pub key: PublicKey,
}

/// The validators of one epoch, in the order that gives them their indices.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct ValidatorSet {
    validators: Vec<Validator>,
}

/// Why a list of validators is no set.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ValidatorSetError {
    #[error("a set has 1 to {max} validators, not {0}", max = limits::VALIDATORS_MAX)]
    Size(usize),
    #[error("validator {0:?} appears twice, by its name or its key")]
    Duplicate(String),
    #[error(
        "the key of validator {0:?} is no curve point of large order; anybody could sign for it"
    )]
    WeakKey(String),
    #[error("a validator's name has 1 to {max} bytes", max = limits::VALIDATOR_NAME_BYTES_MAX)]
    Name,
}

impl ValidatorSet {
    pub fn new(validators: Vec<Validator>) -> Result<Self, ValidatorSetError> {
        if !(1..=limits::VALIDATORS_MAX).contains(&validators.len()) {
            return Err(ValidatorSetError::Size(validators.len()));
        }
        let (mut names, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for validator in &validators {
            if !(1..=limits::VALIDATOR_NAME_BYTES_MAX).contains(&validator.name.len()) {
                return Err(ValidatorSetError::Name);
            }
            if !names.insert(&validator.name) || !keys.insert(validator.key) {
                return Err(ValidatorSetError::Duplicate(validator.name.clone()));
            }
            if validator.key.is_weak() {
                return Err(ValidatorSetError::WeakKey(validator.name.clone()));
            }
        }
        Ok(Self { validators })
    }

    pub fn len(&self) -> usize {
        self.validators.len()
    }

    /// Never: a set has at least one validator.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// f = ⌊(n−1)/3⌋: how many may be faulty.
    pub fn faulty_max(&self) -> usize {
        (self.len() - 1) / 3
    }

    /// q = n − f. Right for every n: two quorums share at least f + 1 validators, so an honest one.
    pub fn quorum(&self) -> usize {
        self.len() - self.faulty_max()
    }

    pub fn get(&self, index: ValidatorIndex) -> Option<&Validator> {
        self.validators.get(index.as_usize())
    }

    pub fn index_of(&self, key: &PublicKey) -> Option<ValidatorIndex> {
        let position = self.validators.iter().position(|validator| validator.key == *key)?;
        u16::try_from(position).ok().map(ValidatorIndex)
    }

    pub fn indices(&self) -> impl Iterator<Item = ValidatorIndex> + use<> {
        (0u16..).take(self.len()).map(ValidatorIndex)
    }

    pub fn iter(&self) -> impl Iterator<Item = (ValidatorIndex, &Validator)> {
        self.indices().zip(&self.validators)
    }

    /// What commit votes sign as the next set.
    pub fn hash(&self) -> Hash {
        Hash::of(Domain::ValidatorSet, self)
    }
}
