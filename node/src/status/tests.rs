//! What is said in the situations that a person on call meets, word for word.

use std::collections::{BTreeMap, BTreeSet};

use consensus::{ResultGroup, Status, TimedOut, TimeoutReason, Waiting};
use primitives::{
    ExecutionResult, Hash, Height, SecretKey, Validator, ValidatorIndex, ValidatorSet, View,
};

use super::*;
use crate::disk::{Forecast, Level, Policy, Used};

fn validators() -> ValidatorSet {
    let validator = |number: u8| Validator {
        name: format!("node{number}"),
        key: SecretKey::from_seed([number; 32]).public_key(),
    };
    ValidatorSet::new((1..=4).map(validator).collect()).expect("four validators are a set")
}

fn index(number: u16) -> ValidatorIndex {
    ValidatorIndex(number - 1)
}

fn indices(numbers: &[u16]) -> Vec<ValidatorIndex> {
    numbers.iter().copied().map(index).collect()
}

/// Of node1, in view 7 that node2 leads, at height 10.
fn status(waiting: Waiting) -> Status {
    Status {
        own: index(1),
        view: View(7),
        leader: index(2),
        committed_height: Height(10),
        committed_view: View(5),
        waiting,
        waiting_ms: 12_000,
        prepares: Vec::new(),
        commits: Vec::new(),
        results: Vec::new(),
        timeouts: BTreeMap::new(),
        missing: BTreeMap::new(),
        disconnected: BTreeSet::new(),
        others_height: None,
        timed_out: Vec::new(),
        demoted: Vec::new(),
        evidence: Vec::new(),
        rejoin: None,
        bans: Vec::new(),
    }
}

fn without(mut status: Status, numbers: &[u16]) -> Status {
    status.missing = numbers.iter().map(|number| (index(*number), 40_000)).collect();
    status.disconnected = numbers.iter().copied().map(index).collect();
    status
}

fn group(root: u8, numbers: &[u16]) -> ResultGroup {
    let zero = Hash::ZERO;
    let state_root = Hash([root; 32]);
    let result = ExecutionResult {
        height: Height(11),
        state_root,
        receipts_root: zero,
        next_validators: zero,
    };
    ResultGroup { result, validators: indices(numbers) }
}

fn check(status: &Status, here: Here, expected: &[&str]) {
    let said = line(status, &validators(), &here);
    assert_eq!(said, expected.join(" "));
}

fn nothing_special() -> Here {
    Here::default()
}

#[test]
fn nothing_to_do() {
    let expected = ["nothing to do: no transaction waits."];
    check(&status(Waiting::Idle), nothing_special(), &expected);
}

#[test]
fn one_of_four_is_down() {
    let mut one_down = without(status(Waiting::Prepares), &[4]);
    one_down.prepares = indices(&[1, 2]);
    let expected = [
        "2 of the 3 prepare votes needed are in; none yet of node3, node4.",
        "Missing: node4 (not connected for 40 s).",
        "Blocks go on with 3 of 4 validators, but not if one more fails.",
    ];
    check(&one_down, nothing_special(), &expected);
}

#[test]
fn two_of_four_are_down() {
    let mut two_down = without(status(Waiting::Timeouts), &[3, 4]);
    two_down.timeouts = indices(&[1, 2]).into_iter().map(|voter| (voter, None)).collect();
    let expected = [
        "view 7 is given up; 2 of the 3 timeout votes needed are in; none yet of node3, node4.",
        "Missing: node3 (not connected for 40 s), node4 (not connected for 40 s).",
        "No block can commit: 2 of 4 validators are reachable and 3 are needed. Bring back 1 of the missing.",
    ];
    check(&two_down, nothing_special(), &expected);
}

#[test]
fn this_node_is_cut_off() {
    let mut alone = without(status(Waiting::Timeouts), &[2, 3, 4]);
    alone.timeouts = [(index(1), Some(TimeoutReason::NoProposal))].into();
    let expected = [
        "view 7 is given up; 1 of the 3 timeout votes needed are in; none yet of node2, node3, node4.",
        "This node hears no other validator, since 40 s: most likely it is itself cut off. Check this machine's \
         network, firewall and key, and look at the chain from another validator.",
        "node2 leads this view and is missing; the others pass over it after a timeout.",
    ];
    check(&alone, nothing_special(), &expected);
}

#[test]
fn the_leader_is_silent() {
    let mut silent = without(status(Waiting::Proposal), &[2]);
    silent.disconnected.clear();
    let reasons = [
        (index(1), TimeoutReason::SilentLeader),
        (index(3), TimeoutReason::SilentLeader),
        (index(4), TimeoutReason::Joined),
    ];
    let given_up = TimedOut { view: View(3), leader: index(2), reasons: reasons.into() };
    silent.timed_out = vec![given_up];
    let expected = [
        "node2 leads view 7 and has not proposed a block yet.",
        "Missing: node2 (connected but silent for 40 s).",
        "Blocks go on with 3 of 4 validators, but not if one more fails.",
        "node2 leads this view and is missing; the others pass over it after a timeout.",
        "View 3, led by node2, was given up: node1, node3: the leader is silent while a quorum is active; node4: \
         enough others had given it up.",
    ];
    check(&silent, nothing_special(), &expected);
}

