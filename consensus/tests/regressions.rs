//! Bugs that other implementations had, each a test here or, where another floor carries the rule, there:
//!
//! | bug | test |
//! | --- | --- |
//! | commonware#733: quorum wrong when n ≠ 3f+1 | `primitives/tests/quorums.rs` |
//! | malachite 961fa4e0: certificates padded with garbage | `primitives/tests/certificates.rs` `padding_is_refused` |
//! | curve25519-dalek#115: a batch accepts what a single check rejects | `primitives/tests/signatures.rs` |
//! | asonnino/hotstuff `SimpleSender`: one deaf peer blocks the core | `node/src/network/tests.rs` `a_peer_that_does_not_read…` |
//! | asonnino/hotstuff proposer: transactions of orphaned blocks lost | `tests/tests/sim.rs` `asonnino_hotstuff_…` |
//! | asonnino/hotstuff#70: restarted without its votes | `consensus/tests/rejoin.rs`, `tests/tests/e2e_vote_log.rs` |
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper that fails fails its test"
)]

mod world;

use primitives::certificate::ParentCertificate;
use primitives::{Hash, Header, Justification, TimestampMs, ValidatorIndex, View, Vote};
use quorate_consensus::{Certificate, Core, Effect, Input, Message, Record};
use world::*;

/// hotstuff_rs 0.4 sent its votes first; aptos-core#18298 could crash between signing and saving.
#[test]
fn hotstuff_rs_a_vote_is_logged_before_it_leaves() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    let block = world.block(1);
    let effects = offer(&mut core, at(1), world.proposal(block.clone(), Vec::new()), &block);
    let own = votes(&effects)[0];
    assert!(matches!(own, Vote::Prepare(prepare) if prepare.block == block.hash()));
    let logged = |effect: &Effect| *effect == Effect::Persist(Record::Vote(own));
    let sent = |effect: &Effect| *effect == Effect::Broadcast(Message::Vote(own));
    let position = |test: &dyn Fn(&Effect) -> bool| effects.iter().position(test).unwrap();
    assert!(position(&logged) < position(&sent));
}

/// diem#4843 saved only that it had voted, so a vote whose message was lost could never be repeated.
#[test]
fn diem_4843_a_restarted_validator_repeats_its_vote_and_makes_no_other() {
    let world = World::new();
    let block = world.block(1);
    let mut core = world.core(0, Vec::new());
    let effects = offer(&mut core, at(1), world.proposal(block.clone(), Vec::new()), &block);
    let (before, log) = (votes(&effects), records(&effects));

    let mut again = world.core(0, log);
    let effects = again.step(at(2), Input::Start);
    assert_eq!(votes(&effects), before);
    let mut other = block;
    other.timestamp = TimestampMs(START_MS + 1);
    let effects = offer(&mut again, at(3), world.proposal(other.clone(), Vec::new()), &other);
    assert_eq!(votes(&effects), [], "the other proposal of the view gets no vote");
}

/// babylon-node#243 recovered without its timeout certificates, and could not vote any more.
#[test]
fn babylon_243_recovery_continues_after_the_highest_certificate_of_any_kind() {
    let world = World::new();
    let timed_out = Certificate::Timeout(world.timeout_certificate(5, &[0, 1, 2]));
    let core = world.core(0, vec![Record::Certificate(Box::new(timed_out))]);
    assert_eq!(core.status(0).view, View(6));
}

/// ava-labs/Simplex#281 accepted a skipped view without its timeout certificate: a fork.
#[test]
fn simplex_281_a_skipped_view_needs_its_timeout_certificate() {
    let world = World::new();
    let block = world.block(3);
    let one = world.timeout_certificate(1, &[0, 1, 2]);
    let two = world.timeout_certificate(2, &[1, 2, 3]);
    for timeouts in [vec![], vec![one.clone()], vec![two.clone()], vec![two.clone(), one.clone()]] {
        let mut core = world.core(0, Vec::new());
        let effects = offer(&mut core, at(1), world.proposal(block.clone(), timeouts), &block);
        assert_eq!(votes(&effects), []);
    }
    let mut core = world.core(0, Vec::new());
    let effects = offer(&mut core, at(1), world.proposal(block.clone(), vec![one, two]), &block);
    assert!(matches!(votes(&effects)[..], [Vote::Prepare(vote)] if vote.view == View(3)));
}

