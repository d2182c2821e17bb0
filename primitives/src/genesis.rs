//! The genesis: what all validators must agree on before the first block. Written as TOML for people, hashed
//! in its canonical encoding.

use std::collections::BTreeMap;

use borsh::BorshSerialize;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::block::Header;
use crate::hash::{Domain, Hash};
use crate::id::{Address, Amount, ChainId, Gas, TimestampMs};
use crate::limits;
use crate::validators::{Validator, ValidatorSet, ValidatorSetError};

/// The genesis as read from its file; see [`Genesis::from_toml`].
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    pub chain_id: ChainId,
    /// The genesis block's timestamp.
    pub timestamp_ms: TimestampMs,
    #[serde(default)]
    pub parameters: ChainParameters,
    pub validators: Vec<Validator>,
    /// Funded accounts.
    #[serde(default)]
    pub accounts: BTreeMap<Address, Amount>,
}

/// Rules that all validators share. They live on the chain only, never in a node's settings.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChainParameters {
    /// Gas of one block.
    pub block_gas: Gas,
    /// The lowest gas price accepted; zero on a chain that wants no fees.
    pub gas_price_min: Amount,
    /// How long before its expiry a transaction may enter a block.
    pub transaction_validity_ms: u64,
    /// How far a proposal's timestamp may be ahead of a validator's clock.
    pub clock_drift_ms: u64,
    /// Time between blocks of an idle chain.
    pub heartbeat_ms: u64,
}

impl Default for ChainParameters {
    fn default() -> Self {
        Self {
            block_gas: Gas(limits::BLOCK_GAS_DEFAULT),
            gas_price_min: Amount::ZERO,
            transaction_validity_ms: limits::TRANSACTION_VALIDITY_MS_DEFAULT,
            clock_drift_ms: limits::CLOCK_DRIFT_MS_DEFAULT,
            heartbeat_ms: limits::HEARTBEAT_MS_DEFAULT,
        }
    }
}

/// Why a genesis is refused.
#[derive(Debug, Error)]
pub enum GenesisError {
    #[error("the genesis cannot be read: {0}")]
    Toml(#[from] toml::de::Error),
    #[error("the genesis has an invalid validator set: {0}")]
    Validators(#[from] ValidatorSetError),
    #[error("the genesis funds {0} accounts, and at most {max} are accepted",
        max = limits::GENESIS_ACCOUNTS_MAX)]
    TooManyAccounts(usize),
    #[error("the genesis balances add up to more than an amount can hold")]
    Supply,
    #[error("the genesis parameter {0} must not be zero")]
    Zero(&'static str),
}

impl Genesis {
    /// Reads and checks a genesis file.
    pub fn from_toml(text: &str) -> Result<Self, GenesisError> {
        let genesis: Self = toml::from_str(text)?;
        genesis.check()?;
        Ok(genesis)
    }

    pub fn to_toml(&self) -> String {
        match toml::to_string(self) {
            Ok(text) => text,
            Err(error) => panic!("a genesis always has a TOML form: {error}"),
        }
    }

    pub fn check(&self) -> Result<(), GenesisError> {
        self.validator_set()?;
        if self.accounts.len() > limits::GENESIS_ACCOUNTS_MAX {
            return Err(GenesisError::TooManyAccounts(self.accounts.len()));
        }
        let mut balances = self.accounts.values();
        balances
            .try_fold(Amount::ZERO, |sum, balance| sum.checked_add(*balance))
            .ok_or(GenesisError::Supply)?;
        for (name, value) in [
            ("block_gas", self.parameters.block_gas.0),
            ("transaction_validity_ms", self.parameters.transaction_validity_ms),
            ("heartbeat_ms", self.parameters.heartbeat_ms),
        ] {
            if value == 0 {
                return Err(GenesisError::Zero(name));
            }
        }
        Ok(())
    }

    pub fn validator_set(&self) -> Result<ValidatorSet, ValidatorSetError> {
        ValidatorSet::new(self.validators.clone())
    }

    /// The chain's true name: what votes sign and what a client pins.
    pub fn hash(&self) -> Hash {
        Hash::of(Domain::Genesis, self)
    }

    /// The block at height 0.
    pub fn header(&self) -> Header {
        Header::genesis(self.hash(), self.timestamp_ms)
    }
}
