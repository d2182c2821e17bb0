//! Votes. Every signature covers (domain, chain, epoch, view, digest), and the domain is the kind: nothing
//! signed in one chain, epoch, view or phase means anything in another.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;

use crate::hash::{Domain, Hash};
use crate::id::{Epoch, Height, ValidatorIndex, View};
use crate::key::{SecretKey, Signature};

/// What is the same in all signatures of one epoch of one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningContext {
    /// The genesis hash.
    pub chain: Hash,
    pub epoch: Epoch,
}

impl SigningContext {
    /// The 96 bytes that are signed.
    pub fn bytes(&self, domain: Domain, view: View, digest: &Hash) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96);
        bytes.extend_from_slice(domain.tag());
        bytes.extend_from_slice(&self.chain.0);
        bytes.extend_from_slice(&self.epoch.0.to_le_bytes());
        bytes.extend_from_slice(&view.0.to_le_bytes());
        bytes.extend_from_slice(&digest.0);
        bytes
    }
}

/// What executing a block gave. Commit votes sign it together with the block, so that one certificate proves
/// order and state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionResult {
    pub height: Height,
    pub state_root: Hash,
    /// See [`crate::merkle`].
    pub receipts_root: Hash,
    /// Hash of the validator set that may sign the next block.
    pub next_validators: Hash,
}

/// "I hold this block and its payload, and it may stand here."
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PrepareVote {
    pub epoch: Epoch,
    pub view: View,
    pub block: Hash,
    pub signer: ValidatorIndex,
    pub signature: Signature,
}

/// "A quorum prepared this block in this view, I have not timed out, and executing it gave this."
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CommitVote {
    pub epoch: Epoch,
    pub view: View,
    pub block: Hash,
    pub result: ExecutionResult,
    pub signer: ValidatorIndex,
    pub signature: Signature,
}

/// "I shall not commit in this view"; and what I prepared in it, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TimeoutVote {
    pub epoch: Epoch,
    pub view: View,
    pub prepared: Option<Hash>,
    pub signer: ValidatorIndex,
    pub signature: Signature,
}

impl PrepareVote {
    pub fn new(
        context: &SigningContext,
        view: View,
        block: Hash,
        signer: ValidatorIndex,
        key: &SecretKey,
    ) -> Self {
        let signature = key.sign(&prepare_bytes(context, view, &block));
        Self { epoch: context.epoch, view, block, signer, signature }
    }
}

impl CommitVote {
    pub fn new(
        context: &SigningContext,
        view: View,
        block: Hash,
        result: ExecutionResult,
        signer: ValidatorIndex,
        key: &SecretKey,
    ) -> Self {
        let signature = key.sign(&commit_bytes(context, view, &block, &result));
        Self { epoch: context.epoch, view, block, result, signer, signature }
    }
}

impl TimeoutVote {
    pub fn new(
        context: &SigningContext,
        view: View,
        prepared: Option<Hash>,
        signer: ValidatorIndex,
        key: &SecretKey,
    ) -> Self {
        let signature = key.sign(&timeout_bytes(context, view, prepared.as_ref()));
        Self { epoch: context.epoch, view, prepared, signer, signature }
    }
}

/// A vote of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Vote {
    Prepare(PrepareVote),
    Commit(CommitVote),
    Timeout(TimeoutVote),
}

impl Vote {
    pub fn view(&self) -> View {
        match self {
            Self::Prepare(vote) => vote.view,
            Self::Commit(vote) => vote.view,
            Self::Timeout(vote) => vote.view,
        }
    }

    pub fn epoch(&self) -> Epoch {
        match self {
            Self::Prepare(vote) => vote.epoch,
            Self::Commit(vote) => vote.epoch,
            Self::Timeout(vote) => vote.epoch,
        }
    }

    pub fn signer(&self) -> ValidatorIndex {
        match self {
            Self::Prepare(vote) => vote.signer,
            Self::Commit(vote) => vote.signer,
            Self::Timeout(vote) => vote.signer,
        }
    }

    pub fn signature(&self) -> &Signature {
        match self {
            Self::Prepare(vote) => &vote.signature,
            Self::Commit(vote) => &vote.signature,
            Self::Timeout(vote) => &vote.signature,
        }
    }

    /// The bytes its signature covers.
    pub fn signing_bytes(&self, context: &SigningContext) -> Vec<u8> {
        match self {
            Self::Prepare(vote) => prepare_bytes(context, vote.view, &vote.block),
            Self::Commit(vote) => commit_bytes(context, vote.view, &vote.block, &vote.result),
            Self::Timeout(vote) => timeout_bytes(context, vote.view, vote.prepared.as_ref()),
        }
    }
}

pub(crate) fn prepare_bytes(context: &SigningContext, view: View, block: &Hash) -> Vec<u8> {
    context.bytes(Domain::PrepareVote, view, block)
}

pub(crate) fn commit_bytes(
    context: &SigningContext,
    view: View,
    block: &Hash,
    result: &ExecutionResult,
) -> Vec<u8> {
    let digest = Hash::of(Domain::ExecutionResult, &(block, result));
    context.bytes(Domain::CommitVote, view, &digest)
}

pub(crate) fn timeout_bytes(
    context: &SigningContext,
    view: View,
    prepared: Option<&Hash>,
) -> Vec<u8> {
    context.bytes(Domain::TimeoutVote, view, prepared.unwrap_or(&Hash::ZERO))
}
