//! A validator whose vote log is gone: what it may not do, and when it may again.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper that fails fails its test"
)]

mod world;

use primitives::{ValidatorIndex, View, Vote};
use quorate_consensus::{Certificate, Core, Effect, Input, Memory, Message, Record, TimeoutReason};
use world::*;

const NONCE: u64 = START_MS;

fn lost(world: &World) -> Core {
    let mut core = world.core(0, Memory::Lost(Vec::new()));
    let effects = core.step(at(0), Input::Start);
    let question = Effect::Broadcast(Message::ViewRequest { nonce: NONCE });
    assert!(effects.contains(&question), "it asks at once: {effects:?}");
    core
}

/// A peer shows by a timeout certificate that it is in a view.
fn answer(world: &World, from: u16, view: u64, nonce: u64) -> Input {
    let certificate = world.timeout_certificate(view - 1, &[1, 2, 3]);
    let certificate = Some(Box::new(Certificate::Timeout(certificate)));
    let message = Message::ViewAnswer { nonce, certificate };
    Input::Message { from: ValidatorIndex(from), message }
}

fn floor(effects: &[Effect]) -> Option<View> {
    records(effects).into_iter().find_map(|record| match record {
        Record::Floor(view) => Some(view),
        _ => None,
    })
}

/// Everything that would make a validator sign: its turn to propose, a good proposal, time, and others' timeouts.
fn tempt(core: &mut Core, world: &World, view: u64) -> Vec<Vote> {
    let block = world.block(view);
    let timeouts = (1..view).map(|view| world.timeout_certificate(view, &[1, 2, 3])).collect();
    let mut effects = offer(core, at(10), world.proposal(block.clone(), timeouts), &block);
    effects.extend(core.step(at(11), Input::Work(true)));
    for signer in 1..=3 {
        let (reason, committed) = (TimeoutReason::NoProposal, View(0));
        let message = Message::Timeout { vote: world.timeout(signer, view), reason, committed };
        effects.extend(core.step(at(12), Input::Message { from: ValidatorIndex(signer), message }));
    }
    effects.extend(core.step(at(60_000), Input::Tick));
    votes(&effects)
}

#[test]
fn it_signs_nothing_before_a_quorum_of_others_has_answered() {
    let world = World::new();
    let mut core = lost(&world);
    assert_eq!(tempt(&mut core, &world, 1), []);
    assert_eq!(floor(&core.step(at(60_001), answer(&world, 1, 7, NONCE))), None);
    assert_eq!(floor(&core.step(at(60_002), answer(&world, 1, 7, NONCE))), None, "once a peer");
    assert_eq!(floor(&core.step(at(60_003), answer(&world, 2, 6, NONCE))), None);
    assert_eq!(tempt(&mut core, &world, 7), []);
    let rejoin = core.rejoin().unwrap();
    assert_eq!((rejoin.answered.len(), rejoin.needed, rejoin.floor), (2, 3, None));
}

#[test]
fn its_floor_is_the_view_after_the_highest_shown_and_it_signs_above_only() {
    let world = World::new();
    let mut core = lost(&world);
    for (from, view) in [(1, 3), (2, 6), (3, 2)] {
        let effects = core.step(at(1), answer(&world, from, view, NONCE));
        let last = from == 3;
        assert_eq!(floor(&effects), last.then_some(View(7)), "after {from}");
    }
    assert_eq!(core.status(1).view, View(6));
    assert_eq!(tempt(&mut core, &world, 6), [], "view 6, the others' timeouts enter 7");
    assert_eq!(core.status(60_000).view, View(7));
    let block = world.block(7);
    let timeouts = (1..7).map(|view| world.timeout_certificate(view, &[1, 2, 3])).collect();
    let effects = offer(&mut core, at(60_001), world.proposal(block.clone(), timeouts), &block);
    assert_eq!(votes(&effects), [], "the floor itself");
    let enter = Certificate::Timeout(world.timeout_certificate(7, &[1, 2, 3]));
    core.step(at(60_002), certificate(1, enter));
    assert_eq!(core.rejoin(), None);
    assert!(!tempt(&mut core, &world, 9).is_empty(), "above it, it takes part again");
}

#[test]
fn answers_to_an_earlier_life_and_claims_without_proof_do_not_count() {
    let world = World::new();
    let mut core = lost(&world);
    for from in 1..=3 {
        core.step(at(1), answer(&world, from, 5, NONCE - 1));
        let forged = world.timeout_certificate(900, &[1]);
        let certificate = Some(Box::new(Certificate::Timeout(forged)));
        let message = Message::ViewAnswer { nonce: NONCE, certificate };
        core.step(at(1), Input::Message { from: ValidatorIndex(from), message });
    }
    assert!(core.rejoin().unwrap().answered.is_empty());
}

#[test]
fn nobody_vouches_for_a_view_without_knowing_what_it_signed() {
    let world = World::new();
    let request = || {
        let message = Message::ViewRequest { nonce: 5 };
        Input::Message { from: ValidatorIndex(1), message }
    };
    let is_answer = |effect: &Effect| {
        matches!(effect, Effect::Send { message: Message::ViewAnswer { nonce: 5, .. }, .. })
    };
    let mut whole = world.core(0, Vec::new());
    assert!(whole.step(at(1), request()).iter().any(is_answer));
    let mut core = lost(&world);
    assert!(!core.step(at(1), request()).iter().any(is_answer));
    for from in 1..=3 {
        core.step(at(1), answer(&world, from, 4, NONCE));
    }
    assert!(!core.step(at(500), request()).iter().any(is_answer), "not above its floor yet");
    for view in 4..=5 {
        let enter = Certificate::Timeout(world.timeout_certificate(view, &[1, 2, 3]));
        core.step(at(600), certificate(1, enter));
    }
    assert!(core.step(at(1_000), request()).iter().any(is_answer));
}

/// The floor is a record: a restart remembers it, compacted or not, and one that was still asking asks again.
#[test]
fn the_floor_outlives_a_restart() {
    let world = World::new();
    let mut core = lost(&world);
    let mut log = Vec::new();
    for from in 1..=2 {
        log.extend(records(&core.step(at(1), answer(&world, from, 4, NONCE))));
    }
    assert!(matches!(Memory::of_log(log.clone()), Memory::Lost(_)), "it was still asking");
    log.extend(records(&core.step(at(2), answer(&world, 3, 4, NONCE))));
    for kept in [log, core.records()] {
        let memory = Memory::of_log(kept);
        assert!(matches!(memory, Memory::Whole(_)));
        let again = world.core(0, memory);
        assert_eq!(again.rejoin().unwrap().floor, Some(View(5)));
        assert_eq!(again.status(1).view, View(4));
    }
}
