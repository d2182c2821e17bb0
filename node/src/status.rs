//! The state of agreement in words that a person on call understands.

use consensus::{Rejoin, Status, TimeoutReason, Waiting};
use primitives::{ValidatorIndex, ValidatorSet, View};
use rpc::types::{ConsensusState, ConsensusStatus, LastTimeout, Leader, MissingValidator};

/// After this long without what it waits for, a chain counts as stalled, in milliseconds.
const STALLED_AFTER_MS: u64 = 5_000;

fn name(validators: &ValidatorSet, index: ValidatorIndex) -> String {
    match validators.get(index) {
        Some(validator) => validator.name.clone(),
        None => format!("validator {index}"),
    }
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

/// What a validator that lost its vote log waits for.
fn rejoin_sentence(rejoin: &Rejoin, view: View, validators: &ValidatorSet) -> String {
    let lost = "this validator's vote log was lost: it follows and commits, but does not vote";
    let names = |indices: &[ValidatorIndex]| match indices {
        [] => "nobody".to_owned(),
        some => some.iter().map(|one| name(validators, *one)).collect::<Vec<_>>().join(", "),
    };
    let (answered, needed) = (&rejoin.answered, rejoin.needed);
    match rejoin.floor {
        Some(floor) => format!("{lost} before view {} (now {view})", floor.next()),
        None if needed >= validators.len() => {
            let count = validators.len();
            format!(
                "{lost} and never can again: a set of {count} cannot do without one of its logs"
            )
        }
        None => format!(
            "{lost} before {needed} others have shown in which view they are; shown by {}",
            names(answered)
        ),
    }
}

/// What must happen before the next block commits.
pub fn sentence(status: &Status, validators: &ValidatorSet) -> String {
    let mut text = waiting_sentence(status, validators);
    if let Some(rejoin) = &status.rejoin {
        text = format!("{}; {text}", rejoin_sentence(rejoin, status.view, validators));
    }
    text
}

fn waiting_sentence(status: &Status, validators: &ValidatorSet) -> String {
    let quorum = validators.quorum();
    let leader = name(validators, status.leader);
    let votes = |what: &str, have: usize| {
        format!("{what} of {quorum} validators are needed, {have} are here")
    };
    let mut text = match status.waiting {
        Waiting::Idle => "nothing to do: no transaction waits".to_owned(),
        Waiting::Proposal => format!("a proposal of {leader}, who leads view {}", status.view),
        Waiting::Obstacle(obstacle) => {
            let obstacle = reason(obstacle, validators);
            format!("the proposal of {leader} cannot be voted for: {obstacle}")
        }
        Waiting::Prepares => votes("prepare votes", status.prepares.len()),
        Waiting::Execution => "the block's batches or its execution".to_owned(),
        Waiting::Commits => votes("commit votes", status.commits.len()),
        Waiting::Timeouts => votes("timeout votes", status.timeouts.len()),
        Waiting::CatchUp => "blocks that the other validators have committed".to_owned(),
    };
    if status.waiting != Waiting::Idle && !status.missing.is_empty() {
        let missing: Vec<String> = status
            .missing
            .iter()
            .map(|(index, ms)| format!("{} for {} s", name(validators, *index), ms / 1_000))
            .collect();
        text.push_str(&format!("; missing: {}", missing.join(", ")));
        let reachable = validators.len() - status.missing.len();
        if reachable < quorum {
            text.push_str(&format!(
                "; without {} more of them no block can commit",
                quorum - reachable
            ));
        }
    }
    text
}

/// The same as the interface gives it.
pub fn view(status: &Status, validators: &ValidatorSet) -> ConsensusStatus {
    let names = |indices: &[ValidatorIndex]| {
        indices.iter().map(|index| name(validators, *index)).collect::<Vec<_>>()
    };
    let state = match status.waiting {
        Waiting::Idle => ConsensusState::Idle,
        _ if status.waiting_ms >= STALLED_AFTER_MS => ConsensusState::Stalled,
        _ => ConsensusState::Working,
    };
    let last_timeouts = status.timed_out.iter().rev().map(|timed_out| {
        let mut texts: Vec<String> =
            timed_out.reasons.values().map(|why| reason(*why, validators)).collect();
        texts.sort();
        texts.dedup();
        LastTimeout {
            view: timed_out.view,
            leader: name(validators, timed_out.leader),
            reason: texts.join("; "),
        }
    });
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    ConsensusStatus {
        view: status.view,
        height: status.committed_height,
        leader: Leader { index: status.leader, name: name(validators, status.leader) },
        state,
        waiting_for: sentence(status, validators),
        prepare_votes: names(&status.prepares),
        commit_votes: names(&status.commits),
        timeout_votes: names(&status.timeouts.keys().copied().collect::<Vec<_>>()),
        missing: status
            .missing
            .iter()
            .map(|(index, ms)| MissingValidator { name: name(validators, *index), since_ms: *ms })
            .collect(),
        last_timeouts: last_timeouts.collect(),
        validators: count(validators.len()),
        quorum: count(validators.quorum()),
        faulty_max: count(validators.faulty_max()),
    }
}
