//! Votes into certificates, and certificates from peers.

use primitives::{
    CommitCertificate, PrepareCertificate, TimeoutCertificate, ValidatorIndex, View, Vote,
};

use crate::core::Core;
use crate::message::Certificate;
use crate::record::Record;
use crate::round::Round;
use crate::rules::Rule;
use crate::votes;
use crate::votes::proves;
use crate::witness::Verdict;

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
            let (epoch, signatures) = (context.epoch, votes::signatures(quorum));
            Some(PrepareCertificate { epoch, view, block, signatures })
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
            let (epoch, signatures) = (context.epoch, votes::signatures(quorum));
            Some(CommitCertificate { epoch, view, block, result, signatures })
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
}
