//! The rules of one validator, step by step. Those that guard against a bug of others are in `regressions.rs`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper that fails fails its test"
)]

mod world;

use primitives::certificate::ParentCertificate;
use primitives::{
    BatchRef, ExecutionResult, Hash, Header, Height, Justification, Signature, TimeoutVote,
    TimestampMs, ValidatorIndex, ValidatorSet, View, Vote,
};
use quorate_consensus::{
    Certificate, Core, Effect, Evidence, Input, Message, Payload, Record, TimeoutReason, Waiting,
};
use world::*;

/// A forged or short certificate justifies nothing.
#[test]
fn a_justification_is_verified() {
    let world = World::new();
    let block = world.block(2);
    let short = world.timeout_certificate(1, &[0, 1]);
    let twice = world.timeout_certificate(1, &[0, 1, 1]);
    let mut forged = world.timeout_certificate(1, &[0, 1, 2]);
    forged.signatures[2].2 = forged.signatures[1].2;
    for timeouts in [short, twice, forged] {
        let mut core = world.core(0, Vec::new());
        let proposal = world.proposal(block.clone(), vec![timeouts]);
        let effects = offer(&mut core, at(1), proposal, &block);
        assert_eq!(votes(&effects), []);
        let accused = |effect: &Effect| matches!(effect, Effect::Misbehaviour { .. });
        assert!(effects.iter().any(accused));
    }
}

/// What is held is a prepare certificate. It says nothing of the result that a commit certificate for the same block
/// claims, and nothing of whether it was committed.
#[test]
fn a_held_prepare_certificate_vouches_for_no_commit_certificate() {
    let world = World::new();
    let (mut core, block, _) = world.executed();
    let held = world.prepare_certificate(1, block.hash(), &[1, 2, 3]);
    core.step(at(3), certificate(3, Certificate::Prepare(held)));
    let next = world.child(2, &block);
    let forged = world.commit_certificate(1, block.hash(), result_at(7), &[2]);
    let justification =
        Justification { parent: ParentCertificate::Commit(forged), timeouts: Vec::new() };
    let effects = core.step(at(4), world.justified(next.clone(), justification));
    let harm = |effect: &&Effect| match effect {
        Effect::Persist(record) => matches!(record, Record::Certificate(_)),
        effect => matches!(effect, Effect::Commit { .. } | Effect::Stop { .. }),
    };
    assert_eq!(effects.iter().find(harm), None);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Misbehaviour { .. })));
    let genuine = world.commit_certificate(1, block.hash(), result(), &[1, 2, 3]);
    let parent = ParentCertificate::Commit(genuine);
    let good = Justification { parent, timeouts: Vec::new() };
    let (mut core, _, _) = world.executed();
    let effects = core.step(at(4), world.justified(next, good));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Commit { .. })));
}

#[test]
fn a_quorum_of_commits_over_one_result_is_final_and_over_two_results_is_not() {
    let world = World::new();
    let play = |results: [ExecutionResult; 2]| {
        let (mut core, block, mut effects) = world.executed();
        assert!(votes(&effects).iter().any(|vote| matches!(vote, Vote::Commit(_))));
        for (signer, result) in [1, 2].into_iter().zip(results) {
            let commit = world.commit(signer, 1, block.hash(), result);
            effects.extend(core.step(at(4), vote(commit)));
        }
        effects.iter().any(|effect| matches!(effect, Effect::Commit { .. }))
    };
    let other = ExecutionResult { state_root: Hash([1; 32]), ..result() };
    assert!(play([result(), result()]));
    assert!(!play([result(), other]));
}

/// A vote with an invalid signature is left out and its sender named; the others still make the certificate.
#[test]
fn a_bad_signature_costs_only_its_sender() {
    let world = World::new();
    let block = world.block(1);
    let hash = block.hash();
    let mut core = world.core(0, Vec::new());
    offer(&mut core, at(1), world.proposal(block.clone(), Vec::new()), &block);
    let mut bad = world.prepare(1, 1, hash);
    if let Vote::Prepare(vote) = &mut bad {
        vote.signature.0[0] ^= 1;
    }
    core.step(at(2), vote(bad));
    let effects = core.step(at(2), vote(world.prepare(2, 1, hash)));
    let culprit =
        Effect::Misbehaviour { peer: ValidatorIndex(1), what: "a vote with an invalid signature" };
    assert!(effects.contains(&culprit));
    assert_eq!(core.status(2).view, View(1));
    core.step(at(3), vote(world.prepare(3, 1, hash)));
    assert_eq!(core.status(3).view, View(2));
}