/// ava-labs/Simplex#280 forgot the flag of a timeout that it had signed, and signed commit in its view: a fork.
#[test]
fn simplex_280_no_commit_after_a_timeout_even_over_a_restart() {
    let world = World::new();
    let block = world.block(1);
    let mut core = world.core(0, Vec::new());
    let mut log =
        records(&offer(&mut core, at(1), world.proposal(block.clone(), Vec::new()), &block));
    // Two others give the view up, so this validator joins them.
    for signer in [1, 2] {
        log.extend(records(&core.step(at(2), gives_up(world.timeout(signer, 1)))));
    }
    let timed_out = |record: &Record| match record {
        Record::Vote(Vote::Timeout(vote)) => vote.signer == ValidatorIndex(0),
        _ => false,
    };
    assert!(log.iter().any(timed_out));

    let prepared = world.prepare_certificate(1, block.hash(), &[1, 2, 3]);
    let finish = |core: &mut Core| {
        let mut effects = core.step(at(3), certificate(3, Certificate::Prepare(prepared.clone())));
        effects.extend(core.step(at(3), Input::PayloadReady { block: block.hash() }));
        effects.extend(core.step(at(4), Input::Executed { block: block.hash(), result: result() }));
        effects
    };
    let committed =
        |effects: &[Effect]| votes(effects).iter().any(|vote| matches!(vote, Vote::Commit(_)));
    assert!(!committed(&finish(&mut core)));
    let mut again = world.core(0, log);
    again.step(at(5), Input::Start);
    assert!(!committed(&finish(&mut again)));
}

/// commonware#4275 forgot its own timeout vote in a restart, and the view could not end without it.
#[test]
fn commonware_4275_the_own_timeout_vote_is_repeated_after_a_restart() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    let mut log = Vec::new();
    for signer in [1, 2] {
        log.extend(records(&core.step(at(2), gives_up(world.timeout(signer, 1)))));
    }
    // The certificate that the three votes make is lost; the vote must do.
    log.retain(|record| matches!(record, Record::Vote(_)));
    let sent = votes(&world.core(0, log).step(at(3), Input::Start));
    assert_eq!(sent, [Vote::Timeout(world.timeout(0, 1))]);
}

/// commonware#2695: whoever had timed a view out was stuck when the others prepared its block.
#[test]
fn commonware_2695_a_view_that_was_given_up_here_may_still_be_prepared_and_built_upon() {
    let world = World::new();
    let (first, mut core) = (world.block(1), world.core(0, Vec::new()));
    core.step(at(1), gives_up(world.timeout(1, 1)));
    let effects = core.step(at(1), gives_up(world.timeout(2, 1)));
    assert!(votes(&effects).contains(&Vote::Timeout(world.timeout(0, 1))));

    let parent = world.prepare_certificate(1, first.hash(), &[1, 2, 3]);
    let second = world.child(2, &first);
    let parent = ParentCertificate::Prepare(parent);
    let justification = Justification { parent, timeouts: Vec::new() };
    let message = Message::Block { header: Box::new(first.clone()), signature: None };
    let mut effects = core.step(at(2), world.justified(second.clone(), justification));
    let asked = Effect::Broadcast(Message::BlockRequest { block: first.hash() });
    assert!(effects.contains(&asked), "it never saw the block that it gave up");
    effects.extend(core.step(at(3), Input::Message { from: ValidatorIndex(1), message }));
    for block in [&first, &second] {
        effects.extend(core.step(at(3), Input::PayloadReady { block: block.hash() }));
    }
    assert!(votes(&effects).contains(&world.prepare(0, 2, second.hash())));
}

