//! What validators say to each other.

use borsh::{BorshDeserialize, BorshSerialize};
use consensus::Cost;
use primitives::codec::{self, DecodeError};
use primitives::{CommitCertificate, Hash, Header, Height, SignedBatch, limits};
use state::{Prefix, SnapshotHead};

use crate::snapshots::{Offers, PackedPieces};

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

/// Heights, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Range {
    pub first: Height,
    pub last: Height,
}

/// Consecutive committed blocks with their batches, and what proves them: the certificate of the last one, or of the
/// last above them where the blocks up to the next certificate are more than a message holds.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SyncBlocks {
    pub blocks: Vec<(Header, Vec<SignedBatch>)>,
    pub above: Vec<Header>,
    pub certificate: CommitCertificate,
}

/// What is asked about snapshots.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum SnapshotRequest {
    /// Which there are.
    Offers,
    /// What the one at a height begins with.
    Head(Height),
    /// What stands below these prefixes in the one at a height; at most [`limits::SNAPSHOT_PREFIXES_MAX`].
    Pieces { height: Height, prefixes: Vec<Prefix> },
}

/// The answer to it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum SnapshotAnswer {
    Offers(Offers),
    Head(Box<SnapshotHead>),
    /// Of the first prefixes asked for, as many as an answer holds and at least one.
    Pieces {
        height: Height,
        pieces: PackedPieces,
    },
    /// This one is not held, or not any more.
    Gone(Height),
}

/// One message between two validators.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Message {
    Consensus(consensus::Message),
    BatchRequest {
        digests: Vec<Hash>,
    },
    Batches(BatchList),
    /// Asks for committed blocks.
    SyncRequest(Range),
    /// The answer to it, from the first block asked for on.
    Sync(Box<SyncBlocks>),
    /// The other answer: the sender has not committed the first block asked for, or keeps blocks from a floor above it.
    SyncNothing {
        first: Height,
        floor: Height,
    },
    SnapshotRequest(SnapshotRequest),
    Snapshot(SnapshotAnswer),
}

impl SnapshotRequest {
    /// Whether an honest validator could ask this.
    pub fn is_sound(&self) -> bool {
        match self {
            Self::Offers | Self::Head(_) => true,
            Self::Pieces { prefixes, .. } => {
                (1..=limits::SNAPSHOT_PREFIXES_MAX).contains(&prefixes.len())
                    && prefixes.iter().all(Prefix::is_valid)
            }
        }
    }
}

impl Message {
    pub fn class(&self) -> Class {
        match self {
            Self::Consensus(consensus::Message::Proposal(_)) => Class::Proposal,
            Self::Consensus(_) => Class::Vote,
            Self::BatchRequest { .. } | Self::SyncRequest(_) => Class::Proposal,
            Self::SyncNothing { .. } | Self::SnapshotRequest(_) => Class::Proposal,
            Self::Batches(_) | Self::Sync(_) | Self::Snapshot(_) => Class::Bulk,
        }
    }

    /// What it costs to take; `None` for consensus, which counts its own.
    pub(crate) fn cost(&self) -> Option<Cost> {
        match self {
            Self::Consensus(_) => None,
            Self::BatchRequest { .. }
            | Self::SyncRequest(_)
            | Self::SyncNothing { .. }
            | Self::SnapshotRequest(_) => Some(Cost::Request),
            Self::Batches(_) | Self::Sync(_) | Self::Snapshot(_) => Some(Cost::Bulk),
        }
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, limits::MESSAGE_BYTES_MAX)
    }
}
