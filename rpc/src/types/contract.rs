//! Accounts, contracts and proofs of state.

use std::collections::BTreeMap;

use primitives::{Address, Amount, Epoch, Gas, Hash, Nonce, StateKey, ValidatorIndex, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Blob, CertificateView, HeaderView};

/// An account's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    pub address: Address,
    pub balance: Amount,
    /// The next sequence of each lane that was ever used, as decimal strings. Committed
    /// transactions only.
    pub lanes: BTreeMap<String, String>,
}

/// The nonce for a new transaction, behind those that wait in the mempool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NextNonce {
    pub address: Address,
    pub nonce: Nonce,
}

/// What a query returned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueryResult {
    /// By the method's return type in the ABI.
    pub result: Value,
    /// The same in canonical binary.
    pub output: Blob,
    pub gas_used: Gas,
}

/// A contract's interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AbiView {
    pub contract: Address,
    pub code: Hash,
    pub creator: Address,
    /// The ABI as JSON; its form is that of the abi crate.
    pub abi: Value,
}

/// Which value to prove: one of `{"account": address}`, `{"contract": address}`,
/// `{"storage": {"contract": address, "key": base64}}`, `{"code": hash}`,
/// `{"evidence": {"epoch": number, "view": number, "culprit": index}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum KeyView {
    /// The account's record.
    Account(Address),
    /// The contract's record.
    Contract(Address),
    /// A value that a contract stored.
    Storage { contract: Address, key: Blob },
    /// A stored module.
    Code(Hash),
    /// The evidence against a validator in one view; see `consensus_evidence`.
    Evidence { epoch: Epoch, view: View, culprit: ValidatorIndex },
}

impl From<&KeyView> for StateKey {
    fn from(view: &KeyView) -> Self {
        match view {
            KeyView::Account(address) => Self::account(address),
            KeyView::Contract(address) => Self::contract(address),
            KeyView::Storage { contract, key } => Self::storage(contract, &key.0),
            KeyView::Code(hash) => Self::code(hash),
            KeyView::Evidence { epoch, view, culprit } => Self::evidence(*epoch, *view, *culprit),
        }
    }
}

/// A value or its absence, and the way to it from a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProvedView {
    /// The stored value in canonical binary; absent when nothing stands there.
    pub value: Option<Blob>,
    /// The state tree's proof in its canonical encoding.
    pub proof: Blob,
    /// The block after which the value stands.
    pub header: HeaderView,
    /// Over exactly that block; its result names the state root.
    pub certificate: CertificateView,
}
