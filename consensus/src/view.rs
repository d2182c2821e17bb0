//! Views: votes into certificates, entering, timing out, and saying it again while stuck.

use primitives::{
    CommitCertificate, Hash, PrepareCertificate, Signatures, TimeoutCertificate, TimeoutVote,
    ValidatorIndex, View, Vote,
};

use crate::core::Core;
use crate::effect::Effect;
use crate::message::{Certificate, Message, TimeoutReason};
use crate::pacemaker;
use crate::record::Record;
use crate::round::Round;
use crate::rules::Rule;
use crate::safety::Signed;
use crate::status::TimedOut;
use crate::votes;
use crate::votes::proves;
use crate::witness::{REMEMBERED_VIEWS, Verdict};

/// Timed-out views whose reasons are kept for the status.
const TIMED_OUT_KEPT: usize = 8;

impl Core {
    /// Counts a vote for the current view, the next, or an earlier one above the last decided.
    pub(crate) fn add_vote(&mut self, vote: Vote) {
        let view = vote.view();
        if vote.epoch() != self.config.context.epoch
            || !Rule::VoteWindow.permits(view <= self.view.next())
        {
            return;
        }
        if view <= self.decided() {
            return self.add_late_vote(vote);
        }
        match self.round_mut(view).insert(vote) {
            Ok(true) => self.certify(view),
            Ok(false) => {}
            Err(evidence) => {
                if self.accuse(*evidence) == Verdict::Unproven {
                    self.misbehaviour(vote.signer(), "a vote with an invalid signature");
                }
            }
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

    /// Makes the certificates of a view for which a quorum of votes is there.
    pub(crate) fn certify(&mut self, view: View) {
        let Some(mut round) = self.rounds.remove(&view) else { return };
        let mut liars = Vec::new();
        let prepare = self.certify_prepare(view, &mut round, &mut liars);
        let commit = self.certify_commit(view, &mut round, &mut liars);
        let timeout = self.certify_timeout(view, &mut round, &mut liars);
        self.rounds.insert(view, round);
        for liar in liars {
            self.misbehaviour(liar, "a vote with an invalid signature");
        }
        let certificates = [
            prepare.map(Certificate::Prepare),
            timeout.map(Certificate::Timeout),
            commit.map(Certificate::Commit),
        ];
        for certificate in certificates.into_iter().flatten() {
            self.keep_certificate(certificate);
        }
    }

    fn certify_prepare(
        &self,
        view: View,
        round: &mut Round,
        liars: &mut Vec<ValidatorIndex>,
    ) -> Option<PrepareCertificate> {
        if round.prepare_certificate.is_some() {
            return None;
        }
        let (context, validators) = (&self.config.context, &self.config.validators);
        let mut blocks: Vec<_> = round.prepares.values().map(|vote| vote.block).collect();
        blocks.sort_unstable();
        blocks.dedup();
        blocks.into_iter().find_map(|block| {
            let counts = |vote: &primitives::PrepareVote| vote.block == block;
            let votes = &mut round.prepares;
            let quorum = votes::quorum(votes, counts, Vote::Prepare, context, validators, liars)?;
            let signatures = Signatures(quorum.into_iter().map(|(s, _, sig)| (s, sig)).collect());
            Some(PrepareCertificate { epoch: context.epoch, view, block, signatures })
        })
    }

    fn certify_commit(
        &self,
        view: View,
        round: &mut Round,
        liars: &mut Vec<ValidatorIndex>,
    ) -> Option<CommitCertificate> {
        if self.targets.contains_key(&view) {
            return None;
        }
        let (context, validators) = (&self.config.context, &self.config.validators);
        let mut statements = Vec::new();
        for vote in round.commits.values() {
            if !statements.contains(&(vote.block, vote.result)) {
                statements.push((vote.block, vote.result));
            }
        }
        statements.into_iter().find_map(|(block, result)| {
            let counts = |vote: &primitives::CommitVote| {
                vote.block == block && Rule::OneResult.permits(vote.result == result)
            };
            let votes = &mut round.commits;
            let quorum = votes::quorum(votes, counts, Vote::Commit, context, validators, liars)?;
            let signatures = Signatures(quorum.into_iter().map(|(s, _, sig)| (s, sig)).collect());
            Some(CommitCertificate { epoch: context.epoch, view, block, result, signatures })
        })
    }

    fn certify_timeout(
        &self,
        view: View,
        round: &mut Round,
        liars: &mut Vec<ValidatorIndex>,
    ) -> Option<TimeoutCertificate> {
        let is_over = view < self.view && round.prepare_certificate.is_some();
        if round.timeout_certificate.is_some() || is_over {
            return None;
        }
        let (context, validators) = (&self.config.context, &self.config.validators);
        let votes = &mut round.timeouts;
        let quorum = votes::quorum(votes, |_| true, Vote::Timeout, context, validators, liars)?;
        let signatures = quorum.into_iter().map(|(s, vote, sig)| (s, vote.prepared, sig)).collect();
        Some(TimeoutCertificate { epoch: context.epoch, view, signatures })
    }

    /// A certificate from a peer: checked, then kept.
    pub(crate) fn on_certificate(&mut self, from: ValidatorIndex, certificate: Certificate) {
        self.compare(&certificate);
        if self.is_known(&certificate) {
            return;
        }
        let (context, validators) = (&self.config.context, &self.config.validators);
        let checked = match &certificate {
            Certificate::Prepare(certificate) => certificate.verify(context, validators),
            Certificate::Commit(certificate) => certificate.verify(context, validators),
            Certificate::Timeout(certificate) => certificate.verify(context, validators),
        };
        if proves(checked) {
            self.keep_certificate(certificate);
        } else {
            self.misbehaviour(from, "an invalid certificate");
        }
    }

    fn is_known(&self, certificate: &Certificate) -> bool {
        let view = certificate.view();
        let decided = view <= self.decided();
        let round = self.round(view);
        match certificate {
            Certificate::Prepare(_) => {
                decided || round.is_some_and(|round| round.prepare_certificate.is_some())
            }
            Certificate::Timeout(_) => {
                decided || round.is_some_and(|round| round.timeout_certificate.is_some())
            }
            Certificate::Commit(_) => {
                view <= self.committed.view() || self.targets.contains_key(&view)
            }
        }
    }

    /// Keeps a verified certificate and enters the view after it.
    pub(crate) fn keep_certificate(&mut self, certificate: Certificate) {
        if self.is_known(&certificate) {
            return;
        }
        let view = certificate.view();
        self.persist(Record::Certificate(Box::new(certificate.clone())));
        self.remember_votes(&certificate);
        let mut after_timeout = false;
        match certificate {
            Certificate::Prepare(certificate) => {
                if let Some(proposed) = self.proposed_ms.filter(|_| view == self.view) {
                    let took_ms = self.now.uptime_ms.saturating_sub(proposed);
                    self.pacemaker.prepare_took(self.leader(view), took_ms);
                }
                self.round_mut(view).prepare_certificate = Some(certificate);
            }
            Certificate::Timeout(certificate) => {
                after_timeout = true;
                self.note_timed_out(view);
                self.round_mut(view).timeout_certificate = Some(certificate);
            }
            Certificate::Commit(certificate) => {
                if self.tree.chain(self.committed.hash, certificate.block).is_err() {
                    self.catch_up(certificate.clone());
                }
                self.aim(certificate);
            }
        }
        self.enter(view.next(), after_timeout);
    }

    fn note_timed_out(&mut self, view: View) {
        let reasons = self.round(view).map(|round| round.reasons.clone()).unwrap_or_default();
        let skipped = reasons.values().any(|reason| *reason == TimeoutReason::SilentLeader);
        if view == self.view && !skipped {
            self.pacemaker.view_timed_out();
        }
        let leader = self.leader(view);
        self.timed_out.push_back(TimedOut { view, leader, reasons });
        if self.timed_out.len() > TIMED_OUT_KEPT {
            self.timed_out.pop_front();
        }
    }

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
        let active = |index: &ValidatorIndex| {
            *index == self.own() || self.now.uptime_ms < self.silent_ms(*index)
        };
        let validators = &self.config.validators;
        let heard = active(&leader) && !self.conduct.is_banned(self.now.uptime_ms, leader);
        !heard && validators.indices().filter(active).count() >= validators.quorum()
    }

    /// When a validator counts as silent, unless it is heard again.
    fn silent_ms(&self, validator: ValidatorIndex) -> u64 {
        let heard_ms = self.heard_ms.get(&validator).copied().unwrap_or(0);
        heard_ms.saturating_add(self.pacemaker.silence_ms())
    }

    /// When the current leader will count as silent; never if it does already.
    fn leader_silent_ms(&self) -> u64 {
        let silent_ms = self.silent_ms(self.leader(self.view));
        if silent_ms > self.now.uptime_ms { silent_ms } else { u64::MAX }
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
        let resend = self.last_resend_ms.saturating_add(pacemaker::RESEND_MS);
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

    /// While something is to be done and the view does not move, says everything again.
    pub(crate) fn resend_when_stuck(&mut self) {
        let due = self.last_resend_ms.saturating_add(pacemaker::RESEND_MS);
        if self.needed_since_ms.is_none() || self.now.uptime_ms < due {
            return;
        }
        self.last_resend_ms = self.now.uptime_ms;
        if !Rule::ResendWhileStuck.holds() {
            return;
        }
        for message in self.standpoint() {
            self.broadcast(message);
        }
        let wanted: Vec<_> = self.wanted.iter().copied().collect();
        for block in wanted {
            self.broadcast(Message::BlockRequest { block });
        }
        if let Some(certificate) = self.targets.values().next_back().cloned()
            && !self.is_payload_held(certificate.block)
        {
            self.catch_up(certificate);
        }
        if self.leader(self.view) == self.own() {
            self.ask_for_missing_certificates();
        }
    }

    /// A leader that jumped over views cannot propose before it knows how they ended.
    fn ask_for_missing_certificates(&mut self) {
        if let Err(missing) = self.justification(self.view)
            && Rule::AskForCertificates.holds()
        {
            let from = self.decided().next();
            self.broadcast(Message::CertificateRequest { from, to: missing });
        }
    }

    /// Whether all blocks up to `tip` are held with their batches.
    fn is_payload_held(&self, tip: Hash) -> bool {
        self.tree
            .chain(self.committed.hash, tip)
            .is_ok_and(|chain| chain.iter().all(|block| !block.payload.is_open()))
    }

    /// What a peer must know to be where this validator is: its votes above the last decided view, and the
    /// certificate that entered the view.
    pub(crate) fn standpoint(&self) -> Vec<Message> {
        let mut messages = Vec::new();
        if let Some(certificate) = self.entry_certificate() {
            messages.push(Message::Certificate(Box::new(certificate)));
        }
        for (view, round) in &self.rounds {
            if let Some(vote) = round.signed.commit {
                messages.push(Message::Vote(Vote::Commit(vote)));
            }
            if *view != self.view {
                continue;
            }
            if let Some(vote) = round.signed.prepare {
                messages.push(Message::Vote(Vote::Prepare(vote)));
            }
            if let Some(vote) = round.signed.timeout {
                let reason =
                    round.reasons.get(&self.own()).copied().unwrap_or(TimeoutReason::NoProposal);
                let committed = self.decided();
                messages.push(Message::Timeout { vote, reason, committed });
            }
        }
        messages
    }

    pub(crate) fn entry_certificate(&self) -> Option<Certificate> {
        let previous = View(self.view.0.saturating_sub(1));
        if previous == self.decided() {
            return self.last_certificate().cloned().map(Certificate::Commit);
        }
        let round = self.round(previous)?;
        let prepare = round.prepare_certificate.clone().map(Certificate::Prepare);
        prepare.or_else(|| round.timeout_certificate.clone().map(Certificate::Timeout))
    }
}
