//! Gives up every view in which it votes: a timeout that denies its prepare, and a timeout beside its commit.

use replica::{Action, Message};

use crate::attacker::Attack;
use crate::context::{Context, rewrite_consensus, send, vote};
use crate::double_voter::both;

#[derive(Debug)]
pub struct CommitAndTimeout;

impl Attack for CommitAndTimeout {
    fn act(&mut self, context: &Context, actions: Vec<Action>) -> Vec<Action> {
        rewrite_consensus(context, actions, |to, message| match message {
            consensus::Message::Vote(one) => {
                let view = one.view();
                both(context, view, to, [vote(one), context.timeout(view, None)])
            }
            consensus::Message::Timeout { vote: one, .. } => {
                let denied = context.timeout(one.view, None);
                let stated = context.timeout(one.view, one.prepared);
                both(context, one.view, to, [stated, denied])
            }
            other => send(to, &Message::Consensus(other)),
        })
    }
}
