//! While a view is stuck: saying everything again, and asking for what is missing.

use primitives::{Hash, View, Vote};

use crate::core::Core;
use crate::message::{Certificate, Message, TimeoutReason};
use crate::pacemaker;
use crate::rules::Rule;

impl Core {
    /// While something is to be done and the view does not move, says everything again.
    pub(crate) fn resend_when_stuck(&mut self) {
        if self.needed_since_ms.is_none() || self.now.uptime_ms < self.resend_due_ms() {
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

    /// When everything is said again, if something is to be done: an idle chain stands still without being stuck.
    pub(crate) fn resend_due_ms(&self) -> u64 {
        let since = self.needed_since_ms.unwrap_or(0).max(self.last_resend_ms);
        since.saturating_add(pacemaker::RESEND_MS)
    }

    /// A leader that jumped over views cannot propose before it knows how they ended.
    pub(crate) fn ask_for_missing_certificates(&mut self) {
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