/// Two signed messages that no honest validator signs together convict.
#[test]
fn equivocation_is_evidence_and_a_forgery_is_not() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    let (first, mut second) = (world.block(1), world.block(1));
    second.timestamp = TimestampMs(START_MS + 1);
    core.step(at(1), world.proposal(first.clone(), Vec::new()));
    let effects = core.step(at(1), world.proposal(second.clone(), Vec::new()));
    let evidence = |effect: &Effect| matches!(effect, Effect::Evidence(_));
    assert!(effects.iter().any(evidence));

    core.step(at(2), vote(world.prepare(2, 1, first.hash())));
    let mut forged = world.prepare(2, 1, second.hash());
    if let Vote::Prepare(vote) = &mut forged {
        vote.signature.0[0] ^= 1;
    }
    assert!(!core.step(at(2), vote(forged)).iter().any(evidence));
    let after_the_ban = at(5_000);
    let effects = core.step(after_the_ban, vote(world.prepare(2, 1, second.hash())));
    assert!(effects.iter().any(evidence));
}

/// A view that does not end is given up by its timer, and a leader that has work proposes.
/// A leader shows each half another block, so nobody hears two proposals: a vote for the rival is the trace.
#[test]
fn two_proposals_to_two_halves_find_each_other() {
    let world = World::new();
    let (shown, mut core) = (world.block(1), world.core(0, Vec::new()));
    let rival = Header { timestamp: shown.timestamp.plus(1), ..shown.clone() };
    offer(&mut core, at(1), world.proposal(shown.clone(), Vec::new()), &shown);
    let (view, other) = (View(1), ValidatorIndex(2));
    let vote = TimeoutVote::new(&world.context, view, Some(rival.hash()), other, &world.keys[2]);
    let effects = core.step(at(2), gives_up(vote));
    let message = Message::BlockRequest { block: rival.hash() };
    assert!(effects.contains(&Effect::Send { to: other, message }), "{effects:?}");

    let Input::Message { message: Message::Proposal(signed), .. } =
        world.proposal(rival.clone(), Vec::new())
    else {
        panic!("a proposal is a message")
    };
    let is_proof = |effect: &Effect| matches!(effect, Effect::Evidence(Evidence::Proposals(..)));
    for (signature, convicts) in
        [(None, false), (Some(Signature([1; 64])), false), (Some(signed.signature), true)]
    {
        let message = Message::Block { header: Box::new(rival.clone()), signature };
        let effects = core.step(at(3), Input::Message { from: other, message });
        assert_eq!(effects.iter().any(is_proof), convicts);
    }
}

#[test]
fn a_leader_with_work_proposes_and_the_others_wait_no_longer_than_the_timer() {
    let world = World::new();
    let mut leader = world.core(1, Vec::new());
    let effects = leader.step(at(1), Input::Work(true));
    assert!(
        effects.contains(&Effect::BuildPayload { view: View(1), parent: world.genesis.hash() })
    );
    let batch = BatchRef { author: ValidatorIndex(0), digest: Hash([3; 32]) };
    let payload = Payload { batches: vec![batch], inline: Vec::new() };
    let effects = leader.step(at(1), Input::Payload { view: View(1), payload });
    let proposed = |effect: &Effect| matches!(effect, Effect::Broadcast(Message::Proposal(_)));
    assert!(effects.iter().any(proposed));

    let mut other = world.core(0, Vec::new());
    assert_eq!(votes(&other.step(at(1), Input::Work(true))), []);
    let due = other.deadline_ms();
    let mut now = due;
    let mut sent = Vec::new();
    while sent.is_empty() && now < 20_000 {
        sent = votes(&other.step(at(now), Input::Tick));
        now = other.deadline_ms().max(now + 1);
    }
    assert!(matches!(sent[..], [Vote::Timeout(vote)] if vote.view == View(1)));
    assert!(now <= 2_000, "the first timer is about a second, not {now} ms");
}

