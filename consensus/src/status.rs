//! What an operator wants to know at night.

use std::collections::{BTreeMap, BTreeSet};

use primitives::{CommitCertificate, ExecutionResult, Height, ValidatorIndex, View};

use crate::conduct::Ban;
use crate::core::Core;
use crate::message::TimeoutReason;
use crate::rejoin::Rejoin;
use crate::round::Round;
use crate::tree::PayloadState;

/// Unheard for this long while something waits, a validator counts as missing even if it is connected.
const MISSING_AFTER_MS: u64 = 3_000;

/// What the core waits for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Nothing is to be ordered.
    Idle,
    Proposal,
    /// A proposal is there and cannot be prepared yet.
    Obstacle(TimeoutReason),
    Prepares,
    /// A batch of the block to be executed, or its execution.
    Execution,
    Commits,
    Timeouts,
    /// Blocks that others have committed.
    CatchUp,
}

/// A view that a quorum gave up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedOut {
    pub view: View,
    pub leader: ValidatorIndex,
    /// By voter, of those whose votes came before the certificate.
    pub reasons: BTreeMap<ValidatorIndex, TimeoutReason>,
}

/// Validators that voted for one result of one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultGroup {
    pub result: ExecutionResult,
    /// Ascending.
    pub validators: Vec<ValidatorIndex>,
}

/// A snapshot of agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whose snapshot it is.
    pub own: ValidatorIndex,
    pub view: View,
    pub leader: ValidatorIndex,
    pub committed_height: Height,
    pub committed_view: View,
    pub waiting: Waiting,
    /// For how long there has been something to do and no commit, in milliseconds; zero when idle.
    pub waiting_ms: u64,
    pub prepares: Vec<ValidatorIndex>,
    /// For the lowest prepared view that is not committed.
    pub commits: Vec<ValidatorIndex>,
    /// What those commit votes say that the block's execution gave; more than one group means that validators differ.
    pub results: Vec<ResultGroup>,
    pub timeouts: BTreeMap<ValidatorIndex, Option<TimeoutReason>>,
    /// Validators that are not connected, or silent while something waits; and for how many milliseconds.
    pub missing: BTreeMap<ValidatorIndex, u64>,
    /// Those of the missing that are not connected.
    pub disconnected: BTreeSet<ValidatorIndex>,
    /// What others are known to have committed, when it is above the own height.
    pub others_height: Option<Height>,
    /// The last views that timed out, oldest first.
    pub timed_out: Vec<TimedOut>,
    /// Validators that hardly lead in this view's term, because they missed their turns before.
    pub demoted: Vec<ValidatorIndex>,
    pub evidence: Vec<(ValidatorIndex, View)>,
    /// What this validator waits for before it votes again, when its vote log was lost.
    pub rejoin: Option<Rejoin>,
    /// To whom this validator does not listen for now.
    pub bans: Vec<Ban>,
}

impl Core {
    /// The state of agreement at this uptime.
    pub fn status(&self, uptime_ms: u64) -> Status {
        let round = self.round(self.view);
        let signers = |round: Option<&Round>| {
            round.map(|round| round.prepares.keys().copied().collect()).unwrap_or_default()
        };
        let prepared = self.rounds.values().find(|round| round.prepare_certificate.is_some());
        let timeouts = round.map(|round| {
            let reason = |signer: &ValidatorIndex| round.reasons.get(signer).copied();
            round.timeouts.keys().map(|signer| (*signer, reason(signer))).collect()
        });
        let waiting = self.waiting();
        let since = self.needed_since_ms.map_or(uptime_ms, |since| since.max(self.last_commit_ms));
        Status {
            own: self.own(),
            view: self.view,
            leader: self.leader(self.view),
            committed_height: self.committed.header.height,
            committed_view: self.committed.view(),
            waiting,
            waiting_ms: uptime_ms.saturating_sub(since),
            prepares: signers(round),
            commits: prepared
                .map(|round| round.commits.keys().copied().collect())
                .unwrap_or_default(),
            results: prepared.map(results).unwrap_or_default(),
            timeouts: timeouts.unwrap_or_default(),
            disconnected: self.disconnected_ms.keys().copied().collect(),
            others_height: self.others_height(),
            missing: self.missing(uptime_ms),
            timed_out: self.timed_out.iter().cloned().collect(),
            demoted: self.schedule.demoted(self.view),
            evidence: self.evidence.keys().copied().collect(),
            rejoin: self.rejoin(),
            bans: self.conduct.bans(uptime_ms),
        }
    }

    /// How many votes, certificates and blocks are kept above the committed one: what memory grows with.
    pub fn kept(&self) -> usize {
        let votes = self.rounds.values().map(|round| {
            round.prepares.len() + round.commits.len() + round.timeouts.len() + round.reasons.len()
        });
        let certificates = 2 * self.rounds.len() + self.targets.len();
        votes.sum::<usize>() + certificates + self.tree.iter().count() + self.wanted.len()
    }

    fn waiting(&self) -> Waiting {
        if self.needed_since_ms.is_none() {
            return Waiting::Idle;
        }
        let held =
            |target: &CommitCertificate| self.tree.chain(self.committed.hash, target.block).is_ok();
        if !self.targets.values().all(held) {
            return Waiting::CatchUp;
        }
        let round = self.round(self.view);
        if round.is_some_and(|round| round.signed.timeout.is_some()) {
            return Waiting::Timeouts;
        }
        let prepared = self.rounds.values().find_map(|round| round.prepared());
        match round.and_then(|round| round.proposal.as_ref()) {
            Some(signed) => {
                let ready = self.tree.get(&signed.header.hash()).map(|block| block.payload);
                if ready == Some(PayloadState::Ready) {
                    Waiting::Prepares
                } else {
                    Waiting::Obstacle(self.obstacle())
                }
            }
            None => match prepared {
                Some(block) if self.result(&block).is_none() => Waiting::Execution,
                Some(_) => Waiting::Commits,
                None if !self.targets.is_empty() => Waiting::Execution,
                None => Waiting::Proposal,
            },
        }
    }

    fn others_height(&self) -> Option<Height> {
        let highest = self.targets.values().map(|target| target.result.height).max()?;
        (highest > self.committed.header.height).then_some(highest)
    }

    fn missing(&self, uptime_ms: u64) -> BTreeMap<ValidatorIndex, u64> {
        let mut missing = BTreeMap::new();
        for peer in self.config.validators.indices().filter(|peer| *peer != self.own()) {
            // Who is silent while nothing happens is not missing.
            let silent = self.needed_since_ms.and_then(|needed| {
                let since = needed.max(self.heard.get(&peer)?.uptime_ms);
                (uptime_ms.saturating_sub(since) >= MISSING_AFTER_MS).then_some(since)
            });
            let disconnected = self.disconnected_ms.get(&peer).copied();
            if let Some(since) = silent.into_iter().chain(disconnected).min() {
                missing.insert(peer, uptime_ms.saturating_sub(since));
            }
        }
        missing
    }
}

/// The commit votes for a round's prepared block, by result.
fn results(round: &Round) -> Vec<ResultGroup> {
    let mut groups: Vec<ResultGroup> = Vec::new();
    let votes = round.commits.values().filter(|vote| Some(vote.block) == round.prepared());
    for vote in votes {
        match groups.iter_mut().find(|group| group.result == vote.result) {
            Some(group) => group.validators.push(vote.signer),
            None => {
                groups.push(ResultGroup { result: vote.result, validators: vec![vote.signer] });
            }
        }
    }
    groups
}
