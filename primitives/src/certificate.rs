//! Certificates: a quorum's signatures over one statement, as a list in the order of the validators. A list
//! names its signers, so that a conflicting pair convicts.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;
use thiserror::Error;

use crate::hash::Hash;
use crate::id::{Epoch, ValidatorIndex, View};
use crate::key::{Signature, SignatureBatch};
use crate::validators::ValidatorSet;
use crate::vote::{self, ExecutionResult, SigningContext};

/// Signatures with their signers, strictly ascending. There is one encoding of a set of signatures, and no
/// room for padding.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct Signatures(pub Vec<(ValidatorIndex, Signature)>);

/// q prepare votes for one block in one view.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct PrepareCertificate {
    pub epoch: Epoch,
    pub view: View,
    pub block: Hash,
    pub signatures: Signatures,
}

/// q commit votes for one block and one result: the block and all its ancestors are final.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct CommitCertificate {
    pub epoch: Epoch,
    pub view: View,
    pub block: Hash,
    pub result: ExecutionResult,
    pub signatures: Signatures,
}

/// q timeout votes for one view: nothing can be committed in it. Each signer states what it had prepared.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct TimeoutCertificate {
    pub epoch: Epoch,
    pub view: View,
    pub signatures: Vec<(ValidatorIndex, Option<Hash>, Signature)>,
}

/// Proof that a block may be built upon.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ParentCertificate {
    /// The parent is the genesis block.
    Genesis,
    Prepare(PrepareCertificate),
    /// Held by a node that caught up and never saw the prepares.
    Commit(CommitCertificate),
}

impl ParentCertificate {
    /// View and block that it certifies; `genesis` is the genesis block's hash.
    pub fn target(&self, genesis: Hash) -> (View, Hash) {
        match self {
            Self::Genesis => (View::ZERO, genesis),
            Self::Prepare(certificate) => (certificate.view, certificate.block),
            Self::Commit(certificate) => (certificate.view, certificate.block),
        }
    }
}

/// Why a proposal may stand where it stands: its parent's certificate, and a timeout certificate for every
/// view between the parent's and its own, ascending.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Justification {
    pub parent: ParentCertificate,
    pub timeouts: Vec<TimeoutCertificate>,
}

/// Why a certificate proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CertificateError {
    #[error("the certificate is of epoch {got}, not {expected}")]
    Epoch { got: Epoch, expected: Epoch },
    #[error("the certificate has {got} signatures; a quorum is {quorum} of {validators}")]
    Count { got: usize, quorum: usize, validators: usize },
    #[error("the certificate's signers are not strictly ascending")]
    Order,
    #[error("the certificate names validator {0}, who is not in the set")]
    UnknownSigner(ValidatorIndex),
    #[error("the certificate's signature of validator {0} is invalid")]
    Signature(ValidatorIndex),
}

impl PrepareCertificate {
    pub fn verify(
        &self,
        context: &SigningContext,
        validators: &ValidatorSet,
    ) -> Result<(), CertificateError> {
        let message = vote::prepare_bytes(context, self.view, &self.block);
        let signed = self
            .signatures
            .0
            .iter()
            .map(|(signer, signature)| (*signer, message.as_slice(), signature));
        verify(self.epoch, context, validators, signed)
    }
}

impl CommitCertificate {
    pub fn verify(
        &self,
        context: &SigningContext,
        validators: &ValidatorSet,
    ) -> Result<(), CertificateError> {
        let message = vote::commit_bytes(context, self.view, &self.block, &self.result);
        let signed = self
            .signatures
            .0
            .iter()
            .map(|(signer, signature)| (*signer, message.as_slice(), signature));
        verify(self.epoch, context, validators, signed)
    }
}

impl TimeoutCertificate {
    pub fn verify(
        &self,
        context: &SigningContext,
        validators: &ValidatorSet,
    ) -> Result<(), CertificateError> {
        let bytes =
            |prepared: &Option<Hash>| vote::timeout_bytes(context, self.view, prepared.as_ref());
        let messages: Vec<_> =
            self.signatures.iter().map(|(_, prepared, _)| bytes(prepared)).collect();
        let signed = self
            .signatures
            .iter()
            .zip(&messages)
            .map(|((signer, _, signature), message)| (*signer, message.as_slice(), signature));
        verify(self.epoch, context, validators, signed)
    }
}

/// The rule of all three: the epoch, a quorum and not more than everybody, known signers in strictly
/// ascending order, every signature valid.
fn verify<'a>(
    epoch: Epoch,
    context: &SigningContext,
    validators: &ValidatorSet,
    signed: impl ExactSizeIterator<Item = (ValidatorIndex, &'a [u8], &'a Signature)>,
) -> Result<(), CertificateError> {
    if epoch != context.epoch {
        return Err(CertificateError::Epoch { got: epoch, expected: context.epoch });
    }
    let (quorum, count) = (validators.quorum(), signed.len());
    if !(quorum..=validators.len()).contains(&count) {
        let validators = validators.len();
        return Err(CertificateError::Count { got: count, quorum, validators });
    }
    let mut batch = SignatureBatch::default();
    let mut signers: Vec<ValidatorIndex> = Vec::with_capacity(count);
    for (signer, message, signature) in signed {
        if signers.last().is_some_and(|last| *last >= signer) {
            return Err(CertificateError::Order);
        }
        let key = &validators.get(signer).ok_or(CertificateError::UnknownSigner(signer))?.key;
        batch.push(key, message, signature);
        signers.push(signer);
    }
    match batch.invalid().first().and_then(|position| signers.get(*position)) {
        Some(signer) => Err(CertificateError::Signature(*signer)),
        None => Ok(()),
    }
}
