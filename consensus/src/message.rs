//! What validators say to each other about agreement. The transport tells who speaks.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::{
    CommitCertificate, Hash, Header, PrepareCertificate, Proposal, Signature, TimeoutCertificate,
    TimeoutVote, ValidatorIndex, View, Vote,
};

use crate::evidence::Evidence;

/// Any certificate.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Certificate {
    Prepare(PrepareCertificate),
    Commit(CommitCertificate),
    Timeout(TimeoutCertificate),
}

impl Certificate {
    pub fn view(&self) -> View {
        match self {
            Self::Prepare(certificate) => certificate.view,
            Self::Commit(certificate) => certificate.view,
            Self::Timeout(certificate) => certificate.view,
        }
    }
}

/// Why a validator gave a view up. A hint for people: it is not signed, and decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum TimeoutReason {
    /// The leader proposed nothing in time.
    NoProposal,
    /// The leader has been silent while a quorum was active.
    SilentLeader,
    /// A batch of the proposal could not be had: its author withholds it, or the leader names what does not exist.
    MissingBatch { author: ValidatorIndex },
    /// The block that the proposal builds upon could not be had.
    MissingParent,
    /// The proposal breaks a rule.
    InvalidProposal,
    /// The proposal's timestamp is too far ahead of this validator's clock.
    Clock,
    /// The proposal was fine, but no quorum prepared it in time.
    NoQuorum,
    /// enough others had given it up.
    Joined,
}

impl fmt::Display for TimeoutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProposal => f.write_str("the leader proposed nothing in time"),
            Self::SilentLeader => f.write_str("the leader is silent while a quorum is active"),
            Self::MissingBatch { author } => {
                write!(f, "a batch of validator {author} in the proposal is missing")
            }
            Self::MissingParent => f.write_str("the proposal's parent block is missing"),
            Self::InvalidProposal => f.write_str("the proposal breaks a rule"),
            Self::Clock => f.write_str("the proposal's timestamp is ahead of this clock"),
            Self::NoQuorum => f.write_str("no quorum prepared the proposal in time"),
            Self::Joined => f.write_str("enough others had given it up"),
        }
    }
}

/// One message between two validators.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Message {
    Proposal(Box<Proposal>),
    /// A prepare or commit vote, always the sender's own.
    Vote(Vote),
    /// The sender's own timeout vote, why, and the last view it has committed.
    Timeout {
        vote: TimeoutVote,
        reason: TimeoutReason,
        committed: View,
    },
    /// The answer to a late timeout or to a request.
    Certificate(Box<Certificate>),
    /// Asks for the certificates of the views `from..=to`.
    CertificateRequest {
        from: View,
        to: View,
    },
    /// Asks in which view the receiver is. The sender's vote log is gone; the answer repeats the number.
    ViewRequest {
        nonce: u64,
    },
    /// The answer to it: the certificate that entered the sender's view; none in the first view.
    ViewAnswer {
        nonce: u64,
        certificate: Option<Box<Certificate>>,
    },
    /// Asks for a block that a certificate names.
    BlockRequest {
        block: Hash,
    },
    /// The answer to it; with the proposer's signature while its view is open here, since two signed blocks of one
    /// view convict their proposer.
    Block {
        header: Box<Header>,
        signature: Option<Signature>,
    },
    /// A conflicting pair that the sender has come to know of; of any validator, sent once.
    Evidence(Box<Evidence>),
}
