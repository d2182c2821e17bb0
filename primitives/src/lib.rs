//! The vocabulary of Quorate, in reading order: identifiers, hashes, keys, transactions, batches, blocks,
//! votes and certificates, receipts, the validator set, genesis, limits.
//!
//! Everything here is data and pure functions. All that is hashed, signed, stored or sent is encoded with
//! [`codec`]; the JSON forms (serde) are for people and RPC only and are never hashed.

pub mod batch;
pub mod block;
pub mod certificate;
pub mod codec;
pub mod genesis;
pub mod hash;
pub mod id;
pub mod key;
pub mod limits;
pub mod merkle;
pub mod receipt;
#[cfg(feature = "schema")]
mod schema;
pub mod state_key;
pub mod system;
pub mod transaction;
pub mod validators;
pub mod verified;
pub mod vote;

pub use batch::{Batch, BatchRef, SignedBatch};
pub use block::{Header, Proposal};
pub use certificate::{
    CommitCertificate, Justification, PrepareCertificate, Signatures, TimeoutCertificate,
};
pub use genesis::{ChainParameters, Genesis};
pub use hash::{Domain, Hash};
pub use id::{
    Address, Amount, ChainId, Epoch, Gas, Height, Nonce, TimestampMs, ValidatorIndex, View,
};
pub use key::{PublicKey, SecretKey, Signature, SignatureBatch};
pub use receipt::{Event, Receipt, Status};
pub use state_key::{Namespace, StateKey};
pub use system::SystemAction;
pub use transaction::{Action, SignedTransaction, Transaction};
pub use validators::{Validator, ValidatorSet};
pub use verified::Verified;
pub use vote::{CommitVote, ExecutionResult, PrepareVote, SigningContext, TimeoutVote, Vote};
