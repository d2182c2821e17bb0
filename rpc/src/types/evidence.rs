//! Misbehaviour that is proven by signatures.

use primitives::{Epoch, Hash, Height, Signature, ValidatorIndex, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Blob, ResultView};

/// All evidence that this node knows of: on the chain, and on its way there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceList {
    /// By culprit and view. The chain takes at most 16 of one validator in one epoch.
    pub evidence: Vec<EvidenceView>,
}

/// Two messages that one validator signed and that no honest validator signs both. Anybody can check it: `signature` of
/// each is the culprit's over `signedBytes`, by ZIP-215.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceView {
    /// As the genesis names it.
    pub culprit: String,
    pub culprit_index: ValidatorIndex,
    pub epoch: Epoch,
    pub view: View,
    /// What was signed, in words: "two prepare votes in one view".
    pub kind: String,
    pub first: SignedMessageView,
    pub second: SignedMessageView,
    /// The height of the block that put it on the chain; absent while it is on its way.
    pub on_chain_height: Option<Height>,
    /// Both messages in canonical binary, as the chain keeps them.
    pub encoded: Blob,
}

/// One signed message of consensus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedMessageView {
    pub kind: SignedMessageKind,
    /// The block that is proposed, prepared or committed. Of a timeout: the block that the validator says it had
    /// prepared, absent when it says none.
    pub block: Option<Hash>,
    /// Of a commit vote: the result that it signs with the block.
    pub result: Option<ResultView>,
    /// The message in canonical binary.
    pub encoded: Blob,
    /// What the signature covers.
    pub signed_bytes: Blob,
    pub signature: Signature,
}

/// What was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SignedMessageKind {
    Proposal,
    Prepare,
    Commit,
    Timeout,
}
