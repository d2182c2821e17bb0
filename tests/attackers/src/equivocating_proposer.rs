//! Proposes two blocks in every view that it leads, each to one half, and votes for both.
//!
//! The blocks differ in their timestamp alone, so that both are valid and carry the same payload.

use primitives::{Header, Proposal, ValidatorIndex, View, Vote};
use replica::{Action, Message};

use crate::attacker::Attack;
use crate::context::{Context, Side, rewrite_consensus, send, vote};

#[derive(Debug, Default)]
pub struct EquivocatingProposer {
    /// The two blocks of the last view that it led: the first is its replica's.
    blocks: Option<(Header, Header)>,
}

impl EquivocatingProposer {
    /// The second proposal for the same place.
    fn twin(context: &Context, proposal: &Proposal) -> Proposal {
        let timestamp = proposal.header.timestamp.plus(1);
        let header = Header { timestamp, ..proposal.header.clone() };
        let (justification, inline) = (proposal.justification.clone(), proposal.inline.clone());
        Proposal::new(&context.signing, header, justification, inline, &context.key)
    }

    /// To the first half one message, to the second the other; accomplices get both.
    fn divide(
        context: &Context,
        view: View,
        to: &[ValidatorIndex],
        [first, second]: [Message; 2],
    ) -> Vec<Action> {
        let mut actions = Vec::new();
        for one in to {
            let side = context.side(*one, view);
            if side != Side::Second {
                actions.extend(send(&[*one], &first));
            }
            if side != Side::First {
                actions.extend(send(&[*one], &second));
            }
        }
        actions
    }
}

impl Attack for EquivocatingProposer {
    fn act(&mut self, context: &Context, actions: Vec<Action>) -> Vec<Action> {
        rewrite_consensus(context, actions, |to, message| match message {
            consensus::Message::Proposal(first) => {
                let second = Self::twin(context, &first);
                let view = first.header.view;
                self.blocks = Some((first.header.clone(), second.header.clone()));
                let wrap = |one| Message::Consensus(consensus::Message::Proposal(one));
                Self::divide(context, view, to, [wrap(first), wrap(Box::new(second))])
            }
            consensus::Message::Vote(Vote::Prepare(prepare)) => {
                let first = vote(Vote::Prepare(prepare));
                match &self.blocks {
                    Some((own, twin)) if own.hash() == prepare.block => {
                        let second = context.prepare(prepare.view, twin.hash());
                        Self::divide(context, prepare.view, to, [first, second])
                    }
                    _ => send(to, &first),
                }
            }
            other => send(to, &Message::Consensus(other)),
        })
    }
}
