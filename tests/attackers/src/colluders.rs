//! Help each other to split the honest: whoever of them leads proposes two blocks, and all of them prepare the first
//! towards the half that has it, and the second towards the other half.
//!
//! No honest validator hears two votes of one of them, so only the two proposals convict.

use std::collections::BTreeMap;

use primitives::{Hash, TimestampMs, ValidatorIndex, View, Vote};
use replica::{Action, Event, Message};

use crate::attacker::Attack;
use crate::context::{Context, Side, rewrite_consensus, send};
use crate::equivocating_proposer::EquivocatingProposer;

/// Views that are kept; blocks of others are settled.
const VIEWS_KEPT: usize = 8;

#[derive(Debug, Default)]
pub struct Colluder {
    equivocation: EquivocatingProposer,
    /// The proposals of accomplices: the earlier in time is meant for the first half.
    blocks: BTreeMap<View, BTreeMap<TimestampMs, Hash>>,
    /// A second proposal that has just come.
    came: Option<View>,
}

impl Colluder {
    /// Its votes in an accomplice's view, for those of `to` whose block is known.
    fn votes(&self, context: &Context, view: View, to: &[ValidatorIndex]) -> Vec<Action> {
        let Some(blocks) = self.blocks.get(&view) else { return Vec::new() };
        let mut actions = Vec::new();
        for one in to {
            let block = match context.side(*one, view) {
                Side::First => blocks.values().next(),
                Side::Second => blocks.values().nth(1),
                Side::Accomplice => None,
            };
            if let Some(block) = block {
                actions.extend(send(&[*one], &context.prepare(view, *block)));
            }
        }
        actions
    }
}

impl Attack for Colluder {
    fn see(&mut self, context: &Context, event: &Event) {
        let Event::Message {
            from,
            message: Message::Consensus(consensus::Message::Proposal(proposal)),
        } = event
        else {
            return;
        };
        if !context.attackers.contains(from) {
            return;
        }
        let header = &proposal.header;
        let blocks = self.blocks.entry(header.view).or_default();
        blocks.insert(header.timestamp, header.hash());
        if blocks.len() == 2 {
            self.came = Some(header.view);
        }
        while self.blocks.len() > VIEWS_KEPT {
            self.blocks.pop_first();
        }
    }

    fn act(&mut self, context: &Context, actions: Vec<Action>) -> Vec<Action> {
        let actions = self.equivocation.act(context, actions);
        let mut actions = rewrite_consensus(context, actions, |to, message| match message {
            // It says more than one block's vote; the replica's is among them.
            consensus::Message::Vote(Vote::Prepare(vote))
                if self.blocks.contains_key(&vote.view) =>
            {
                self.votes(context, vote.view, to)
            }
            other => send(to, &Message::Consensus(other)),
        });
        if let Some(view) = self.came.take() {
            actions.extend(self.votes(context, view, &context.victims()));
        }
        actions
    }
}
