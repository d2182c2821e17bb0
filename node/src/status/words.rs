//! The state of agreement in words that a person on call understands: what is waited for, whose turn it is to do
//! something about it, and what.

use consensus::{Status, TimeoutReason, Waiting};
use primitives::{ValidatorIndex, ValidatorSet};

use super::{Here, name};

/// Writing the vote log for longer than this is worth a word, in milliseconds.
const SLOW_DISK_MS: u64 = 500;
/// A silence shorter than this is not worth a word while nothing else is wrong, in milliseconds.
const SHORT_ABSENCE_MS: u64 = 3_000;

/// What must happen before the next block commits: one sentence without its full stop.
pub fn headline(status: &Status, validators: &ValidatorSet) -> String {
    let leader = name(validators, status.leader);
    let view = status.view;
    match status.waiting {
        Waiting::Idle => "nothing to do: no transaction waits".to_owned(),
        Waiting::Proposal => format!("{leader} leads view {view} and has not proposed a block yet"),
        Waiting::Obstacle(obstacle) => obstructed(obstacle, &leader, validators),
        Waiting::Prepares => votes("prepare", &status.prepares, validators),
        Waiting::Execution => {
            "this node executes the next block, or fetches its transactions".to_owned()
        }
        Waiting::Commits if status.results.len() > 1 => {
            let (have, quorum) = (status.commits.len(), validators.quorum());
            format!("{have} of the {quorum} commit votes needed are in and differ in their results")
        }
        Waiting::Commits => votes("commit", &status.commits, validators),
        Waiting::Timeouts => {
            let voters: Vec<_> = status.timeouts.keys().copied().collect();
            format!("view {view} is given up; {}", votes("timeout", &voters, validators))
        }
        Waiting::CatchUp => {
            let (own, target) = (status.committed_height, status.others_height);
            format!(
                "this node is behind: it has height {own} and the others have {}; it fetches the blocks between",
                target.unwrap_or(own)
            )
        }
    }
}

fn obstructed(obstacle: TimeoutReason, leader: &str, validators: &ValidatorSet) -> String {
    match obstacle {
        TimeoutReason::MissingBatch { author } => format!(
            "the block of {leader} holds transactions of {} that this node lacks and asks for",
            name(validators, author)
        ),
        TimeoutReason::MissingParent => {
            format!("this node lacks the block on which {leader} builds, and asks for it")
        }
        TimeoutReason::Clock => format!(
            "the block of {leader} carries a time ahead of this node's clock, so it must wait"
        ),
        TimeoutReason::NoQuorum => {
            "too many blocks wait for their commit votes; no further one is prepared".to_owned()
        }
        other => format!("this node cannot vote for the block of {leader}: {other}"),
    }
}

fn votes(kind: &str, voters: &[ValidatorIndex], validators: &ValidatorSet) -> String {
    let (have, quorum) = (voters.len(), validators.quorum());
    let absent: Vec<_> = validators.indices().filter(|index| !voters.contains(index)).collect();
    if absent.is_empty() {
        return format!("all {have} {kind} votes are in");
    }
    let names = names(&absent, validators);
    format!("{have} of the {quorum} {kind} votes needed are in; none yet of {names}")
}

/// The rest of the story, a sentence each, what matters most first.
pub fn explanation(status: &Status, validators: &ValidatorSet, here: &Here) -> Vec<String> {
    let mut sentences = Vec::new();
    sentences.extend(results(status, validators));
    sentences.extend(lost_log(status, validators));
    sentences.extend(slow_disk(here));
    sentences.extend(here.disk.and_then(|disk| disk.warning()));
    sentences.extend(reachability(status, validators));
    sentences.extend(bans(status, validators));
    if status.waiting == Waiting::Idle {
        return sentences;
    }
    sentences.extend(absent_leader(status, validators));
    sentences.extend(clocks(status, validators));
    sentences.extend(timeouts(status, validators));
    sentences
}

