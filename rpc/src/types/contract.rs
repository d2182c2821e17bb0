//! Accounts and contracts.

use std::collections::BTreeMap;

use primitives::{Address, Amount, Gas, Hash, Nonce};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Blob;

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
    /// Who may give it other code; nobody, where there is none.
    pub admin: Option<Address>,
    /// The ABI as JSON; its form is that of the abi crate.
    pub abi: Value,
}
