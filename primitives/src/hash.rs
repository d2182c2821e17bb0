//! Domain-separated BLAKE3.
//!
//! Every hash is `BLAKE3(tag ‖ bytes)` with a tag of exactly 16 bytes that names what is hashed, so that no
//! byte string means two things. The inner nodes of the state tree are the one exception: they hash exactly
//! 64 bytes (one compression) and are told apart by length; see the `state` crate.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::codec;

/// What a hash is of. The tag is part of the protocol: changing one is a hard fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    Address,
    /// Compiled code in a node's own cache; no matter of the chain.
    Artifact,
    ContractAddress,
    Batch,
    BatchSignature,
    Block,
    Code,
    ExecutionResult,
    Genesis,
    Gossip,
    PrepareVote,
    CommitVote,
    TimeoutVote,
    ProposalSignature,
    Receipt,
    ReceiptNode,
    StateLeaf,
    StatePath,
    StateValue,
    Transaction,
    TransactionSignature,
    ValidatorSet,
}

impl Domain {
    /// The 16 bytes that stand before the hashed bytes.
    pub const fn tag(self) -> &'static [u8; 16] {
        match self {
            Self::Address => b"quorate:address:",
            Self::Artifact => b"quorate:artifact",
            Self::ContractAddress => b"quorate:contract",
            Self::Batch => b"quorate:batch:::",
            Self::BatchSignature => b"quorate:sig:batc",
            Self::Block => b"quorate:block:::",
            Self::Code => b"quorate:code::::",
            Self::ExecutionResult => b"quorate:result::",
            Self::Genesis => b"quorate:genesis:",
            Self::Gossip => b"quorate:gossip::",
            Self::PrepareVote => b"quorate:sig:prep",
            Self::CommitVote => b"quorate:sig:comm",
            Self::TimeoutVote => b"quorate:sig:time",
            Self::ProposalSignature => b"quorate:sig:prop",
            Self::Receipt => b"quorate:receipt:",
            Self::ReceiptNode => b"quorate:rcptnode",
            Self::StateLeaf => b"quorate:leaf::::",
            Self::StatePath => b"quorate:path::::",
            Self::StateValue => b"quorate:value:::",
            Self::Transaction => b"quorate:tx::::::",
            Self::TransactionSignature => b"quorate:sig:tx::",
            Self::ValidatorSet => b"quorate:valset::",
        }
    }
}

/// Bytes that are copied together to be hashed.
const SHORT_BYTES_MAX: usize = 512;

/// A 32-byte BLAKE3 digest; lowercase `0x` hex in JSON.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The parent of the genesis block, and the root of nothing.
    pub const ZERO: Self = Self([0; 32]);

    /// The hash of raw bytes in a domain.
    pub fn of_bytes(domain: Domain, bytes: &[u8]) -> Self {
        Self::of_parts(domain, &[bytes])
    }

    /// The hash of the concatenated parts in a domain. The caller sees to it that the parts have fixed
    /// lengths or carry their own.
    pub fn of_parts(domain: Domain, parts: &[&[u8]]) -> Self {
        // One piece of memory is hashed in half of the time that a stream takes to set up.
        let mut joined = [0; SHORT_BYTES_MAX];
        let mut length = 0;
        for part in [&domain.tag()[..]].iter().chain(parts) {
            if let Some(place) = joined.get_mut(length..length + part.len()) {
                place.copy_from_slice(part);
            }
            length += part.len();
        }
        if let Some(joined) = joined.get(..length) {
            return Self(*blake3::hash(joined).as_bytes());
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(domain.tag());
        for part in parts {
            hasher.update(part);
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// The hash of a value's canonical encoding in a domain.
    pub fn of<T: BorshSerialize>(domain: Domain, value: &T) -> Self {
        Self::of_bytes(domain, &codec::encode(value))
    }

    /// The first four bytes in hex, for logs.
    pub fn short(&self) -> String {
        let [a, b, c, d, ..] = self.0;
        hex::encode([a, b, c, d])
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.short())
    }
}

codec::hex_text!(Hash, 32);
