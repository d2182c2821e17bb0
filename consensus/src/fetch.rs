//! Certificates by view, blocks by hash, chains from catch-up, and greeting a peer that came back.

use primitives::{CommitCertificate, Hash, Header, Signature, ValidatorIndex, View};

use crate::core::Core;
use crate::effect::Effect;
use crate::evidence::SignedHeader;
use crate::message::{Certificate, Message};
use crate::rules::Rule;
use crate::votes::proves;

/// Certificates of one answer; whoever lacks more asks again.
const ANSWER_CERTIFICATES_MAX: usize = 64;
/// One peer is answered this often at most.
const ANSWER_INTERVAL_MS: u64 = 50;

impl Core {
    /// Sends a peer what lets it leave the views `from..=to`: the last commit certificate if it lacks it, and
    /// the certificates of the views above. Rate-limited per peer.
    pub(crate) fn answer(&mut self, peer: ValidatorIndex, from: View, to: View) {
        if !self.may_answer(peer) {
            return;
        }
        let mut certificates = Vec::new();
        if from <= self.decided() {
            certificates.extend(self.last_certificate().cloned().map(Certificate::Commit));
        }
        let rounds = self.rounds.range(from..=to.max(from)).map(|(_, round)| round);
        for round in rounds.take(ANSWER_CERTIFICATES_MAX) {
            certificates.extend(round.prepare_certificate.clone().map(Certificate::Prepare));
            certificates.extend(round.timeout_certificate.clone().map(Certificate::Timeout));
        }
        certificates.truncate(ANSWER_CERTIFICATES_MAX);
        for certificate in certificates {
            self.send(peer, Message::Certificate(Box::new(certificate)));
        }
    }

    /// Whether a peer was not answered just now; from now on it was.
    pub(crate) fn may_answer(&mut self, peer: ValidatorIndex) -> bool {
        let now = self.now.uptime_ms;
        let last = self.answered_ms.get(&peer);
        if last.is_some_and(|last| now < last.saturating_add(ANSWER_INTERVAL_MS)) {
            return false;
        }
        self.answered_ms.insert(peer, now);
        true
    }

    pub(crate) fn on_block_request(&mut self, peer: ValidatorIndex, block: Hash) {
        let held = self.header(&block);
        let signed = match held {
            Some(header) => self.proposal(header.view).filter(|signed| signed.header == *header),
            None => self.past_proposals().find(|signed| signed.header.hash() == block),
        };
        let signature = signed.map(|signed| signed.signature);
        let Some(header) = held.or(signed.map(|signed| &signed.header)).cloned() else { return };
        self.send(peer, Message::Block { header: Box::new(header), signature });
    }

    /// Takes a block that was asked for: its hash says that it is the one.
    pub(crate) fn on_block(&mut self, header: Header, signature: Option<Signature>) {
        let hash = header.hash();
        if let Some(signature) = signature {
            self.compare_proposal(SignedHeader { header: header.clone(), signature });
        }
        if self.wanted.contains(&hash) {
            self.insert_block(hash, header, Vec::new());
        }
    }

    /// Has the blocks up to this certificate's fetched.
    pub(crate) fn catch_up(&mut self, certificate: CommitCertificate) {
        if Rule::CatchUp.holds() {
            self.effects.push(Effect::CatchUp { certificate });
        }
    }

    /// Takes a range from catch-up. It must connect to the committed chain and end in the certified block.
    pub(crate) fn on_chain(&mut self, headers: Vec<Header>, certificate: CommitCertificate) {
        let (context, validators) = (&self.config.context, &self.config.validators);
        if !proves(certificate.verify(context, validators)) {
            return;
        }
        let mut parent = self.committed.hash;
        let above: Vec<Header> = headers
            .into_iter()
            .filter(|header| header.height > self.committed.header.height)
            .collect();
        for header in &above {
            if header.parent != parent {
                return;
            }
            parent = header.hash();
        }
        if parent != certificate.block || above.is_empty() {
            return;
        }
        for header in above {
            self.insert_block(header.hash(), header, Vec::new());
        }
        // What stands inside of the range is committed with it.
        self.targets.retain(|view, _| *view >= certificate.view);
        self.keep_certificate(Certificate::Commit(certificate));
    }

    pub(crate) fn on_peer(&mut self, peer: ValidatorIndex, connected: bool) {
        if self.config.validators.get(peer).is_none() || peer == self.own() {
            return;
        }
        if !connected {
            self.disconnected_ms.entry(peer).or_insert(self.now.uptime_ms);
            return;
        }
        self.disconnected_ms.remove(&peer);
        if !Rule::GreetPeers.holds() {
            return;
        }
        // After a timeout the view's entry says nothing of the last commit, and an idle chain would not tell it.
        if self.view > self.decided().next()
            && let Some(certificate) = self.last_certificate().cloned()
        {
            self.send(peer, Message::Certificate(Box::new(Certificate::Commit(certificate))));
        }
        for message in self.standpoint() {
            self.send(peer, message);
        }
    }
}