/// commonware's `certified_split_heals` tests: some hold the prepare certificate of a view, others its timeout
/// certificate. Whoever skipped the view must be able to fetch its block, although it is below where it stands.
#[test]
fn commonware_a_split_between_prepare_and_timeout_heals() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    let skipped = Certificate::Timeout(world.timeout_certificate(1, &[1, 2, 3]));
    core.step(at(1), certificate(1, skipped));
    assert_eq!(core.status(1).view, View(2));

    let first = world.block(1);
    let second = world.child(2, &first);
    let certified = world.commit_certificate(2, second.hash(), result_at(2), &[1, 2, 3]);
    core.step(at(2), certificate(1, Certificate::Commit(certified)));
    let mut effects = Vec::new();
    for block in [&second, &first] {
        let message = Message::Block { header: Box::new(block.clone()), signature: None };
        effects.extend(core.step(at(3), Input::Message { from: ValidatorIndex(1), message }));
        effects.extend(core.step(at(3), Input::PayloadReady { block: block.hash() }));
    }
    for (block, height) in [(&first, 1), (&second, 2)] {
        let done = Input::Executed { block: block.hash(), result: result_at(height) };
        effects.extend(core.step(at(4), done));
    }
    assert_eq!(finals(&effects), [[first, second]]);
}

/// asonnino/hotstuff's `commit` handed skipped ancestors over newest first.
#[test]
fn asonnino_hotstuff_skipped_ancestors_are_committed_oldest_first() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    let mut chain: Vec<Header> = Vec::new();
    for view in 1..=3 {
        let parent = chain.last().unwrap_or(&world.genesis).clone();
        let block = world.child(view, &parent);
        let below = world.prepare_certificate(view - 1, parent.hash(), &[1, 2, 3]);
        let parent = match view {
            1 => ParentCertificate::Genesis,
            _ => ParentCertificate::Prepare(below),
        };
        let justification = Justification { parent, timeouts: Vec::new() };
        offer(&mut core, at(view), world.justified(block.clone(), justification), &block);
        chain.push(block);
    }
    let tip = chain[2].hash();
    let certified = world.commit_certificate(3, tip, result_at(3), &[1, 2, 3]);
    let mut effects = core.step(at(4), certificate(1, Certificate::Commit(certified)));
    for (height, block) in (1..).zip(&chain) {
        let done = Input::Executed { block: block.hash(), result: result_at(height) };
        effects.extend(core.step(at(5), done));
    }
    assert_eq!(finals(&effects), [chain]);
}

/// malachite queued messages of future heights before it verified them, 20 GiB of them at worst.
#[test]
fn malachite_nothing_is_kept_for_a_view_beyond_the_next() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    core.step(at(1), vote(world.prepare(1, 2, Hash([1; 32]))));
    let before = format!("{core:?}");
    for view in 3..50 {
        let block = Hash([1; 32]);
        core.step(at(1), vote(world.prepare(1, view, block)));
        core.step(at(1), vote(world.commit(1, view, block, result())));
        core.step(at(1), gives_up(world.timeout(1, view)));
    }
    assert_eq!(format!("{core:?}"), before);
}

/// relab/hotstuff#224: one forged certificate halted everybody who took it in.
#[test]
fn relab_hotstuff_224_a_forged_certificate_names_its_sender_and_hinders_nobody() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    let good = world.timeout_certificate(1, &[1, 2, 3]);
    let mut forged = good.clone();
    forged.signatures[2].2 = forged.signatures[0].2;
    let effects = core.step(at(1), certificate(3, Certificate::Timeout(forged)));
    let liar = ValidatorIndex(3);
    let named = |one: &Effect| matches!(one, Effect::Misbehaviour { peer, .. } if *peer == liar);
    assert!(effects.iter().any(named));
    assert_eq!(core.status(1).view, View(1));
    core.step(at(2), certificate(1, Certificate::Timeout(good)));
    assert_eq!(core.status(2).view, View(2));
}

/// hotstuff_rs 0.4 cut its timers down to whole seconds, and a fast net waited in vain.
#[test]
fn hotstuff_rs_timers_follow_the_network_below_a_second() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    core.step(at(0), Input::Work(true));
    let block = world.block(1);
    offer(&mut core, at(10), world.proposal(block.clone(), Vec::new()), &block);
    let prepared = world.prepare_certificate(1, block.hash(), &[1, 2, 3]);
    core.step(at(20), certificate(1, Certificate::Prepare(prepared)));
    assert_eq!(core.status(20).view, View(2));
    let waits_ms = core.deadline_ms() - 20;
    assert!((100..1_000).contains(&waits_ms), "{waits_ms} ms");
}

