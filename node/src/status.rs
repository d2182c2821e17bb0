//! The state of agreement as the interface and the log give it.

#[cfg(test)]
mod tests;
mod words;

use consensus::{Status, Waiting};
use primitives::{ValidatorIndex, ValidatorSet};
use rpc::types::{
    BannedValidator, ConsensusState, ConsensusStatus, LastTimeout, Leader, MissingValidator,
    ResultVotes, TimeoutVoteView,
};

use crate::disk::Outlook;

pub use words::{explanation, headline, reason};

/// After this long without what it waits for, a chain counts as stalled, in milliseconds.
const STALLED_AFTER_MS: u64 = 5_000;

/// What this node knows of itself beside agreement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Here {
    /// For how long a write of the vote log has been under way, in milliseconds.
    pub writing_ms: Option<u64>,
    /// How long the slowest write of the last minute took, in milliseconds.
    pub slowest_write_ms: Option<u64>,
    /// How full the disk is, where that is known.
    pub disk: Option<Outlook>,
}

fn name(validators: &ValidatorSet, index: ValidatorIndex) -> String {
    match validators.get(index) {
        Some(validator) => validator.name.clone(),
        None => format!("validator {index}"),
    }
}

/// All of it in one line, for the log.
pub fn line(status: &Status, validators: &ValidatorSet, here: &Here) -> String {
    let first = format!("{}.", headline(status, validators));
    let rest = explanation(status, validators, here);
    std::iter::once(first).chain(rest).collect::<Vec<_>>().join(" ")
}

/// The same as the interface gives it.
pub fn view(status: &Status, validators: &ValidatorSet, here: &Here) -> ConsensusStatus {
    let names = |indices: &[ValidatorIndex]| {
        indices.iter().map(|index| name(validators, *index)).collect::<Vec<_>>()
    };
    let state = match status.waiting {
        Waiting::Idle => ConsensusState::Idle,
        _ if status.waiting_ms >= STALLED_AFTER_MS => ConsensusState::Stalled,
        _ => ConsensusState::Working,
    };
    let last_timeouts = status.timed_out.iter().rev().map(|timed_out| {
        let votes = timed_out.reasons.iter().map(|(validator, why)| TimeoutVoteView {
            validator: name(validators, *validator),
            reason: reason(*why, validators),
        });
        let leader = name(validators, timed_out.leader);
        LastTimeout { view: timed_out.view, leader, votes: votes.collect() }
    });
    let missing = status.missing.iter().map(|(index, ms)| MissingValidator {
        name: name(validators, *index),
        since_ms: *ms,
        connected: !status.disconnected.contains(index),
    });
    let results = status.results.iter().map(|group| ResultVotes {
        result: group.result.into(),
        validators: names(&group.validators),
    });
    let banned = status.bans.iter().map(|ban| BannedValidator {
        name: name(validators, ban.peer),
        remaining_ms: ban.remaining_ms,
        reason: ban.what.to_owned(),
    });
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    ConsensusStatus {
        view: status.view,
        height: status.committed_height,
        leader: Leader { index: status.leader, name: name(validators, status.leader) },
        state,
        waiting_for: headline(status, validators),
        explanation: explanation(status, validators, here),
        prepare_votes: names(&status.prepares),
        commit_votes: names(&status.commits),
        results: results.collect(),
        timeout_votes: names(&status.timeouts.keys().copied().collect::<Vec<_>>()),
        missing: missing.collect(),
        others_height: status.others_height,
        banned: banned.collect(),
        demoted: names(&status.demoted),
        last_timeouts: last_timeouts.collect(),
        validators: count(validators.len()),
        quorum: count(validators.quorum()),
        faulty_max: count(validators.faulty_max()),
    }
}
