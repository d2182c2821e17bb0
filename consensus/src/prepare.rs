//! Prepare(b, v): taking a proposal, and voting for it.

use primitives::certificate::ParentCertificate;
use primitives::{
    BatchRef, Hash, Header, Justification, PrepareVote, Proposal, ValidatorIndex, View, Vote,
    limits,
};

use crate::core::Core;
use crate::evidence::{Evidence, SignedHeader};
use crate::message::{Certificate, Message, TimeoutReason};
use crate::record::Record;
use crate::rules::Rule;
use crate::tree::PayloadState;
use crate::votes::proves;

/// Whether a proposal's parent is such that the proposal may be prepared.
enum Standing {
    Good,
    Refused(TimeoutReason),
    /// Not now, and why a timeout would say so.
    Wait(TimeoutReason),
}

impl Core {
    pub(crate) fn on_proposal(&mut self, from: ValidatorIndex, proposal: Proposal) {
        let header = &proposal.header;
        let view = header.view;
        if header.epoch != self.config.context.epoch {
            return;
        }
        if view <= self.decided() {
            return self.on_late_proposal(proposal);
        }
        if header.proposer != from {
            return self.misbehaviour(from, "a proposal of somebody else");
        }
        // Not its fault: one of us may be a term behind.
        if !Rule::LeaderProposes.permits(self.leader(view) == from) {
            return;
        }
        let signed = SignedHeader { header: header.clone(), signature: proposal.signature };
        if let Some(first) = self.round(view).and_then(|round| round.proposal.clone()) {
            if first.header != signed.header {
                self.accuse(Evidence::Proposals(first, signed.clone()));
            }
            if Rule::OnePrepare.holds() {
                return;
            }
        }
        if header.payload.len() > limits::BLOCK_BATCHES_MAX {
            return self.misbehaviour(from, "a proposal that names more batches than a block may");
        }
        let is_signed = proposal.is_signed(&self.config.context, &self.config.validators);
        if !Rule::ProposalSigned.permits(is_signed) {
            return self.misbehaviour(from, "a proposal with an invalid signature");
        }
        if let Err(what) = self.check_justification(header, &proposal.justification) {
            self.misbehaviour(from, what);
            if view == self.view {
                self.round_mut(view).refused = Some(TimeoutReason::InvalidProposal);
            }
            return;
        }
        self.compare_all(&proposal.justification);
        // The justification is what entered the proposer's view, so it enters ours.
        let Proposal { header, justification, inline, .. } = proposal;
        match justification.parent {
            ParentCertificate::Genesis => {}
            ParentCertificate::Prepare(certificate) => {
                self.keep_certificate(Certificate::Prepare(certificate));
            }
            ParentCertificate::Commit(certificate) => {
                self.keep_certificate(Certificate::Commit(certificate));
            }
        }
        for certificate in justification.timeouts {
            self.keep_certificate(Certificate::Timeout(certificate));
        }
        if view <= self.decided() {
            return;
        }
        if view == self.view {
            self.proposed_ms = Some(self.now.uptime_ms);
            // Only a wait that had a reason measures the network; an idle chain's proposals come late.
            if let Some(since) = self.needed_since_ms {
                let began = since.max(self.entered_ms);
                self.pacemaker.proposal_took(from, self.now.uptime_ms.saturating_sub(began));
            }
        }
        self.round_mut(view).proposal = Some(signed);
        self.insert_block(header.hash(), header, inline);
    }

    /// A proposal of a view that is decided: perhaps the block that the decision waits for, or half of evidence.
    fn on_late_proposal(&mut self, proposal: Proposal) {
        let Proposal { header, signature, inline, .. } = proposal;
        let hash = header.hash();
        if self.wanted.contains(&hash) {
            self.insert_block(hash, header.clone(), inline);
        }
        self.compare_proposal(SignedHeader { header, signature });
    }

