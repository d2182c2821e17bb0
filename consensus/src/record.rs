//! What must be on disk before a message leaves.

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::{View, Vote};

use crate::evidence::{Evidence, SignedHeader};
use crate::message::Certificate;

/// One record of the vote log. Replaying all of them, in order, restores what this validator may never forget.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Record {
    /// An own proposal, or the one that an own prepare vote covers. Its justification's certificates are records of
    /// their own, and its batches are logged by whoever holds the payload.
    Proposal(Box<SignedHeader>),
    /// An own vote.
    Vote(Vote),
    /// A certificate that entered a view, or a commit certificate.
    Certificate(Box<Certificate>),
    Evidence(Box<Evidence>),
    /// The owner may sign in the views above this one. 0 in the log of a validator that has never signed; a log
    /// without such a record is of a validator that has lost what it signed, see `rejoin.rs`.
    Floor(View),
}

impl Record {
    /// The view it belongs to; records at or below the last committed view may be dropped. Evidence and the
    /// floor are kept.
    pub fn view(&self) -> Option<View> {
        match self {
            Self::Proposal(signed) => Some(signed.header.view),
            Self::Vote(vote) => Some(vote.view()),
            Self::Certificate(certificate) => Some(certificate.view()),
            Self::Evidence(_) | Self::Floor(_) => None,
        }
    }
}