#[test]
fn a_batch_is_missing() {
    let missing = TimeoutReason::MissingBatch { author: index(3) };
    let expected =
        ["the block of node2 holds transactions of node3 that this node lacks and asks for."];
    check(&status(Waiting::Obstacle(missing)), nothing_special(), &expected);
}

#[test]
fn the_leaders_clock_is_ahead() {
    let mut ahead = status(Waiting::Obstacle(TimeoutReason::Clock));
    let one = [
        "the block of node2 carries a time ahead of this node's clock, so it must wait.",
        "Either the clock of node2 is ahead or that of node1 is behind: check the time service of both.",
    ];
    check(&ahead, nothing_special(), &one);
    ahead.timeouts = [(index(3), Some(TimeoutReason::Clock))].into();
    let two = [
        "the block of node2 carries a time ahead of this node's clock, so it must wait.",
        "The clock of node2 is ahead by what node3, node1 say: check its time service.",
    ];
    check(&ahead, nothing_special(), &two);
}

#[test]
fn results_differ() {
    let mut differ = status(Waiting::Commits);
    differ.commits = indices(&[1, 2, 3, 4]);
    differ.results = vec![group(1, &[1, 2]), group(2, &[3, 4])];
    let (own, other) = (Hash([1; 32]), Hash([2; 32]));
    let said = line(&differ, &validators(), &nothing_special());
    assert_eq!(
        said,
        format!(
            "4 of the 3 commit votes needed are in and differ in their results. Results of the block at height 11 \
             differ. This node has state root {own}; node3, node4 have state root {other}. No result has a quorum, \
             so nothing is final until the versions are compared; do not restart nodes on changed binaries before \
             that."
        )
    );
}

#[test]
fn this_node_is_behind() {
    let mut behind = status(Waiting::CatchUp);
    behind.others_height = Some(Height(120));
    let expected = [
        "this node is behind: it has height 10 and the others have 120; it fetches the blocks between.",
    ];
    check(&behind, nothing_special(), &expected);
}

#[test]
fn a_validator_is_banned() {
    let mut banned = status(Waiting::Prepares);
    banned.prepares = indices(&[1, 2]);
    let what = "an invalid certificate";
    banned.bans = vec![consensus::Ban { peer: index(4), remaining_ms: 8_000, what }];
    let expected = [
        "2 of the 3 prepare votes needed are in; none yet of node3, node4.",
        "This node does not listen to node4 for another 8 s: it sent an invalid certificate.",
    ];
    check(&banned, nothing_special(), &expected);
}

#[test]
fn the_disk_is_slow() {
    let mut waiting = status(Waiting::Prepares);
    waiting.prepares = indices(&[2, 3]);
    let stuck = Here { writing_ms: Some(8_000), ..nothing_special() };
    let expected = [
        "2 of the 3 prepare votes needed are in; none yet of node1, node4.",
        "This node waits for its disk: a write of the vote log has taken 8 s so far, and it votes only when that is \
         done. Check the disk under the data directory.",
    ];
    check(&waiting, stuck, &expected);
    let slow = Here { slowest_write_ms: Some(900), ..nothing_special() };
    let expected = [
        "2 of the 3 prepare votes needed are in; none yet of node1, node4.",
        "This node's disk is slow: in the last minute a write of the vote log took 900 ms, and votes wait for it.",
    ];
    check(&waiting, slow, &expected);
}

/// A chain to which nobody may send looks idle; whoever asks must learn why.
#[test]
fn the_disk_is_nearly_full() {
    let policy = Policy { refuse_below: 100 << 20, warn_below_seconds: 1 };
    let disk = Outlook {
        level: Level::Refusing,
        free_bytes: 90 << 20,
        used: Used::default(),
        rates: None,
        forecast: Forecast::Unknown,
        policy,
    };
    let expected = [
        "nothing to do: no transaction waits.",
        "This node's disk has 90 MiB free: it takes no transactions from clients until there are 125 MiB, goes on \
         voting, and stops below 25 MiB. Free space, enlarge the disk, or lower disk.free_mib_min.",
    ];
    check(&status(Waiting::Idle), Here { disk: Some(disk), ..nothing_special() }, &expected);
}

/// The interface gives the same facts as data.
#[test]
fn the_interface_names_voters_roots_and_reasons() {
    let mut differ = without(status(Waiting::Commits), &[4]);
    differ.results = vec![group(1, &[1]), group(2, &[2, 3])];
    let reasons = [(index(1), TimeoutReason::MissingBatch { author: index(4) })];
    differ.timed_out = vec![TimedOut { view: View(6), leader: index(3), reasons: reasons.into() }];
    let seen = view(&differ, &validators(), &nothing_special());
    assert_eq!(seen.state, ConsensusState::Stalled);
    let roots: Vec<_> =
        seen.results.iter().map(|one| (one.result.state_root, one.validators.join(" "))).collect();
    assert_eq!(
        roots,
        [(Hash([1; 32]), "node1".to_owned()), (Hash([2; 32]), "node2 node3".to_owned())]
    );
    let [last] = seen.last_timeouts.as_slice() else { panic!("one view timed out") };
    assert_eq!(last.leader, "node3");
    let [vote] = last.votes.as_slice() else { panic!("one reason") };
    assert_eq!(vote.validator, "node1");
    assert_eq!(vote.reason, "a batch of node4 in the proposal is missing");
    let [missing] = seen.missing.as_slice() else { panic!("one is missing") };
    assert!(!missing.connected);
}
