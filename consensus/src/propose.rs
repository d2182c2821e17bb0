//! Propose(b, v).

use primitives::certificate::ParentCertificate;
use primitives::codec::FormatVersion;
use primitives::{Hash, Header, Justification, Proposal, SignedBatch, TimestampMs, View, limits};

use crate::core::Core;
use crate::effect::{Effect, Payload};
use crate::evidence::SignedHeader;
use crate::message::Message;
use crate::record::Record;
use crate::rules::Rule;

impl Core {
    /// Asks for a payload when this validator leads the view and there is something to order or to finish.
    pub(crate) fn try_propose(&mut self) -> bool {
        let view = self.view;
        if self.leader(view) != self.own() || !self.may_sign(view) {
            return false;
        }
        let round = self.round(view);
        let may = round.is_none_or(|round| {
            round.signed.may_prepare(view, view) && !round.payload_asked && round.proposal.is_none()
        });
        if !may || !self.is_worth_a_block() {
            return false;
        }
        let Ok(justification) = self.justification(view) else { return false };
        let (_, parent) = justification.parent.target(self.config.genesis);
        let Some(header) = self.header(&parent) else { return false };
        let above = header.height.saturating_sub(self.committed.header.height).0;
        if !Rule::Pipeline.permits(above < limits::UNCOMMITTED_BLOCKS_MAX) {
            return false;
        }
        self.round_mut(view).payload_asked = true;
        self.effects.push(Effect::BuildPayload { view, parent });
        true
    }

    /// New transactions, a heartbeat, or blocks that did not commit in the view they were prepared in. One heartbeat is
    /// enough: while it is prepared and not yet committed, no further one follows.
    fn is_worth_a_block(&self) -> bool {
        let previous = View(self.view.0.saturating_sub(1));
        let timed_out =
            self.round(previous).is_some_and(|round| round.timeout_certificate.is_some());
        let prepared = self.rounds.values().any(|round| round.prepare_certificate.is_some());
        let unfinished = Rule::FinishPrepared.holds() && self.has_uncommitted_payload();
        self.work
            || !Rule::IdleWaits.holds()
            || (self.heartbeat_due() && !prepared && self.targets.is_empty())
            || (timed_out && (self.heartbeat_due() || unfinished))
    }

    /// Why a block of this view may stand on the highest prepared one; or the highest view without a certificate.
    pub(crate) fn justification(&self, view: View) -> Result<Justification, View> {
        let mut timeouts = Vec::new();
        let mut below = view;
        while below.0 > self.decided().0 + 1 {
            below = View(below.0 - 1);
            let round = self.round(below).ok_or(below)?;
            if let Some(certificate) = &round.prepare_certificate {
                timeouts.reverse();
                let parent = ParentCertificate::Prepare(certificate.clone());
                return Ok(Justification { parent, timeouts });
            }
            timeouts.push(round.timeout_certificate.clone().ok_or(below)?);
        }
        timeouts.reverse();
        let parent = match self.last_certificate() {
            Some(certificate) => ParentCertificate::Commit(certificate.clone()),
            None => ParentCertificate::Genesis,
        };
        Ok(Justification { parent, timeouts })
    }

    /// The payload has come: propose, unless the view has passed or there is no reason left.
    pub(crate) fn on_built(&mut self, view: View, payload: Payload) {
        let stale = view != self.view
            || self.round(view).is_none_or(|round| {
                !round.payload_asked
                    || round.proposal.is_some()
                    || !round.signed.may_prepare(view, view)
            });
        if stale {
            return;
        }
        if payload.batches.is_empty() {
            // What waited is ordered meanwhile; the mempool says when there is work again.
            self.work = false;
            if !self.is_worth_a_block() {
                self.round_mut(view).payload_asked = false;
                return;
            }
        }
        let Ok(justification) = self.justification(view) else { return };
        let (parent_view, parent) = justification.parent.target(self.config.genesis);
        let Some(parent_header) = self.header(&parent) else { return };
        let header = Header {
            version: FormatVersion::V1,
            epoch: self.config.context.epoch,
            view,
            height: parent_header.height.next(),
            parent,
            parent_view,
            payload: payload.batches,
            timestamp: self.now.wall.max(parent_header.timestamp.plus(1)),
            proposer: self.own(),
        };
        self.propose(header, justification, payload.inline);
    }

    fn propose(&mut self, header: Header, justification: Justification, inline: Vec<SignedBatch>) {
        let hash = header.hash();
        let view = header.view;
        let context = self.config.context;
        let proposal =
            Proposal::new(&context, header.clone(), justification, inline, &self.config.key);
        let signed = SignedHeader { header: header.clone(), signature: proposal.signature };
        self.persist(Record::Proposal(Box::new(signed.clone())));
        let inline = proposal.inline.clone();
        self.broadcast(Message::Proposal(Box::new(proposal)));
        self.round_mut(view).proposal = Some(signed);
        self.insert_block(hash, header, inline);
    }

    /// Keeps a block and asks for its payload.
    pub(crate) fn insert_block(&mut self, hash: Hash, header: Header, inline: Vec<SignedBatch>) {
        self.wanted.remove(&hash);
        if self.tree.contains(&hash) || hash == self.committed.hash {
            return;
        }
        self.tree.insert(hash, header.clone());
        self.effects.push(Effect::CheckPayload { header, inline });
    }

    /// The latest timestamp that a proposal may carry now.
    pub(crate) fn timestamp_max(&self) -> TimestampMs {
        self.now.wall.plus(self.config.clock_drift_ms)
    }
}
