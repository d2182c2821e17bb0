//! Views: entering, and giving up.

use primitives::{TimeoutVote, ValidatorIndex, View, Vote};

use crate::core::Core;
use crate::effect::Effect;
use crate::message::{Message, TimeoutReason};
use crate::record::Record;
use crate::rules::Rule;
use crate::safety::Signed;
use crate::status::TimedOut;
use crate::witness::REMEMBERED_VIEWS;

/// Timed-out views whose reasons are kept for the status.
const TIMED_OUT_KEPT: usize = 8;

impl Core {
    /// Moves on. Votes of a view that has its certificates are let go when they are too old to convict by; what was
    /// signed in it is not.
    pub(crate) fn enter(&mut self, view: View, after_timeout: bool) {
        if view <= self.view {
            return;
        }
        let remembered = View(view.0.saturating_sub(REMEMBERED_VIEWS));
        for (left, round) in self.rounds.range_mut(..view) {
            round.reasons.clear();
            if !Rule::FlagsKept.holds() {
                round.signed = Signed::default();
            }
            if *left >= remembered {
                continue;
            }
            round.timeouts.clear();
            if round.prepare_certificate.is_some() {
                round.prepares.clear();
            }
        }
        self.view = view;
        self.entered_ms = self.now.uptime_ms;
        self.last_resend_ms = self.now.uptime_ms;
        self.proposed_ms = None;
        let leader = self.leader(view);
        self.effects.push(Effect::EnteredView { view, leader, after_timeout });
        if leader == self.own() {
            self.ask_for_missing_certificates();
        }
    }

    pub(crate) fn on_timeout(
        &mut self,
        from: ValidatorIndex,
        vote: TimeoutVote,
        reason: TimeoutReason,
        committed: View,
    ) {
        let is_late = vote.view < self.view || committed < self.decided();
        if is_late && Rule::AnswerLateTimeout.holds() {
            self.answer(from, vote.view.min(committed.next()), self.view);
        }
        // Of a view that was left nobody asks any more why.
        if (self.view..=self.view.next()).contains(&vote.view) {
            self.note_reason(vote.view, from, reason);
        }
        if let Some(block) = vote.prepared {
            self.ask_for_rival(from, vote.view, block);
        }
        self.add_vote(Vote::Timeout(vote));
    }

    /// Keeps why a validator gave a view up; and says so when enough blame the same author.
    fn note_reason(&mut self, view: View, voter: ValidatorIndex, reason: TimeoutReason) {
        let round = self.round_mut(view);
        let before = round.reasons.insert(voter, reason);
        let TimeoutReason::MissingBatch { author } = reason else { return };
        let blaming = round.reasons.values().filter(|other| **other == reason).count();
        if before != Some(reason) && blaming == self.config.validators.faulty_max() + 1 {
            let leader = self.leader(view);
            self.effects.push(Effect::BatchWithheld { view, leader, author });
        }
    }

    pub(crate) fn note_timed_out(&mut self, view: View) {
        let reasons = self.round(view).map(|round| round.reasons.clone()).unwrap_or_default();
        let silent = |reason: &&TimeoutReason| **reason == TimeoutReason::SilentLeader;
        // Reasons are not signed: one of f + 1 is honest, and the own one is.
        let faulty_max = self.config.validators.faulty_max();
        let trusted = if Rule::ReasonsAgree.holds() { faulty_max } else { 0 };
        let skipped = reasons.get(&self.own()).is_some_and(|own| silent(&own))
            || reasons.values().filter(silent).count() > trusted;
        if view == self.view && !skipped {
            self.pacemaker.view_timed_out();
        }
        let leader = self.leader(view);
        self.timed_out.push_back(TimedOut { view, leader, reasons });
        if self.timed_out.len() > TIMED_OUT_KEPT {
            self.timed_out.pop_front();
        }
    }

    /// Gives the current view up when a rule says so.
    pub(crate) fn try_time_out(&mut self) -> bool {
        if self.needs_progress() {
            self.needed_since_ms.get_or_insert(self.now.uptime_ms);
        } else {
            self.needed_since_ms = None;
        }
        let view = self.view_to_give_up();
        let may = self.may_give_up(view);
        let Some(reason) = self.timeout_reason().filter(|_| may) else { return false };
        let prepare = self.round(view).and_then(|round| round.signed.prepare);
        let prepared = prepare.map(|vote| vote.block).filter(|_| Rule::TruthfulTimeout.holds());
        let vote =
            TimeoutVote::new(&self.config.context, view, prepared, self.own(), &self.config.key);
        let own = self.own();
        let round = self.round_mut(view);
        round.signed.timeout = Some(vote);
        self.note_reason(view, own, reason);
        self.persist(Record::Vote(Vote::Timeout(vote)));
        let committed = self.decided();
        self.broadcast(Message::Timeout { vote, reason, committed });
        self.effects.push(Effect::TimedOut { view, reason });
        self.add_vote(Vote::Timeout(vote));
        true
    }

