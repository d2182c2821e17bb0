//! Counting votes: lazily verified, when a quorum is there, in one batch.

use std::collections::BTreeMap;

use primitives::certificate::CertificateError;
use primitives::key::SignatureBatch;
use primitives::{Signature, Signatures, SigningContext, ValidatorIndex, ValidatorSet, Vote};

use crate::rules::Rule;

/// The signatures of a quorum over one statement. Votes for which `counts` is false are left aside; votes with an
/// invalid signature are removed from `votes` and their senders added to `liars`.
pub fn quorum<V: Copy>(
    votes: &mut BTreeMap<ValidatorIndex, V>,
    counts: impl Fn(&V) -> bool,
    into_vote: impl Fn(V) -> Vote,
    context: &SigningContext,
    validators: &ValidatorSet,
    liars: &mut Vec<ValidatorIndex>,
) -> Option<Vec<(ValidatorIndex, V, Signature)>> {
    let needed = validators.quorum() - usize::from(!Rule::Quorum.holds());
    let mut batch = SignatureBatch::default();
    let mut counted = Vec::new();
    for (signer, vote) in votes.iter().filter(|(_, vote)| counts(vote)) {
        counted.push((*signer, *vote, *into_vote(*vote).signature()));
    }
    if counted.len() < needed {
        return None;
    }
    for (signer, vote, signature) in &counted {
        if let Some(validator) = validators.get(*signer) {
            batch.push(&validator.key, &into_vote(*vote).signing_bytes(context), signature);
        }
    }
    let invalid = if Rule::VotesVerified.holds() { batch.invalid() } else { Vec::new() };
    for liar in invalid.iter().filter_map(|position| counted.get(*position)) {
        votes.remove(&liar.0);
        liars.push(liar.0);
    }
    let mut position = 0;
    counted.retain(|_| {
        position += 1;
        invalid.binary_search(&(position - 1)).is_err()
    });
    (counted.len() >= needed).then_some(counted)
}

/// A quorum's signatures without its votes, which all say the same.
pub fn signatures<V>(quorum: Vec<(ValidatorIndex, V, Signature)>) -> Signatures {
    Signatures(quorum.into_iter().map(|(signer, _, signature)| (signer, signature)).collect())
}

/// Whether a certificate from outside, so checked, proves what it says.
pub fn proves(checked: Result<(), CertificateError>) -> bool {
    match checked {
        Ok(()) => true,
        Err(CertificateError::Count { .. }) => !Rule::CertificateQuorum.holds(),
        Err(CertificateError::Order) => !Rule::CertificateSigners.holds(),
        Err(CertificateError::Signature(_)) => !Rule::CertificateSignatures.holds(),
        Err(CertificateError::Epoch { .. } | CertificateError::UnknownSigner(_)) => false,
    }
}
