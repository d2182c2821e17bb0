//! Where things stand in the state, and the records that stand there for accounts, code and contracts.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use borsh::{BorshDeserialize, BorshSerialize};

use crate::hash::{Domain, Hash};
use crate::id::{Address, Amount, Epoch, Gas, Height, ValidatorIndex, View};
use crate::limits;

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
    /// Epoch ‖ culprit → [`EvidenceIndex`]; epoch ‖ culprit ‖ view → [`EvidenceRecord`]. Big-endian.
    Evidence = 6,
    /// Code hash → [`CodeInfo`].
    CodeInfo = 7,
}

impl Namespace {
    /// Its name for people, and for the labels of metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Contract => "contract",
            Self::Storage => "storage",
            Self::Code => "code",
            Self::System => "system",
            Self::Evidence => "evidence",
            Self::CodeInfo => "code_info",
        }
    }
}

/// A key of the flat state. Keys order by namespace, then bytewise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct StateKey {
    pub namespace: Namespace,
    pub key: Vec<u8>,
}

/// The way through a range of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

/// Who is shown keys and values, and says when it is enough.
pub type KeyVisitor<'a> = &'a mut dyn FnMut(StateKey, Vec<u8>) -> ControlFlow<()>;

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

    pub fn code_info(hash: &Hash) -> Self {
        Self { namespace: Namespace::CodeInfo, key: hash.0.to_vec() }
    }

    pub fn system(name: &str) -> Self {
        Self { namespace: Namespace::System, key: name.as_bytes().to_vec() }
    }

    /// The views for which a validator of an epoch is convicted.
    pub fn evidence_index(epoch: Epoch, culprit: ValidatorIndex) -> Self {
        let key = [&epoch.0.to_be_bytes()[..], &culprit.0.to_be_bytes()].concat();
        Self { namespace: Namespace::Evidence, key }
    }

    /// The evidence of one view against a validator of an epoch.
    pub fn evidence(epoch: Epoch, view: View, culprit: ValidatorIndex) -> Self {
        let Self { namespace, key: place } = Self::evidence_index(epoch, culprit);
        Self { namespace, key: [&place[..], &view.0.to_be_bytes()].concat() }
    }

    /// The keys of all code infos: each is the code's hash.
    pub fn code_infos() -> Range<Self> {
        let first = Self { namespace: Namespace::CodeInfo, key: Vec::new() };
        let end = first.prefix_end();
        first..end
    }

    /// The least key above this one.
    pub fn next(&self) -> Self {
        let mut next = self.clone();
        next.key.push(0);
        next
    }

    /// The end of the range of all keys that begin with this one: the first key of the namespace
    /// behind them.
    pub fn prefix_end(&self) -> Self {
        let Self { namespace, mut key } = self.clone();
        while let Some(last) = key.pop() {
            if last < u8::MAX {
                key.push(last + 1);
                return Self { namespace, key };
            }
        }
        // Behind every key: none is longer, or greater.
        Self { namespace, key: vec![u8::MAX; limits::STATE_KEY_BYTES_MAX + 1] }
    }

    /// The 256-bit way through the state tree: the namespace, then 31 bytes of H(namespace ‖ key). So a namespace is
    /// one subtree, and that a listing of it is complete can be proved.
    pub fn path(&self) -> Hash {
        let namespace = self.namespace as u8;
        let Hash(mut path) = Hash::of_parts(Domain::StatePath, &[&[namespace], &self.key]);
        // The hash's last byte comes to the front, where the namespace takes its place.
        path.rotate_right(1);
        path[0] = namespace;
        Hash(path)
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
    /// Who may give it other code; nobody when there is none. The creator at first.
    pub admin: Option<Address>,
}

/// What is to be known of stored code before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CodeInfo {
    pub bytes: u32,
    /// What a transaction pays for the first call of a contract with this code.
    pub fetch_gas: Gas,
}

/// The views of one epoch in which one validator was convicted, in the order in which the chain learnt of them; at most
/// [`crate::limits::EVIDENCE_PER_VALIDATOR_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EvidenceIndex {
    pub views: Vec<View>,
}

/// Evidence as the chain keeps it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EvidenceRecord {
    /// The block that brought it.
    pub height: Height,
    /// As in [`crate::SystemAction::Evidence`].
    pub evidence: Vec<u8>,
}
