//! Proposals that break a rule.

use consensus::Message;
use primitives::certificate::ParentCertificate;
use primitives::codec::FormatVersion;
use primitives::{Hash, Header, Height, Justification, Proposal, TimestampMs, View};

use crate::byzantine::forge::{commit_certificate, prepare_certificate, timeout_certificate};
use crate::byzantine::{Actor, Attack, Forgery, Outgoing, Surroundings, random_side};
use crate::world::CLOCK_DRIFT_MS;

impl Actor {
    /// Its core proposes: what it proposes instead.
    pub(super) fn proposes(
        &mut self,
        around: &mut Surroundings<'_>,
        to: u128,
        proposal: Proposal,
    ) -> Outgoing {
        self.learn_header(&proposal.header);
        let mut header = proposal.header.clone();
        let mut justification = proposal.justification.clone();
        let mut breaks_signature = false;
        let attacks = self.attacks.clone();
        let chance_taken = |attack: &&Attack| {
            matches!(attack, Attack::Equivocate | Attack::OneSide | Attack::LateProposal)
        };
        for attack in attacks.iter().filter(|attack| !chance_taken(attack)) {
            if !around.chance.happens(self.of_1000) {
                continue;
            }
            match attack {
                Attack::WrongHeight => header.height = header.height.next(),
                Attack::Backdate => self.backdate(&mut header),
                Attack::Postdate => {
                    let ahead_ms = CLOCK_DRIFT_MS + around.chance.between(300, 5_000);
                    header.timestamp = around.wall.plus(ahead_ms);
                }
                Attack::BatchTwice => header.payload.extend(header.payload.clone()),
                Attack::BadProposalSignature => breaks_signature = true,
                Attack::ForgeParent => {
                    self.forge_parent(around, &mut header, &mut justification);
                }
                Attack::WrongParent => self.step_back(&mut header),
                Attack::SkipViews => self.skip(around, &mut header, &mut justification, None),
                Attack::ForgeTimeouts => {
                    let forgery = Forgery::draw(around.chance);
                    self.skip(around, &mut header, &mut justification, Some(forgery));
                }
                Attack::Withhold => {
                    let given = random_side(around.chance) | (1 << self.own.0);
                    // Another timestamp makes it another block than the one the own core holds.
                    header.timestamp = TimestampMs(header.timestamp.0 + 1);
                    around.payloads.withhold(header.hash(), given);
                }
                Attack::SpoilPayload => {
                    header.timestamp = TimestampMs(header.timestamp.0 + 1);
                    around.payloads.spoil(header.hash());
                }
                _ => {}
            }
        }
        let mut message = self.sign(around, header.clone(), justification.clone());
        if breaks_signature
            && let Message::Proposal(proposal) = &mut message
            && let Some(byte) = proposal.signature.0.first_mut()
        {
            *byte ^= 1;
        }
        if self.uses(Attack::LateProposal, around.chance) {
            return Vec::new();
        }
        if self.uses(Attack::OneSide, around.chance) {
            return vec![(to & random_side(around.chance), message)];
        }
        if self.uses(Attack::Equivocate, around.chance) {
            let some = random_side(around.chance);
            header.timestamp = TimestampMs(header.timestamp.0 + 1);
            let second = self.sign(around, header, justification);
            // Who is in both halves sees both.
            return vec![(to & some, message), (to & !(some >> 1), second)];
        }
        vec![(to, message)]
    }

    /// A proposal in a view that somebody else leads, otherwise in order.
    pub(super) fn proposal_out_of_turn(
        &mut self,
        around: &mut Surroundings<'_>,
        view: View,
    ) -> Option<(u128, Message)> {
        let previous = View(view.0.checked_sub(1)?);
        let certificate = self.prepares.get(&previous)?.clone();
        let parent = self.headers.get(&certificate.block)?;
        let header = Header {
            version: FormatVersion::V1,
            epoch: around.world.context.epoch,
            view,
            height: parent.height.next(),
            parent: certificate.block,
            parent_view: previous,
            payload: Vec::new(),
            timestamp: TimestampMs(around.wall.0.max(parent.timestamp.0 + 1)),
            proposer: self.own,
        };
        let parent = ParentCertificate::Prepare(certificate);
        let justification = Justification { parent, timeouts: Vec::new() };
        Some((u128::MAX, self.sign(around, header, justification)))
    }

    fn sign(
        &mut self,
        around: &Surroundings<'_>,
        header: Header,
        justification: Justification,
    ) -> Message {
        self.learn_header(&header);
        let key = around.world.key(self.own);
        let context = &around.world.context;
        Message::Proposal(Box::new(Proposal::new(context, header, justification, Vec::new(), key)))
    }

    fn backdate(&self, header: &mut Header) {
        if let Some(parent) = self.headers.get(&header.parent) {
            header.timestamp = parent.timestamp;
        }
    }

    /// The certificate stays; the block stands on its grandparent.
    fn step_back(&self, header: &mut Header) {
        if let Some(parent) = self.headers.get(&header.parent)
            && parent.height.0 > 0
        {
            header.parent = parent.parent;
            header.parent_view = parent.parent_view;
            header.height = parent.height;
        }
    }

    fn forge_parent(
        &self,
        around: &mut Surroundings<'_>,
        header: &mut Header,
        justification: &mut Justification,
    ) {
        let Some(view) = header.view.0.checked_sub(1).filter(|view| *view > 0).map(View) else {
            return;
        };
        let known = self.headers.values().find(|one| one.view == view);
        let (block, height) =
            known.map_or((Hash([8; 32]), Height(1)), |one| (one.hash(), one.height));
        let (world, forgery) = (around.world, Forgery::draw(around.chance));
        (header.parent, header.parent_view) = (block, view);
        justification.parent = if around.chance.below(2) == 0 {
            ParentCertificate::Prepare(prepare_certificate(world, self.own, view, block, forgery))
        } else {
            let statement = (view, block, height);
            ParentCertificate::Commit(commit_certificate(world, self.own, statement, forgery))
        };
        justification.timeouts.clear();
    }

    /// Builds on an older prepared block, and passes over the views between.
    fn skip(
        &self,
        around: &mut Surroundings<'_>,
        header: &mut Header,
        justification: &mut Justification,
        forgery: Option<Forgery>,
    ) {
        let below = View(header.view.0.saturating_sub(1));
        let older: Vec<View> = self.prepares.range(..below).map(|(view, _)| *view).rev().collect();
        let depth = around.chance.index(older.len().min(3));
        let parent = older.get(depth).and_then(|view| self.prepares.get(view));
        let (parent_view, parent, certificate) = match parent {
            Some(one) => (one.view, one.block, ParentCertificate::Prepare(one.clone())),
            None => (View(0), around.world.genesis_hash, ParentCertificate::Genesis),
        };
        let Some(height) = self.headers.get(&parent).map(|one| one.height.next()) else { return };
        (header.parent, header.parent_view, header.height) = (parent, parent_view, height);
        justification.parent = certificate;
        justification.timeouts = match forgery {
            None => Vec::new(),
            Some(forgery) => (parent_view.0 + 1..header.view.0)
                .map(|view| timeout_certificate(around.world, self.own, View(view), forgery))
                .collect(),
        };
    }
}