    /// Whether the proposal may stand where it stands. A certificate is not checked again where one for the same is
    /// held already: then this one is not kept.
    fn check_justification(
        &self,
        header: &Header,
        justification: &Justification,
    ) -> Result<(), &'static str> {
        let (context, validators) = (&self.config.context, &self.config.validators);
        let (parent_view, parent) = justification.parent.target(self.config.genesis);
        let is_parent = header.parent == parent && header.parent_view == parent_view;
        if !Rule::ParentIsCertificates.permits(is_parent) || parent_view >= header.view {
            return Err("a proposal whose certificate is not its parent's");
        }
        let decided = self.decided();
        if parent_view < decided || (parent_view == decided && parent != self.last_decided()) {
            return Err("a proposal beside the committed chain");
        }
        let skipped = header.view.0 - parent_view.0 - 1;
        if !Rule::SkippedViews.permits(justification.timeouts.len() as u64 == skipped)
            || justification.timeouts.len() > limits::JUSTIFICATION_TIMEOUTS_MAX
        {
            return Err("a proposal without a timeout certificate for each skipped view");
        }
        // In the last decided view the parent is the decided block, as was just seen.
        let is_decided = parent_view == decided;
        let prepared = self.round(parent_view).and_then(|round| round.prepared());
        let valid = match &justification.parent {
            ParentCertificate::Genesis => true,
            ParentCertificate::Prepare(certificate) => {
                is_decided
                    || prepared == Some(parent)
                    || proves(certificate.verify(context, validators))
            }
            ParentCertificate::Commit(certificate) => {
                is_decided
                    || (prepared == Some(parent) && !Rule::CommitParentCertified.holds())
                    || proves(certificate.verify(context, validators))
            }
        };
        if !Rule::ParentCertified.permits(valid) {
            return Err("a proposal with an invalid parent certificate");
        }
        for (view, certificate) in (parent_view.0 + 1..).zip(&justification.timeouts) {
            let known =
                self.round(View(view)).is_some_and(|round| round.timeout_certificate.is_some());
            let valid = known || proves(certificate.verify(context, validators));
            if certificate.view.0 != view || !Rule::TimeoutsCertified.permits(valid) {
                return Err("a proposal with an invalid timeout certificate");
            }
        }
        Ok(())
    }

    /// Signs prepare for the current view's proposal when every rule allows it.
    pub(crate) fn try_prepare(&mut self) -> bool {
        let next = self.rounds.iter().rev().find_map(|(view, round)| {
            let signed = round.proposal.as_ref().filter(|_| round.refused.is_none())?;
            let may = self.may_sign(*view) && round.signed.may_prepare(*view, self.view);
            may.then(|| (*view, signed.clone()))
        });
        let Some((view, signed)) = next else { return false };
        let hash = signed.header.hash();
        if self.has_prepared(view, &hash) {
            return false;
        }
        match self.standing(&hash, &signed.header) {
            Standing::Good => {}
            Standing::Wait(TimeoutReason::MissingParent) => return self.want(signed.header.parent),
            Standing::Wait(_) => return false,
            Standing::Refused(reason) => {
                self.round_mut(view).refused = Some(reason);
                return true;
            }
        }
        if signed.header.proposer != self.own() {
            self.persist(Record::Proposal(Box::new(signed)));
        }
        let vote = PrepareVote::new(&self.config.context, view, hash, self.own(), &self.config.key);
        self.round_mut(view).signed.prepare = Some(vote);
        self.persist(Record::Vote(Vote::Prepare(vote)));
        self.broadcast(Message::Vote(Vote::Prepare(vote)));
        self.add_vote(Vote::Prepare(vote));
        true
    }

    /// Whether prepare for just this block is signed already.
    fn has_prepared(&self, view: View, block: &Hash) -> bool {
        let prepare = self.round(view).and_then(|round| round.signed.prepare);
        prepare.is_some_and(|vote| vote.block == *block)
    }

    /// What keeps the current view's proposal from being prepared, for a timeout vote to tell.
    pub(crate) fn obstacle(&self) -> TimeoutReason {
        let Some(round) = self.round(self.view) else { return TimeoutReason::NoProposal };
        let Some(signed) = &round.proposal else { return TimeoutReason::NoProposal };
        if let Some(reason) = round.refused {
            return reason;
        }
        match self.standing(&signed.header.hash(), &signed.header) {
            Standing::Good => TimeoutReason::NoQuorum,
            Standing::Refused(reason) | Standing::Wait(reason) => reason,
        }
    }

    fn standing(&self, hash: &Hash, header: &Header) -> Standing {
        let Some(parent) = self.header(&header.parent) else {
            return Standing::Wait(TimeoutReason::MissingParent);
        };
        if !Rule::HeightFollows.permits(header.height == parent.height.next())
            || !Rule::ParentIsCertificates.permits(header.parent_view == parent.view)
            || !Rule::TimestampAfterParent.permits(header.timestamp > parent.timestamp)
            || !Rule::PayloadWellFormed.permits(self.is_well_formed(header))
        {
            return Standing::Refused(TimeoutReason::InvalidProposal);
        }
        if !Rule::TimestampNotAhead.permits(header.timestamp <= self.timestamp_max()) {
            return Standing::Wait(TimeoutReason::Clock);
        }
        if !self.is_within_pipeline(header) {
            return Standing::Wait(TimeoutReason::NoQuorum);
        }
        match self.tree.get(hash).map(|block| block.payload) {
            Some(PayloadState::Ready) => Standing::Good,
            Some(PayloadState::Invalid) => Standing::Refused(TimeoutReason::InvalidProposal),
            _ if !Rule::PayloadHeld.holds() => Standing::Good,
            Some(PayloadState::Missing { author }) => {
                Standing::Wait(TimeoutReason::MissingBatch { author })
            }
            // It came too late for its payload to be looked at.
            Some(PayloadState::Awaited) | None => Standing::Wait(TimeoutReason::NoProposal),
        }
    }

    pub(crate) fn on_payload(&mut self, block: Hash, payload: PayloadState) {
        if let Some(block) = self.tree.get_mut(&block)
            && block.payload.is_open()
        {
            block.payload = payload;
        }
    }

    /// The rules that need nothing but the block: at most so many batches, none twice, each of a known author.
    fn is_well_formed(&self, header: &Header) -> bool {
        let mut digests: Vec<Hash> = header.payload.iter().map(|batch| batch.digest).collect();
        digests.sort_unstable();
        digests.dedup();
        let known = |batch: &BatchRef| self.config.validators.get(batch.author).is_some();
        digests.len() == header.payload.len()
            && digests.len() <= limits::BLOCK_BATCHES_MAX
            && header.payload.iter().all(known)
    }

    /// Asks everybody for a block that is certified or justified but not held. Whether it is a new wish.
    pub(crate) fn want(&mut self, block: Hash) -> bool {
        if self.tree.contains(&block) || block == self.committed.hash || !self.wanted.insert(block)
        {
            return false;
        }
        if Rule::FetchBlocks.holds() {
            self.broadcast(Message::BlockRequest { block });
        }
        true
    }
}