/// Whether results differ: the one state in which waiting never helps.
fn results(status: &Status, validators: &ValidatorSet) -> Option<String> {
    if status.results.len() < 2 {
        return None;
    }
    let own = status.results.iter().find(|group| group.validators.contains(&status.own));
    let others = status.results.iter().filter(|group| Some(*group) != own);
    let groups: Vec<String> = others
        .map(|group| {
            let root = group.result.state_root;
            format!("{} state root {root}", have(&group.validators, validators))
        })
        .collect();
    let height = status.results.first().map(|group| group.result.height).unwrap_or_default();
    let ours = match own {
        Some(group) => format!("This node has state root {}", group.result.state_root),
        None => "This node has none yet".to_owned(),
    };
    let agree = status.results.iter().map(|group| group.validators.len()).max().unwrap_or(0);
    let outcome = if agree >= validators.quorum() {
        "A quorum agrees; whoever differs must compare its version and resync"
    } else {
        "No result has a quorum, so nothing is final until the versions are compared; do not \
         restart nodes on changed binaries before that"
    };
    Some(format!(
        "Results of the block at height {height} differ. {ours}; {}. {outcome}.",
        groups.join("; ")
    ))
}

/// What a validator that lost its vote log waits for before it votes again.
fn lost_log(status: &Status, validators: &ValidatorSet) -> Option<String> {
    let rejoin = status.rejoin.as_ref()?;
    let lost = "This node's vote log was lost: it follows and commits, but does not vote";
    Some(match rejoin.floor {
        Some(floor) => format!("{lost} before view {}; now is view {}.", floor.next(), status.view),
        None if rejoin.needed >= validators.len() => format!(
            "{lost} and never can again: a set of {} cannot do without one of its logs.",
            validators.len()
        ),
        None => {
            let shown = match rejoin.answered.as_slice() {
                [] => "nobody has yet".to_owned(),
                some => format!("{} so far", names(some, validators)),
            };
            format!(
                "{lost} before {} others have shown in which view they are: {shown}.",
                rejoin.needed
            )
        }
    })
}

fn have(group: &[ValidatorIndex], validators: &ValidatorSet) -> String {
    let verb = if group.len() == 1 { "has" } else { "have" };
    format!("{} {verb}", names(group, validators))
}

fn slow_disk(here: &Here) -> Option<String> {
    if let Some(ms) = here.writing_ms.filter(|ms| *ms >= SLOW_DISK_MS) {
        return Some(format!(
            "This node waits for its disk: a write of the vote log has taken {} so far, and it votes only when that \
             is done. Check the disk under the data directory.",
            seconds(ms)
        ));
    }
    let ms = here.slowest_write_ms.filter(|ms| *ms >= SLOW_DISK_MS)?;
    Some(format!(
        "This node's disk is slow: in the last minute a write of the vote log took {}, and votes wait for it.",
        seconds(ms)
    ))
}

/// Who is missing, and what that means for the chain and for this node.
fn reachability(status: &Status, validators: &ValidatorSet) -> Vec<String> {
    let is_long = |ms: u64| ms >= SHORT_ABSENCE_MS;
    let missing: Vec<_> = status.missing.iter().filter(|(_, ms)| is_long(**ms)).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let (all, quorum) = (validators.len(), validators.quorum());
    if missing.len() + 1 == all && all > 2 {
        let since = missing.iter().map(|(_, ms)| **ms).min().unwrap_or(0);
        return vec![format!(
            "This node hears no other validator, since {}: most likely it is itself cut off. Check this machine's \
             network, firewall and key, and look at the chain from another validator.",
            seconds(since)
        )];
    }
    let lines: Vec<String> = missing
        .iter()
        .map(|(index, ms)| {
            let how = if status.disconnected.contains(index) {
                "not connected"
            } else {
                "connected but silent"
            };
            format!("{} ({how} for {})", name(validators, **index), seconds(**ms))
        })
        .collect();
    let mut sentences = vec![format!("Missing: {}.", lines.join(", "))];
    let reachable = all - missing.len();
    sentences.push(if reachable < quorum {
        let lacking = quorum - reachable;
        format!(
            "No block can commit: {reachable} of {all} validators are reachable and {quorum} are needed. Bring back \
             {lacking} of the missing."
        )
    } else if reachable == quorum {
        format!(
            "Blocks go on with {reachable} of {all} validators, but not if one more fails."
        )
    } else {
        format!("Blocks go on: {reachable} of {all} validators are reachable and {quorum} are needed.")
    });
    sentences
}

