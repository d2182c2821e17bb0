//! Where things stand in the state, and the records that stand there for accounts, code and contracts.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::hash::{Domain, Hash};
use crate::id::{Address, Amount};

/// The parts of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Namespace {
    /// Address → [`Account`].
    Account = 1,
    /// Address → [`ContractInfo`].
    Contract = 2,
    /// Address ‖ the contract's key → the contract's value.
    Storage = 3,
    /// Code hash → the module as uploaded.
    Code = 4,
    /// A name → what the system keeps under it.
    System = 5,
}

/// A key of the flat state. Keys order by namespace, then bytewise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct StateKey {
    pub namespace: Namespace,
    pub key: Vec<u8>,
}

impl StateKey {
    pub fn account(address: &Address) -> Self {
        Self { namespace: Namespace::Account, key: address.0.to_vec() }
    }

    pub fn contract(address: &Address) -> Self {
        Self { namespace: Namespace::Contract, key: address.0.to_vec() }
    }

    pub fn storage(contract: &Address, key: &[u8]) -> Self {
        Self { namespace: Namespace::Storage, key: [&contract.0, key].concat() }
    }

    pub fn code(hash: &Hash) -> Self {
        Self { namespace: Namespace::Code, key: hash.0.to_vec() }
    }

    pub fn system(name: &str) -> Self {
        Self { namespace: Namespace::System, key: name.as_bytes().to_vec() }
    }

    /// The 256-bit way through the state tree: H(namespace ‖ key).
    pub fn path(&self) -> Hash {
        Hash::of_parts(Domain::StatePath, &[&[self.namespace as u8], &self.key])
    }
}

/// An account's record. An absent record is the default: no balance, no nonce used.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Account {
    pub balance: Amount,
    /// The next sequence of each lane that was ever used; at most [`crate::limits::LANES_MAX`].
    pub lanes: BTreeMap<u32, u64>,
}

impl Account {
    pub fn next_sequence(&self, lane: u32) -> u64 {
        self.lanes.get(&lane).copied().unwrap_or(0)
    }
}

/// A contract's record. Its balance stands in the [`Account`] of the same address.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ContractInfo {
    pub code: Hash,
    pub creator: Address,
}
