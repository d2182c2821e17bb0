//! Blocks, headers and certificates. The views hold every field of what they show, so that a client
//! can turn them back and check hashes and signatures itself.

use primitives::codec::FormatVersion;
use primitives::{
    Amount, BatchRef, ChainId, ChainParameters, CommitCertificate, Epoch, ExecutionResult, Gas,
    Hash, Header, Height, PublicKey, Signature, Signatures, TimestampMs, ValidatorIndex, View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Anchor, Blob};

/// What hardly changes from block to block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainSummary {
    /// The name that transactions carry.
    pub chain_id: ChainId,
    /// The chain's true name, which a client pins.
    pub genesis_hash: Hash,
    /// The version of the node's program.
    pub node_version: String,
    /// The validator that answers; none when the node is not one.
    pub node_name: Option<String>,
    /// The lowest height whose block, receipts and state this node keeps.
    pub floor: Height,
    pub parameters: ParametersView,
    /// In the order of their indices.
    pub validators: Vec<ValidatorView>,
}

/// The rules that all validators share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParametersView {
    /// Gas of one block.
    pub block_gas: Gas,
    /// The lowest gas price accepted.
    pub gas_price_min: Amount,
    /// How long before its expiry a transaction may enter a block.
    pub transaction_validity_ms: u64,
    /// How far a proposal's timestamp may be ahead of a validator's clock.
    pub clock_drift_ms: u64,
    /// Time between blocks of an idle chain.
    pub heartbeat_ms: u64,
}

impl From<&ChainParameters> for ParametersView {
    fn from(parameters: &ChainParameters) -> Self {
        Self {
            block_gas: parameters.block_gas,
            gas_price_min: parameters.gas_price_min,
            transaction_validity_ms: parameters.transaction_validity_ms,
            clock_drift_ms: parameters.clock_drift_ms,
            heartbeat_ms: parameters.heartbeat_ms,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValidatorView {
    pub name: String,
    pub key: PublicKey,
}

/// A block: its header and the hashes of its transactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockView {
    pub header: HeaderView,
    /// In the order of execution.
    pub transactions: Vec<Hash>,
}

/// What a block ordered, as its validators signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayloadView {
    /// The signed batches in the header's order, as one list in canonical encoding.
    pub batches: Blob,
}

/// A header; [`Header::from`] gives back the one that is hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeaderView {
    pub epoch: Epoch,
    pub view: View,
    pub height: Height,
    pub parent: Hash,
    pub parent_view: View,
    /// The batches, in the order of execution.
    pub payload: Vec<BatchRefView>,
    pub time_ms: TimestampMs,
    pub proposer: ValidatorIndex,
}

/// A batch as a header names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchRefView {
    /// The validator that admitted the batch's transactions.
    pub author: ValidatorIndex,
    pub digest: Hash,
}

impl From<BatchRef> for BatchRefView {
    fn from(BatchRef { author, digest }: BatchRef) -> Self {
        Self { author, digest }
    }
}

impl From<BatchRefView> for BatchRef {
    fn from(BatchRefView { author, digest }: BatchRefView) -> Self {
        Self { author, digest }
    }
}

impl From<Header> for HeaderView {
    fn from(header: Header) -> Self {
        Self {
            epoch: header.epoch,
            view: header.view,
            height: header.height,
            parent: header.parent,
            parent_view: header.parent_view,
            payload: header.payload.into_iter().map(BatchRefView::from).collect(),
            time_ms: header.timestamp,
            proposer: header.proposer,
        }
    }
}

impl From<HeaderView> for Header {
    fn from(view: HeaderView) -> Self {
        Self {
            version: FormatVersion::V1,
            epoch: view.epoch,
            view: view.view,
            height: view.height,
            parent: view.parent,
            parent_view: view.parent_view,
            payload: view.payload.into_iter().map(BatchRef::from).collect(),
            timestamp: view.time_ms,
            proposer: view.proposer,
        }
    }
}

/// A commit certificate; [`CommitCertificate::from`] gives back the one that can be verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateView {
    pub epoch: Epoch,
    pub view: View,
    pub block: Hash,
    pub result: ResultView,
    /// Strictly ascending by signer.
    pub signatures: Vec<SignatureView>,
}

/// What executing the certified block gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResultView {
    pub height: Height,
    pub state_root: Hash,
    pub receipts_root: Hash,
    pub next_validators: Hash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignatureView {
    pub signer: ValidatorIndex,
    pub signature: Signature,
}

impl From<ExecutionResult> for ResultView {
    fn from(result: ExecutionResult) -> Self {
        let ExecutionResult { height, state_root, receipts_root, next_validators } = result;
        Self { height, state_root, receipts_root, next_validators }
    }
}

impl From<CommitCertificate> for CertificateView {
    fn from(certificate: CommitCertificate) -> Self {
        let CommitCertificate { epoch, view, block, result, signatures } = certificate;
        let result = ResultView::from(result);
        let signed = signatures.0.into_iter();
        let signatures = signed.map(|(signer, signature)| SignatureView { signer, signature });
        Self { epoch, view, block, result, signatures: signatures.collect() }
    }
}

impl From<CertificateView> for CommitCertificate {
    fn from(certificate: CertificateView) -> Self {
        let CertificateView { epoch, view, block, result, signatures } = certificate;
        let result = ExecutionResult {
            height: result.height,
            state_root: result.state_root,
            receipts_root: result.receipts_root,
            next_validators: result.next_validators,
        };
        let signed = signatures.into_iter().map(|signed| (signed.signer, signed.signature));
        Self { epoch, view, block, result, signatures: Signatures(signed.collect()) }
    }
}

/// Proof that a block is final: the certificate is over the first header, each header's parent is
/// the next, and the last is the block asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommitView {
    pub certificate: CertificateView,
    pub headers: Vec<HeaderView>,
}

/// An item of `chain_subscribe`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum BlockEvent {
    /// The next block.
    Block {
        /// Subscribe `from` here to go on after this item.
        cursor: Height,
        block: BlockView,
        at: Anchor,
    },
    /// The client took items too slowly, so blocks from `resumeFrom` up to, but not including,
    /// `liveFrom` were not sent; the next item is the block at `liveFrom`. To get the others,
    /// subscribe from `resumeFrom`, or fetch them one by one.
    Lagged { resume_from: Height, live_from: Height },
    /// Blocks could not be read; the subscription ends here. Subscribe again from `resumeFrom`.
    Interrupted { resume_from: Height, reason: String },
}
