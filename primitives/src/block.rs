//! Blocks and their proposals.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;

use crate::batch::{BatchRef, SignedBatch};
use crate::certificate::Justification;
use crate::codec::FormatVersion;
use crate::hash::{Domain, Hash};
use crate::id::{Epoch, Height, TimestampMs, ValidatorIndex, View};
use crate::key::{SecretKey, Signature};
use crate::validators::ValidatorSet;
use crate::vote::SigningContext;

/// A block. It orders batches by author and digest; these travel on their own. Its hash
/// is the block's.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct Header {
    #[serde(skip)]
    pub version: FormatVersion,
    pub epoch: Epoch,
    pub view: View,
    pub height: Height,
    /// The parent's hash; for the first block the genesis block's.
    pub parent: Hash,
    pub parent_view: View,
    /// The batches, in the order in which they are executed.
    pub payload: Vec<BatchRef>,
    /// Later than the parent's. Contracts see it as the time.
    pub timestamp: TimestampMs,
    pub proposer: ValidatorIndex,
}

impl Header {
    /// The block that stands for the genesis: height 0, view 0. Its parent field carries the genesis hash.
    pub fn genesis(genesis_hash: Hash, timestamp: TimestampMs) -> Self {
        Self {
            version: FormatVersion::V1,
            epoch: Epoch::ZERO,
            view: View::ZERO,
            height: Height::ZERO,
            parent: genesis_hash,
            parent_view: View::ZERO,
            payload: Vec::new(),
            timestamp,
            proposer: ValidatorIndex::ZERO,
        }
    }

    pub fn hash(&self) -> Hash {
        Hash::of(Domain::Block, self)
    }
}

/// A leader's message: the block, why it may stand on its parent, and the batches small enough to ride along.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    pub header: Header,
    pub justification: Justification,
    /// Batches of the payload that are sent with it; each is in `header.payload`.
    pub inline: Vec<SignedBatch>,
    /// The proposer's, over epoch, view and block hash. Justification and batches carry their own signatures.
    pub signature: Signature,
}

impl Proposal {
    pub fn new(
        context: &SigningContext,
        header: Header,
        justification: Justification,
        inline: Vec<SignedBatch>,
        key: &SecretKey,
    ) -> Self {
        let signature = key.sign(&Self::signing_bytes(context, &header));
        Self { header, justification, inline, signature }
    }

    /// Whether the signature is that of the validator the header names as its proposer.
    pub fn is_signed(&self, context: &SigningContext, validators: &ValidatorSet) -> bool {
        Self::is_header_signed(&self.header, &self.signature, context, validators)
    }

    /// The same for a header and a signature without the rest.
    pub fn is_header_signed(
        header: &Header,
        signature: &Signature,
        context: &SigningContext,
        validators: &ValidatorSet,
    ) -> bool {
        validators.get(header.proposer).is_some_and(|proposer| {
            proposer.key.verifies(&Self::signing_bytes(context, header), signature)
        })
    }

    /// The bytes that the proposer signs.
    pub fn signing_bytes(context: &SigningContext, header: &Header) -> Vec<u8> {
        context.bytes(Domain::ProposalSignature, header.view, &header.hash())
    }
}
