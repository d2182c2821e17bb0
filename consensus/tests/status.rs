//! What the core tells of itself.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper that fails fails its test"
)]

mod world;

use primitives::{ExecutionResult, Hash, Height, ValidatorIndex};
use quorate_consensus::{Input, Waiting};
use world::*;

/// Who has which result is told, and that nobody else is to be waited for.
#[test]
fn results_that_differ_are_told_by_validator() {
    let world = World::new();
    let (mut core, block, _) = world.executed();
    let other = ExecutionResult { state_root: Hash([1; 32]), ..result() };
    for (signer, result) in [(1, other), (2, result()), (3, other)] {
        core.step(at(4), vote(world.commit(signer, 1, block.hash(), result)));
    }
    let status = core.status(at(5).uptime_ms);
    let groups: Vec<_> = status
        .results
        .iter()
        .map(|group| (group.result, group.validators.iter().map(|one| one.0).collect()))
        .collect();
    assert_eq!(groups, [(result(), vec![0, 2]), (other, vec![1, 3])]);
    assert_eq!(status.commits.len(), 4);
}

#[test]
fn a_node_that_is_behind_says_how_far() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    assert_eq!(core.status(0).others_height, None);
    let far = ExecutionResult { height: Height(40), ..result() };
    let target = world.commit_certificate(50, Hash([3; 32]), far, &[1, 2, 3]);
    let certified = quorate_consensus::Certificate::Commit(target);
    core.step(at(1), certificate(1, certified));
    let status = core.status(at(1).uptime_ms);
    assert_eq!(status.others_height, Some(Height(40)));
    assert_eq!(status.waiting, Waiting::CatchUp);
}

#[test]
fn connected_and_silent_is_told_from_not_connected() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    let (here, gone) = (ValidatorIndex(1), ValidatorIndex(2));
    core.step(at(1), Input::Peer { peer: here, connected: true });
    core.step(at(1), vote(world.prepare(1, 1, Hash([3; 32]))));
    core.step(at(2), Input::Work(true));
    let status = core.status(at(9_000).uptime_ms);
    assert!(status.missing.contains_key(&here) && !status.disconnected.contains(&here));
    assert!(status.missing.contains_key(&gone) && status.disconnected.contains(&gone));
}
