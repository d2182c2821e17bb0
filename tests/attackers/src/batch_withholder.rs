//! Proposes batches that it gives to nobody, and gives others to one half only.

use primitives::{SignedBatch, View};
use replica::{Action, BatchList, Message};

use crate::attacker::Attack;
use crate::context::{Context, Side, rewrite, send};

#[derive(Debug, Default)]
pub struct BatchWithholder {
    packed: u64,
}

impl BatchWithholder {
    /// Every second batch goes to one half, the others to nobody.
    fn give(&mut self, context: &Context, batch: SignedBatch) -> Vec<Action> {
        self.packed += 1;
        if self.packed.is_multiple_of(2) {
            return Vec::new();
        }
        let view = View(self.packed);
        let mut to = context.victims();
        to.retain(|one| context.side(*one, view) == Side::Second);
        send(&to, &Message::Batches(BatchList(vec![batch])))
    }
}

impl Attack for BatchWithholder {
    fn act(&mut self, context: &Context, actions: Vec<Action>) -> Vec<Action> {
        let (mut others, mut given) = (Vec::with_capacity(actions.len()), Vec::new());
        for action in actions {
            match action {
                Action::Gossip(batch) => given.extend(self.give(context, batch)),
                other => others.push(other),
            }
        }
        let mut actions = rewrite(context, others, |to, message| match message {
            Message::Consensus(consensus::Message::Proposal(mut proposal)) => {
                proposal.inline.clear();
                send(to, &Message::Consensus(consensus::Message::Proposal(proposal)))
            }
            // Whoever asks gets no answer, and what the replica sends again stays here.
            Message::Batches(_) => Vec::new(),
            other => send(to, &other),
        });
        actions.extend(given);
        actions
    }
}
