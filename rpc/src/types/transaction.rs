//! Transactions and receipts.

use primitives::{
    Address, Amount, ChainId, Gas, Hash, Height, Nonce, PublicKey, Signature, TimestampMs,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Blob;

/// How far `tx_sendAndWait` waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Until {
    /// Until the mempool has it.
    Accepted,
    /// Until a block has it.
    #[default]
    Committed,
}

/// Where a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TransactionStatus {
    /// It waits for a block.
    Pending,
    /// It is in a block, for good; its receipt says what came of it.
    Committed,
    /// It can never commit.
    Expired,
    /// It was turned away; the reason stands beside.
    Rejected,
}

/// The answer of `tx_send`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendResult {
    pub hash: Hash,
    /// `pending`, or `committed` when it was sent before and is in a block already.
    pub status: TransactionStatus,
}

/// The answer of `tx_sendAndWait`. A wait that ended early is an answer too: `pending`, with the
/// hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendAndWaitResult {
    pub hash: Hash,
    pub status: TransactionStatus,
    /// When committed, or rejected by a block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptView>,
    /// When rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<FailureView>,
}

/// The answer of `tx_get`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TxView {
    pub hash: Hash,
    pub status: TransactionStatus,
    /// When committed: the block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<Height>,
    /// When committed: the place among the block's transactions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// When rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<FailureView>,
    pub transaction: TransactionView,
}

/// A signed transaction for reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransactionView {
    pub chain_id: ChainId,
    pub sender: Address,
    pub sender_key: PublicKey,
    pub nonce: Nonce,
    pub valid_until_ms: TimestampMs,
    pub gas_limit: Gas,
    pub gas_price: Amount,
    pub action: ActionView,
    pub signature: Signature,
}

/// What a transaction does. Arguments are decoded where the contract's ABI is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ActionView {
    Transfer {
        to: Address,
        amount: Amount,
    },
    /// The module itself is left out: it may have a megabyte.
    Upload {
        code: Hash,
        code_bytes: usize,
    },
    Instantiate {
        code: Hash,
        salt: Blob,
        value: Amount,
        /// Selector and canonical arguments.
        input: Blob,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arguments: Option<Value>,
    },
    Call {
        contract: Address,
        value: Amount,
        /// Selector and canonical arguments.
        input: Blob,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arguments: Option<Value>,
    },
    Upgrade {
        contract: Address,
        code: Hash,
        /// Selector and canonical arguments of the migration; empty where none runs.
        input: Blob,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arguments: Option<Value>,
    },
    SetAdmin {
        contract: Address,
        /// Nobody, where there is none.
        admin: Option<Address>,
    },
}

/// What came of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ReceiptStatus {
    Success,
    /// The contract undid everything and said why.
    Reverted,
    /// Everything but fee and nonce is undone.
    Failed,
    /// Not executed: no fee, no nonce used.
    Rejected,
}

/// A receipt with its place. What the ABI can decode stands beside the bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptView {
    pub transaction: Hash,
    pub height: Height,
    pub index: u32,
    pub status: ReceiptStatus,
    /// Unless it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<FailureView>,
    pub gas_used: Gas,
    pub fee: Amount,
    /// As the receipt has it; see `primitives::Receipt::output`.
    pub output: Blob,
    /// The output decoded: after a call by the method's return type, after an upload the code's
    /// hash, after an instantiation the contract's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    pub events: Vec<EventView>,
}

/// Why something did not succeed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailureView {
    /// For programs: `CONTRACT_REVERT`, or the name of the failure or rejection.
    pub code: String,
    /// For people.
    pub message: String,
    /// Of a revert the contract's decoded error; else the figures of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

/// An event, decoded where the contract's ABI knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    pub contract: Address,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Value>,
    pub topics: Vec<Blob>,
    pub data: Blob,
}
