//! Batches: the transactions that one validator admitted, in its order, under its signature.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;
use thiserror::Error;

use crate::codec::{self, FormatVersion};
use crate::hash::{Domain, Hash};
use crate::id::ValidatorIndex;
use crate::key::{SecretKey, Signature, SignatureBatch};
use crate::limits;
use crate::system::SystemAction;
use crate::transaction::{SignedTransaction, TransactionError};
use crate::validators::ValidatorSet;
use crate::verified::Verified;

#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Batch {
    pub version: FormatVersion,
    pub author: ValidatorIndex,
    /// Grows with every batch of this author, over restarts too; not without gaps. Leaders include an author's
    /// batches in this order, so that a sender's nonces stay in order.
    pub sequence: u64,
    pub transactions: Vec<SignedTransaction>,
    /// What the author asks of the chain itself; after the block's transactions.
    pub system: Vec<SystemAction>,
}

/// A batch as a block names it. The author stands beside the digest, so that whoever lacks the batch knows whom to
/// ask, and whom to blame. A block that names the wrong author is invalid.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize, Serialize,
)]
#[serde(rename_all = "camelCase")]
pub struct BatchRef {
    pub author: ValidatorIndex,
    pub digest: Hash,
}

impl Batch {
    /// The name under which peers ask for the batch.
    pub fn digest(&self) -> Hash {
        Hash::of(Domain::Batch, self)
    }

    /// Signs for the chain whose genesis hash is `chain`.
    pub fn sign(self, chain: &Hash, key: &SecretKey) -> SignedBatch {
        let signature = key.sign(&signing_bytes(chain, &self.digest()));
        SignedBatch { batch: self, signature }
    }
}

/// A batch and its author's signature; not yet checked.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedBatch {
    pub batch: Batch,
    pub signature: Signature,
}

impl SignedBatch {
    pub fn digest(&self) -> Hash {
        self.batch.digest()
    }

    /// What a block writes down of it.
    pub fn reference(&self) -> BatchRef {
        BatchRef { author: self.batch.author, digest: self.digest() }
    }

    pub fn encoded_length(&self) -> usize {
        codec::encode(self).len()
    }

    /// Checks caps, the author's signature and every transaction's, all signatures at once.
    pub fn verify(
        self,
        chain: &Hash,
        validators: &ValidatorSet,
    ) -> Result<Verified<Self>, BatchError> {
        let count = self.batch.transactions.len();
        let system = self.batch.system.len();
        if count + system == 0 || count > limits::BATCH_TRANSACTIONS_MAX {
            return Err(BatchError::Count(count));
        }
        if system > limits::BATCH_SYSTEM_ACTIONS_MAX {
            return Err(BatchError::SystemCount(system));
        }
        for SystemAction::Evidence(bytes) in &self.batch.system {
            if bytes.len() > limits::EVIDENCE_BYTES_MAX {
                return Err(BatchError::Evidence(bytes.len()));
            }
        }
        let length = self.encoded_length();
        if length > limits::BATCH_BYTES_MAX {
            return Err(BatchError::TooLong(length));
        }
        let author = validators
            .get(self.batch.author)
            .ok_or(BatchError::UnknownAuthor(self.batch.author))?;
        let mut signatures = SignatureBatch::default();
        signatures.push(&author.key, &signing_bytes(chain, &self.digest()), &self.signature);
        for signed in &self.batch.transactions {
            signed.transaction().check_limits()?;
            signed.queue(&mut signatures);
            signed.names();
        }
        if signatures.verify() {
            return Ok(Verified::new(self));
        }
        match signatures.invalid().first() {
            Some(0) | None => Err(BatchError::AuthorSignature),
            Some(position) => Err(BatchError::TransactionSignature(position - 1)),
        }
    }
}

fn signing_bytes(chain: &Hash, digest: &Hash) -> Vec<u8> {
    [&Domain::BatchSignature.tag()[..], &chain.0, &digest.0].concat()
}

/// Why a batch is refused.
#[derive(Debug, Error)]
pub enum BatchError {
    #[error("the batch holds {0} transactions; it must hold 1 to 2048")]
    Count(usize),
    #[error("the batch holds {0} system actions; it may hold 4")]
    SystemCount(usize),
    #[error("the batch's evidence has {0} bytes, more than evidence may have")]
    Evidence(usize),
    #[error("the batch has {0} bytes, more than a batch may have")]
    TooLong(usize),
    #[error("the batch's author, validator {0}, is not in the set")]
    UnknownAuthor(ValidatorIndex),
    #[error("the batch's signature is not its author's")]
    AuthorSignature,
    #[error("the signature of the batch's transaction {0} is invalid")]
    TransactionSignature(usize),
    #[error(transparent)]
    Transaction(#[from] TransactionError),
}