/// Found by `tests/agreement`: a leader could have its block kept for good, and the chain from resting, by a height
/// far above the others'.
#[test]
fn a_block_whose_height_lies_is_forgotten_when_its_view_is_passed() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    let mut high = world.block(1);
    high.height = Height(1_000_000);
    high.payload = vec![BatchRef { author: ValidatorIndex(1), digest: Hash([3; 32]) }];
    offer(&mut core, at(1), world.proposal(high.clone(), Vec::new()), &high);
    assert_eq!(core.uncommitted().collect::<Vec<_>>(), [&high]);

    let (block, one) = (world.block(2), world.timeout_certificate(1, &[1, 2, 3]));
    offer(&mut core, at(2), world.proposal(block.clone(), vec![one]), &block);
    let committed = world.commit_certificate(2, block.hash(), result(), &[1, 2, 3]);
    core.step(at(3), certificate(3, Certificate::Commit(committed)));
    core.step(at(4), Input::Executed { block: block.hash(), result: result() });
    assert_eq!(core.status(4).committed_view, View(2));
    assert_eq!(core.uncommitted().count(), 0);
    assert_eq!(core.status(4).waiting, Waiting::Idle);
}

/// Found by `tests/agreement`: who came back while the chain was idle after a timeout learned the view, and not that
/// it lacked a commit.
#[test]
fn a_peer_that_came_back_is_told_the_last_commit_though_a_timeout_followed() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    let block = world.block(1);
    let feed = |core: &mut Core, input| core.step(at(1), input);
    feed(&mut core, world.proposal(block.clone(), Vec::new()));
    feed(&mut core, Input::PayloadReady { block: block.hash() });
    let committed = world.commit_certificate(1, block.hash(), result(), &[1, 2, 3]);
    feed(&mut core, certificate(3, Certificate::Commit(committed.clone())));
    feed(&mut core, Input::Executed { block: block.hash(), result: result() });
    let timed_out = world.timeout_certificate(2, &[1, 2, 3]);
    feed(&mut core, certificate(3, Certificate::Timeout(timed_out)));
    assert_eq!(core.status(1).view, View(3));

    let peer = ValidatorIndex(2);
    let effects = feed(&mut core, Input::Peer { peer, connected: true });
    let certificate = Certificate::Commit(committed);
    let message = Message::Certificate(Box::new(certificate));
    assert!(effects.contains(&Effect::Send { to: peer, message }));
}

/// Found by `tests/agreement`: a lone validator that died between its vote and the certificate waited for a timer.
#[test]
fn a_lone_validator_counts_its_restored_vote() {
    let mut world = World::new();
    let first = world.validators.get(ValidatorIndex(0)).unwrap().clone();
    world.validators = ValidatorSet::new(vec![first]).unwrap();
    let mut block = world.block(1);
    block.proposer = ValidatorIndex(0);
    let own = world.prepare(0, 1, block.hash());
    let mut core = world.core(0, vec![Record::Vote(own)]);
    assert_eq!(core.status(0).view, View(1));
    core.step(at(1), Input::Start);
    assert_eq!(core.status(1).view, View(2));
}

/// A batch that f+1 validators lacked: one of them is honest, so its author, or the leader, withholds it.
#[test]
fn a_withholder_is_named_once_when_more_blame_it_than_may_be_faulty() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    let author = ValidatorIndex(3);
    let mut blame = |signer: u16| {
        let (reason, committed) = (TimeoutReason::MissingBatch { author }, View(0));
        let message = Message::Timeout { vote: world.timeout(signer, 1), reason, committed };
        let effects = core.step(at(1), Input::Message { from: ValidatorIndex(signer), message });
        let named =
            |one: &Effect| matches!(one, Effect::BatchWithheld { author: a, .. } if *a == author);
        effects.into_iter().filter(|one| named(one)).count()
    };
    assert_eq!([blame(1), blame(1), blame(2), blame(2), blame(3)], [0, 0, 1, 0, 0]);
}