    fn may_give_up(&self, view: View) -> bool {
        let round = self.round(view);
        self.may_sign(view) && round.is_none_or(|round| round.signed.may_time_out(view, self.view))
    }

    /// Only the current view: in one that was left, commit may be signed yet.
    fn view_to_give_up(&self) -> View {
        let left = View(self.view.0.saturating_sub(1));
        let held = Rule::NoTimeoutAfterCommit.holds() || left <= self.decided();
        if held { self.view } else { left }
    }

    fn timeout_reason(&self) -> Option<TimeoutReason> {
        let round = self.round(self.view);
        let joined = round.map_or(0, |round| round.timeouts.len());
        if joined > self.config.validators.faulty_max() && Rule::JoinTimeouts.holds() {
            return Some(TimeoutReason::Joined);
        }
        let refused = round.and_then(|round| round.refused);
        if refused.is_some() && Rule::InvalidTimesOut.holds() {
            return refused;
        }
        let (leader_ms, view_ms) = self.timers()?;
        let proposed = round.is_some_and(|round| round.proposal.is_some());
        let now = self.now.uptime_ms;
        if now >= view_ms {
            return Some(self.obstacle());
        }
        if proposed {
            return None;
        }
        if now >= leader_ms {
            return Some(TimeoutReason::NoProposal);
        }
        let silent = Rule::SilentLeader.holds() && self.is_leader_silent();
        silent.then_some(TimeoutReason::SilentLeader)
    }

    /// When the leader and the view are late, while something is to be done.
    fn timers(&self) -> Option<(u64, u64)> {
        let began = self.needed_since_ms?.max(self.entered_ms);
        let leader = self.leader(self.view);
        Some((
            began.saturating_add(self.pacemaker.leader_timer_ms(leader)),
            began.saturating_add(self.pacemaker.view_timer_ms(leader)),
        ))
    }

    /// Whether the leader has not been heard for long while a quorum has; whoever is banned is not heard.
    fn is_leader_silent(&self) -> bool {
        let leader = self.leader(self.view);
        let active = |index: &ValidatorIndex| *index == self.own() || self.patience_ms(*index) > 0;
        let validators = &self.config.validators;
        let heard = active(&leader) && !self.conduct.is_banned(self.now.uptime_ms, leader);
        !heard && validators.indices().filter(active).count() >= validators.quorum()
    }

    /// How much longer, while something is to be done, until a validator that is not heard counts as silent; zero when
    /// it does.
    fn patience_ms(&self, validator: ValidatorIndex) -> u64 {
        let heard_ms = self.heard.get(&validator).map_or(0, |heard| heard.needed_ms);
        heard_ms.saturating_add(self.pacemaker.silence_ms()).saturating_sub(self.needed_ms)
    }

    /// When the current leader will count as silent; never if it does already.
    fn leader_silent_ms(&self) -> u64 {
        match self.patience_ms(self.leader(self.view)) {
            0 => u64::MAX,
            patience_ms => self.now.uptime_ms.saturating_add(patience_ms),
        }
    }

    /// The next moment at which [`crate::Input::Tick`] may change something; on the uptime clock.
    pub fn deadline_ms(&self) -> u64 {
        let heartbeat = self.last_commit_ms.saturating_add(self.config.heartbeat_ms);
        let heartbeat = if self.heartbeat_due() { u64::MAX } else { heartbeat };
        let ask_views = self.ask_views_ms();
        if self.needed_since_ms.is_none() {
            return heartbeat.min(ask_views);
        }
        let round = self.round(self.view);
        let resend = self.resend_due_ms();
        let proposed = round.is_some_and(|round| round.proposal.is_some());
        let timer = match self.timers() {
            Some(_) if !self.may_give_up(self.view) => u64::MAX,
            Some((leader_ms, _)) if !proposed => leader_ms.min(self.leader_silent_ms()),
            Some((_, view_ms)) => view_ms,
            None => u64::MAX,
        };
        // A timestamp ahead of the clock becomes acceptable as time passes; look again soon.
        let clock = match self.obstacle() {
            TimeoutReason::Clock => self.now.uptime_ms + 10,
            _ => u64::MAX,
        };
        heartbeat.min(resend).min(timer).min(clock).min(ask_views)
    }
}
