//! A certificate is a quorum's signatures over one statement, and nothing else passes for one.

use quorate_primitives::certificate::CertificateError;
use quorate_primitives::{
    CommitCertificate, CommitVote, Epoch, ExecutionResult, Hash, Height, PrepareCertificate,
    PrepareVote, SecretKey, Signature, Signatures, SigningContext, TimeoutCertificate, TimeoutVote,
    Validator, ValidatorIndex, ValidatorSet, View,
};

const VALIDATORS: u16 = 7;
const QUORUM: u16 = 5;
const BLOCK: Hash = Hash([2; 32]);
const CONTEXT: SigningContext = SigningContext { chain: Hash([1; 32]), epoch: Epoch(3) };
const VIEW: View = View(9);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Prepare,
    Commit,
    Timeout,
}

const KINDS: [Kind; 3] = [Kind::Prepare, Kind::Commit, Kind::Timeout];

fn key(index: u16) -> SecretKey {
    SecretKey::from_seed([u8::try_from(index + 1).expect("few validators"); 32])
}

fn validators() -> ValidatorSet {
    let validator = |index| Validator { name: format!("v{index}"), key: key(index).public_key() };
    ValidatorSet::new((0..VALIDATORS).map(validator).collect()).expect("a valid set")
}

fn result() -> ExecutionResult {
    ExecutionResult {
        height: Height(5),
        state_root: Hash([3; 32]),
        receipts_root: Hash([4; 32]),
        next_validators: Hash([5; 32]),
    }
}

/// What each signer of a timeout states: every second one had prepared.
fn prepared(index: u16) -> Option<Hash> {
    (index % 2 == 1).then_some(BLOCK)
}

/// One validator's vote of a kind.
fn sign(kind: Kind, context: &SigningContext, view: View, index: u16) -> Signature {
    let (signer, key) = (ValidatorIndex(index), key(index));
    match kind {
        Kind::Prepare => PrepareVote::new(context, view, BLOCK, signer, &key).signature,
        Kind::Commit => CommitVote::new(context, view, BLOCK, result(), signer, &key).signature,
        Kind::Timeout => TimeoutVote::new(context, view, prepared(index), signer, &key).signature,
    }
}

type Signed = Vec<(ValidatorIndex, Signature)>;

/// Votes of these validators for the statement that [`verify`] expects.
fn signed(kind: Kind, indices: impl IntoIterator<Item = u16>) -> Signed {
    let vote = |index| (ValidatorIndex(index), sign(kind, &CONTEXT, VIEW, index));
    indices.into_iter().map(vote).collect()
}

fn verify(kind: Kind, epoch: Epoch, signed: Signed) -> Result<(), CertificateError> {
    let (validators, signatures, block, view) = (validators(), Signatures(signed), BLOCK, VIEW);
    match kind {
        Kind::Prepare => {
            PrepareCertificate { epoch, view, block, signatures }.verify(&CONTEXT, &validators)
        }
        Kind::Commit => CommitCertificate { epoch, view, block, result: result(), signatures }
            .verify(&CONTEXT, &validators),
        Kind::Timeout => {
            let state = |(signer, signature): (ValidatorIndex, Signature)| {
                (signer, prepared(signer.0), signature)
            };
            let signatures = signatures.0.into_iter().map(state).collect();
            TimeoutCertificate { epoch, view, signatures }.verify(&CONTEXT, &validators)
        }
    }
}

/// The answer to these signatures must be the same for all three kinds.
fn check(make: impl Fn(Kind) -> Signed, expected: &Result<(), CertificateError>) {
    for kind in KINDS {
        assert_eq!(verify(kind, CONTEXT.epoch, make(kind)), *expected, "{kind:?}");
    }
}

#[test]
fn every_quorum_is_enough() {
    assert_eq!(validators().quorum(), usize::from(QUORUM));
    for pattern in 0u32..1 << VALIDATORS {
        let indices: Vec<u16> = (0..VALIDATORS).filter(|index| pattern >> index & 1 == 1).collect();
        let got = indices.len();
        let (quorum, validators) = (usize::from(QUORUM), usize::from(VALIDATORS));
        let expected = if got >= quorum {
            Ok(())
        } else {
            Err(CertificateError::Count { got, quorum, validators })
        };
        check(|kind| signed(kind, indices.iter().copied()), &expected);
    }
}

#[test]
fn padding_is_refused() {
    let (quorum, validators) = (usize::from(QUORUM), usize::from(VALIDATORS));
    for padding in [0, VALIDATORS] {
        let got = validators + 1;
        let count = Err(CertificateError::Count { got, quorum, validators });
        check(|kind| signed(kind, (0..VALIDATORS).chain([padding])), &count);
    }
    let garbage = (ValidatorIndex(QUORUM), Signature([0; 64]));
    let error = Err(CertificateError::Signature(ValidatorIndex(QUORUM)));
    check(|kind| [signed(kind, 0..QUORUM), vec![garbage]].concat(), &error);
}

