//! Conflicting pairs convict, however late and wherever their second half comes from.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper that fails fails its test"
)]

mod world;

use primitives::{Hash, TimestampMs, ValidatorIndex, View, Vote};
use quorate_consensus as consensus;
use quorate_consensus::{Certificate, Effect, Evidence, Input, Message, Record};
use world::*;

/// The culprits of the evidence that a step brought.
fn accused(effects: &[Effect]) -> Vec<u16> {
    let culprit = |effect: &Effect| match effect {
        Effect::Evidence(evidence) => Some(evidence.culprit().0),
        _ => None,
    };
    effects.iter().filter_map(culprit).collect()
}

/// The second half of a pair may come after the view was left, or inside a certificate.
#[test]
fn a_pair_convicts_after_its_view_was_left_and_out_of_a_certificate() {
    let world = World::new();
    let (block, mut other) = (world.block(1), world.block(1));
    other.timestamp = TimestampMs(START_MS + 1);
    let mut core = world.core(0, Vec::new());
    offer(&mut core, at(1), world.proposal(block.clone(), Vec::new()), &block);
    for signer in [1, 2] {
        core.step(at(2), vote(world.prepare(signer, 1, block.hash())));
    }
    assert_eq!(core.status(2).view, View(2), "the view is left");
    let late = core.step(at(3), vote(world.prepare(2, 1, other.hash())));
    assert_eq!(accused(&late), [2]);

    let mut core = world.core(0, Vec::new());
    core.step(at(1), gives_up(world.timeout(3, 1)));
    let prepared = world.prepare_certificate(1, block.hash(), &[1, 2, 3]);
    let effects = core.step(at(2), certificate(1, Certificate::Prepare(prepared)));
    assert_eq!(accused(&effects), [3]);
}

/// And after the view was committed: commit with timeout, the pair that forks.
#[test]
fn a_timeout_after_the_commit_of_its_view_convicts() {
    let world = World::new();
    let (mut core, block, _) = world.executed();
    let mut finals = Vec::new();
    for signer in [1, 2] {
        let commit = world.commit(signer, 1, block.hash(), result());
        finals.extend(core.step(at(4), vote(commit)));
    }
    assert!(finals.iter().any(|effect| matches!(effect, Effect::Commit { .. })));
    let (late, reason) = (world.timeout(2, 1), consensus::TimeoutReason::NoProposal);
    let message = Message::Timeout { vote: late, reason, committed: View(1) };
    let effects = core.step(at(5), Input::Message { from: ValidatorIndex(2), message });
    assert_eq!(accused(&effects), [2]);
}

/// Evidence is verified, logged before it is passed on, and passed on once; a restart remembers it.
#[test]
fn evidence_is_passed_on_once_and_a_false_accusation_is_misbehaviour() {
    let world = World::new();
    let (first, second) = (Hash([1; 32]), Hash([2; 32]));
    let pair = |view| (world.prepare(2, view, first), world.prepare(2, view, second));
    let evidence = |(first, second)| Box::new(Evidence::Votes(first, second));
    let tell =
        |evidence| Input::Message { from: ValidatorIndex(1), message: Message::Evidence(evidence) };
    let mut core = world.core(0, Vec::new());
    let known = evidence(pair(7));
    let effects = core.step(at(1), tell(known.clone()));
    assert_eq!(accused(&effects), [2]);
    let kept = Effect::Persist(Record::Evidence(known.clone()));
    let passed_on = Effect::Broadcast(Message::Evidence(known.clone()));
    let position = |wanted: &Effect| effects.iter().position(|effect| effect == wanted);
    assert!(position(&kept).unwrap() < position(&passed_on).unwrap());
    assert_eq!(core.step(at(2), tell(known.clone())), [], "once");

    let mut again = world.core(0, records(&effects));
    assert_eq!(again.step(at(3), tell(known)), [], "over a restart too");

    let misbehaved =
        |effects: &[Effect]| effects.iter().any(|e| matches!(e, Effect::Misbehaviour { .. }));
    let (one, _) = pair(8);
    let harmless = core.step(at(4), tell(evidence((one, one))));
    assert!(accused(&harmless).is_empty() && misbehaved(&harmless));
    let (one, Vote::Prepare(mut forged)) = pair(9) else { panic!("a prepare") };
    forged.signature.0[0] ^= 1;
    let forged = core.step(at(4_000), tell(evidence((one, Vote::Prepare(forged)))));
    assert!(accused(&forged).is_empty() && misbehaved(&forged));

    for view in 10..100 {
        core.step(at(10_000), tell(evidence(pair(view))));
    }
    assert_eq!(core.evidence().count(), primitives::limits::EVIDENCE_PER_VALIDATOR_MAX);
}

/// Whoever sends rubbish is not listened to for a while, and said so once.
#[test]
fn the_messages_of_a_banned_validator_are_not_taken() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    let hash = Hash([1; 32]);
    let lie = |signer| Input::Message {
        from: ValidatorIndex(3),
        message: Message::Vote(world.prepare(signer, 1, hash)),
    };
    let effects = core.step(at(1), lie(2));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Misbehaviour { .. })));
    assert_eq!(core.step(at(2), lie(2)), [], "said once");
    core.step(at(3), lie(3));
    assert!(core.status(3).prepares.is_empty(), "a banned validator's own vote");
    assert_eq!(core.status(3).bans.len(), 1);
    core.step(at(1_500), lie(3));
    assert_eq!(core.status(1_500).prepares, [ValidatorIndex(3)], "the ban is over");
}