/// besu#7642 and #8307 waited for hours after an outage, because their timers grew without a bound. Ours stop growing
/// at ten seconds, and one commit ends it.
#[test]
fn besu_7642_timers_stop_growing_and_one_commit_resets_them() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    let mut now_ms = 0;
    core.step(at(now_ms), Input::Work(true));
    let first_wait_ms = wait_for_timeout(&mut core, &mut now_ms);
    let mut longest_ms = 0;
    for view in 1..60 {
        let certified = world.timeout_certificate(view, &[1, 2, 3]);
        core.step(at(now_ms), certificate(1, Certificate::Timeout(certified)));
        longest_ms = wait_for_timeout(&mut core, &mut now_ms);
    }
    assert!((9_000..=10_000).contains(&longest_ms), "{longest_ms} ms");

    let block = world.child(60, &world.genesis);
    let certified = world.commit_certificate(60, block.hash(), result(), &[1, 2, 3]);
    core.step(at(now_ms), certificate(1, Certificate::Commit(certified)));
    let message = Message::Block { header: Box::new(block.clone()), signature: None };
    core.step(at(now_ms), Input::Message { from: ValidatorIndex(1), message });
    core.step(at(now_ms), Input::PayloadReady { block: block.hash() });
    core.step(at(now_ms), Input::Executed { block: block.hash(), result: result() });
    assert_eq!(core.status(now_ms).committed_view, View(60));
    assert!(wait_for_timeout(&mut core, &mut now_ms) <= first_wait_ms);
}

/// quorum#1664 capped its timers, and in a long outage the messages of all the views that passed became a storm. Here
/// an hour of stall is no louder than its first minute, and whoever repeats a timeout of long ago gets one answer of at
/// most 64 certificates each time.
#[test]
fn quorum_1664_an_hour_of_stall_is_no_louder_than_its_first_minute() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    core.step(at(0), Input::Work(true));
    let (mut loud, mut now_ms) = ([0; 60], 0);
    while let Some(minute) = loud.get_mut(usize::try_from(now_ms / 60_000).unwrap()) {
        let mut effects = core.step(at(now_ms), gives_up(world.timeout(3, 1)));
        let answers = effects.iter().filter(|one| matches!(one, Effect::Send { .. })).count();
        assert!(answers <= 64, "{answers}");
        effects.extend(core.step(at(now_ms), Input::Tick));
        let view = core.status(now_ms).view.0;
        if votes(&effects).iter().any(|vote| matches!(vote, Vote::Timeout(_))) {
            let certified = world.timeout_certificate(view, &[0, 1, 2]);
            effects.extend(core.step(at(now_ms), certificate(1, Certificate::Timeout(certified))));
        }
        let to_all = |one: &&Effect| matches!(one, Effect::Broadcast(_));
        *minute += effects.iter().filter(to_all).count();
        now_ms = core.deadline_ms().clamp(now_ms + 1, now_ms + 400);
    }
    let most = loud[0] + loud[0] / 10;
    assert!(loud.iter().all(|minute| (1..=most).contains(minute)), "{loud:?}");
}

/// Milliseconds until the validator gives its view up.
fn wait_for_timeout(core: &mut Core, now_ms: &mut u64) -> u64 {
    let began_ms = *now_ms;
    loop {
        let effects = core.step(at(*now_ms), Input::Tick);
        if votes(&effects).iter().any(|vote| matches!(vote, Vote::Timeout(_))) {
            return *now_ms - began_ms;
        }
        *now_ms = core.deadline_ms().max(*now_ms + 1);
        assert!(*now_ms < began_ms + 60_000, "the view is never given up");
    }
}

/// The chains of blocks that became final, each in the order in which it was handed over.
fn finals(effects: &[Effect]) -> Vec<Vec<Header>> {
    let blocks = |effect: &Effect| match effect {
        Effect::Commit { blocks, .. } => Some(blocks.clone()),
        _ => None,
    };
    effects.iter().filter_map(blocks).collect()
}
