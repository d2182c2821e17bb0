//! Two signed messages of one validator that no honest one signs together.

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::{
    Hash, Header, Signature, SigningContext, ValidatorIndex, ValidatorSet, View, Vote,
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

    /// Whether it convicts: both of one validator and view, in conflict, both signatures valid.
    pub fn verify(&self, context: &SigningContext, validators: &ValidatorSet) -> bool {
        match self {
            Self::Proposals(first, second) => {
                let same_place = first.header.proposer == second.header.proposer
                    && first.header.view == second.header.view
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