/// To whom this node does not listen; an operator may take that for silence.
fn bans(status: &Status, validators: &ValidatorSet) -> Vec<String> {
    let sentence = |ban: &consensus::Ban| {
        format!(
            "This node does not listen to {} for another {}: it sent {}.",
            name(validators, ban.peer),
            seconds(ban.remaining_ms),
            ban.what
        )
    };
    status.bans.iter().map(sentence).collect()
}

fn absent_leader(status: &Status, validators: &ValidatorSet) -> Option<String> {
    let waits = matches!(status.waiting, Waiting::Proposal | Waiting::Timeouts);
    (waits && status.missing.contains_key(&status.leader)).then(|| {
        format!(
            "{} leads this view and is missing; the others pass over it after a timeout.",
            name(validators, status.leader)
        )
    })
}

/// Whether clocks disagree, by what this node and others say of the leader's block.
fn clocks(status: &Status, validators: &ValidatorSet) -> Option<String> {
    let late = |reason: &Option<TimeoutReason>| *reason == Some(TimeoutReason::Clock);
    let mut sayers: Vec<_> = status
        .timeouts
        .iter()
        .filter(|(_, reason)| late(reason))
        .map(|(index, _)| *index)
        .collect();
    if status.waiting == Waiting::Obstacle(TimeoutReason::Clock) && !sayers.contains(&status.own) {
        sayers.push(status.own);
    }
    if sayers.is_empty() {
        return None;
    }
    let leader = name(validators, status.leader);
    Some(if sayers.len() > validators.faulty_max() {
        format!(
            "The clock of {leader} is ahead by what {} say: check its time service.",
            names(&sayers, validators)
        )
    } else {
        format!(
            "Either the clock of {leader} is ahead or that of {} is behind: check the time service of both.",
            names(&sayers, validators)
        )
    })
}

/// Why the last view was given up: the reason that is given most, and who gives another.
fn timeouts(status: &Status, validators: &ValidatorSet) -> Option<String> {
    let last = status.timed_out.last()?;
    let reasons = grouped(&last.reasons, validators);
    let leader = name(validators, last.leader);
    let view = last.view;
    if reasons.is_empty() {
        return Some(format!("View {view}, led by {leader}, was given up by a quorum."));
    }
    Some(format!("View {view}, led by {leader}, was given up: {}.", reasons.join("; ")))
}

/// "node1, node2: the leader proposed nothing in time", the most frequent reason first.
pub fn grouped(
    reasons: &std::collections::BTreeMap<ValidatorIndex, TimeoutReason>,
    validators: &ValidatorSet,
) -> Vec<String> {
    let mut groups: Vec<(String, Vec<ValidatorIndex>)> = Vec::new();
    for (voter, given) in reasons {
        let text = reason(*given, validators);
        match groups.iter_mut().find(|(known, _)| *known == text) {
            Some((_, voters)) => voters.push(*voter),
            None => groups.push((text, vec![*voter])),
        }
    }
    groups.sort_by_key(|(_, voters)| std::cmp::Reverse(voters.len()));
    let line = |(text, voters): &(String, Vec<_>)| format!("{}: {text}", names(voters, validators));
    groups.iter().map(line).collect()
}

/// Why a view was given up, with names.
pub fn reason(reason: TimeoutReason, validators: &ValidatorSet) -> String {
    match reason {
        TimeoutReason::MissingBatch { author } => {
            format!("a batch of {} in the proposal is missing", name(validators, author))
        }
        other => other.to_string(),
    }
}

fn names(indices: &[ValidatorIndex], validators: &ValidatorSet) -> String {
    let names: Vec<String> = indices.iter().map(|index| name(validators, *index)).collect();
    names.join(", ")
}

fn seconds(ms: u64) -> String {
    match ms / 1_000 {
        0 => format!("{ms} ms"),
        whole @ 1..120 => format!("{whole} s"),
        whole @ 120..7_200 => format!("{} min", whole / 60),
        whole => format!("{} h", whole / 3_600),
    }
}
