//! What validators say to each other.

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::codec::{self, DecodeError};
use primitives::{CommitCertificate, Hash, Header, Height, SignedBatch, limits};

/// How urgent a message is; the transport keeps the classes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Vote,
    Proposal,
    Bulk,
}

/// Batches, as an answer.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BatchList(pub Vec<SignedBatch>);

/// Consecutive committed blocks with their batches; the certificate is the last one's.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SyncBlocks {
    pub blocks: Vec<(Header, Vec<SignedBatch>)>,
    pub certificate: CommitCertificate,
}

/// One message between two validators.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Message {
    Consensus(consensus::Message),
    BatchRequest {
        digests: Vec<Hash>,
    },
    Batches(BatchList),
    /// Asks for committed blocks above a height.
    SyncRequest {
        above: Height,
    },
    Sync(Box<SyncBlocks>),
}

impl Message {
    pub fn class(&self) -> Class {
        match self {
            Self::Consensus(consensus::Message::Proposal(_)) => Class::Proposal,
            Self::Consensus(_) => Class::Vote,
            Self::BatchRequest { .. } | Self::SyncRequest { .. } => Class::Proposal,
            Self::Batches(_) | Self::Sync(_) => Class::Bulk,
        }
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, limits::MESSAGE_BYTES_MAX)
    }
}
