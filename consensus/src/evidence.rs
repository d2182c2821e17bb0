//! Two signed messages of one validator that no honest one signs together.

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::codec::{self, DecodeError};
use primitives::{
    Epoch, Hash, Header, Signature, SigningContext, ValidatorIndex, ValidatorSet, View, Vote,
    limits,
};

/// A header and its proposer's signature, without what travelled along.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedHeader {
    pub header: Header,
    pub signature: Signature,
}

/// The proof of a fault, with both messages.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Evidence {
    /// Two proposals in one view.
    Proposals(SignedHeader, SignedHeader),
    /// Two prepares, two commits, commit with timeout, two timeouts, or a timeout that denies a prepare.
    Votes(Vote, Vote),
}

impl Evidence {
    pub fn culprit(&self) -> ValidatorIndex {
        match self {
            Self::Proposals(first, _) => first.header.proposer,
            Self::Votes(first, _) => first.signer(),
        }
    }

    pub fn view(&self) -> View {
        match self {
            Self::Proposals(first, _) => first.header.view,
            Self::Votes(first, _) => first.view(),
        }
    }

    pub fn epoch(&self) -> Epoch {
        match self {
            Self::Proposals(first, _) => first.header.epoch,
            Self::Votes(first, _) => first.epoch(),
        }
    }

    /// What was signed, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Proposals(..) => "two proposals in one view",
            Self::Votes(Vote::Prepare(_), Vote::Prepare(_)) => "two prepare votes in one view",
            Self::Votes(Vote::Commit(_), Vote::Commit(_)) => "two commit votes in one view",
            Self::Votes(Vote::Timeout(_), Vote::Timeout(_)) => "two timeout votes in one view",
            Self::Votes(Vote::Commit(_), Vote::Timeout(_))
            | Self::Votes(Vote::Timeout(_), Vote::Commit(_)) => {
                "a commit vote and a timeout vote in one view"
            }
            Self::Votes(..) => "a timeout vote that denies a prepare vote",
        }
    }

    /// Reads the bytes of [`primitives::SystemAction::Evidence`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, limits::EVIDENCE_BYTES_MAX)
    }

    /// Whether it convicts: both of one validator, view and this epoch, in conflict, both signatures valid; and short
    /// enough for the chain, which honest pairs of messages always are.
    pub fn verify(&self, context: &SigningContext, validators: &ValidatorSet) -> bool {
        if self.epoch() != context.epoch || codec::encode(self).len() > limits::EVIDENCE_BYTES_MAX {
            return false;
        }
        match self {
            Self::Proposals(first, second) => {
                let same_place = first.header.proposer == second.header.proposer
                    && first.header.view == second.header.view
                    && first.header.epoch == second.header.epoch
                    && first.header != second.header;
                same_place
                    && [first, second].into_iter().all(|signed| {
                        primitives::Proposal::is_header_signed(
                            &signed.header,
                            &signed.signature,
                            context,
                            validators,
                        )
                    })
            }
            Self::Votes(first, second) => {
                first.signer() == second.signer()
                    && conflict(first, second)
                    && [first, second].into_iter().all(|vote| {
                        validators.get(vote.signer()).is_some_and(|validator| {
                            validator.key.verifies(&vote.signing_bytes(context), vote.signature())
                        })
                    })
            }
        }
    }
}

/// Whether no honest validator signs both. A timeout's statement of what was prepared must agree with the
/// prepare; a commit excludes a timeout.
pub fn conflict(first: &Vote, second: &Vote) -> bool {
    if first.view() != second.view() || first.epoch() != second.epoch() {
        return false;
    }
    match (first, second) {
        (Vote::Prepare(a), Vote::Prepare(b)) => a.block != b.block,
        (Vote::Commit(a), Vote::Commit(b)) => (a.block, a.result) != (b.block, b.result),
        (Vote::Timeout(a), Vote::Timeout(b)) => a.prepared != b.prepared,
        (Vote::Commit(_), Vote::Timeout(_)) | (Vote::Timeout(_), Vote::Commit(_)) => true,
        (Vote::Prepare(prepare), Vote::Timeout(timeout))
        | (Vote::Timeout(timeout), Vote::Prepare(prepare)) => {
            denies(timeout.prepared, prepare.block)
        }
        (Vote::Prepare(_), Vote::Commit(_)) | (Vote::Commit(_), Vote::Prepare(_)) => false,
    }
}

fn denies(stated: Option<Hash>, prepared: Hash) -> bool {
    stated != Some(prepared)
}