#[test]
fn signers_are_strictly_ascending() {
    for indices in [[0, 1, 2, 3, 3], [0, 0, 1, 2, 3], [1, 0, 2, 3, 4], [4, 3, 2, 1, 0]] {
        check(|kind| signed(kind, indices), &Err(CertificateError::Order));
    }
}

#[test]
fn strangers_are_refused() {
    let stranger = ValidatorIndex(VALIDATORS);
    let error = Err(CertificateError::UnknownSigner(stranger));
    check(|kind| signed(kind, (0..QUORUM - 1).chain([VALIDATORS])), &error);
    check(
        |kind| {
            let mut votes = signed(kind, 0..QUORUM);
            votes[4].0 = ValidatorIndex(u16::MAX);
            votes
        },
        &Err(CertificateError::UnknownSigner(ValidatorIndex(u16::MAX))),
    );
}

#[test]
fn another_epoch_is_refused_and_named() {
    for kind in KINDS {
        for epoch in [Epoch(2), Epoch(4)] {
            let error = CertificateError::Epoch { got: epoch, expected: CONTEXT.epoch };
            assert_eq!(verify(kind, epoch, signed(kind, 0..QUORUM)), Err(error), "{kind:?}");
        }
    }
}

/// A vote means one thing: in one chain, one epoch, one view, one phase.
#[test]
fn votes_for_something_else_do_not_count() {
    let chain = SigningContext { chain: Hash([9; 32]), ..CONTEXT };
    let epoch = SigningContext { epoch: Epoch(4), ..CONTEXT };
    for (context, view) in [(chain, VIEW), (epoch, VIEW), (CONTEXT, View(8)), (CONTEXT, View(10))] {
        for foreign in 0..QUORUM {
            check(
                |kind| {
                    let mut votes = signed(kind, 0..QUORUM);
                    votes[usize::from(foreign)].1 = sign(kind, &context, view, foreign);
                    votes
                },
                &Err(CertificateError::Signature(ValidatorIndex(foreign))),
            );
        }
    }
    for kind in KINDS {
        for other in KINDS.into_iter().filter(|other| *other != kind) {
            let error = Err(CertificateError::Signature(ValidatorIndex(0)));
            let votes = signed(other, 0..QUORUM);
            assert_eq!(verify(kind, CONTEXT.epoch, votes), error, "{other:?} as {kind:?}");
        }
    }
}

#[test]
fn the_first_invalid_signature_is_named() {
    for bad in 0..QUORUM {
        let named = ValidatorIndex(bad);
        check(
            |kind| {
                let mut votes = signed(kind, 0..QUORUM);
                votes[usize::from(bad)].1.0[40] ^= 1;
                votes
            },
            &Err(CertificateError::Signature(named)),
        );
    }
    check(
        |kind| {
            let mut votes = signed(kind, 0..QUORUM);
            (votes[1].1, votes[3].1) = (votes[3].1, votes[1].1);
            votes
        },
        &Err(CertificateError::Signature(ValidatorIndex(1))),
    );
}

#[test]
fn a_certificate_holds_for_its_statement_only() {
    let (context, validators) = (CONTEXT, validators());
    let refused = Err(CertificateError::Signature(ValidatorIndex(0)));
    let signatures = || Signatures(signed(Kind::Commit, 0..QUORUM));
    let commit = |view, block, result| {
        CommitCertificate { epoch: context.epoch, view, block, result, signatures: signatures() }
            .verify(&context, &validators)
    };
    assert_eq!(commit(VIEW, BLOCK, result()), Ok(()));
    assert_eq!(commit(View(8), BLOCK, result()), refused);
    assert_eq!(commit(VIEW, Hash([8; 32]), result()), refused);
    for other in [
        ExecutionResult { height: Height(6), ..result() },
        ExecutionResult { state_root: Hash([8; 32]), ..result() },
        ExecutionResult { receipts_root: Hash([8; 32]), ..result() },
        ExecutionResult { next_validators: Hash([8; 32]), ..result() },
    ] {
        assert_eq!(commit(VIEW, BLOCK, other), refused, "{other:?}");
    }
    // Each signer of a timeout certificate has stated what it prepared, and nobody can restate it.
    let votes = signed(Kind::Timeout, 0..QUORUM);
    for changed in 0..QUORUM {
        let state = |(signer, signature): &(ValidatorIndex, Signature)| {
            let honest = prepared(signer.0);
            let other = if honest.is_some() { None } else { Some(BLOCK) };
            (*signer, if signer.0 == changed { other } else { honest }, *signature)
        };
        let signatures = votes.iter().map(state).collect();
        let certificate = TimeoutCertificate { epoch: context.epoch, view: VIEW, signatures };
        let error = Err(CertificateError::Signature(ValidatorIndex(changed)));
        assert_eq!(certificate.verify(&context, &validators), error);
    }
}
