//! Votes twice in both phases: for the block and for an invented one, for the result and for another.
//!
//! Each half hears the two votes in the other order, so that their views of who voted for what differ.

use primitives::{ExecutionResult, ValidatorIndex, View, Vote};
use replica::{Action, Message};

use crate::attacker::Attack;
use crate::context::{Context, Side, invented, rewrite_consensus, send, vote};

#[derive(Debug)]
pub struct DoubleVoter;

/// Both messages to everybody, in the order of each one's side.
pub(crate) fn both(
    context: &Context,
    view: View,
    to: &[ValidatorIndex],
    [first, second]: [Message; 2],
) -> Vec<Action> {
    let mut actions = Vec::new();
    for one in to {
        let order = match context.side(*one, view) {
            Side::First | Side::Accomplice => [&first, &second],
            Side::Second => [&second, &first],
        };
        actions.extend(order.into_iter().flat_map(|message| send(&[*one], message)));
    }
    actions
}

impl Attack for DoubleVoter {
    fn act(&mut self, context: &Context, actions: Vec<Action>) -> Vec<Action> {
        rewrite_consensus(context, actions, |to, message| match message {
            consensus::Message::Vote(Vote::Prepare(one)) => {
                let other = context.prepare(one.view, invented(one.view, 0));
                both(context, one.view, to, [vote(Vote::Prepare(one)), other])
            }
            consensus::Message::Vote(Vote::Commit(one)) => {
                let result = ExecutionResult { state_root: invented(one.view, 1), ..one.result };
                let other = context.commit(one.view, one.block, result);
                both(context, one.view, to, [vote(Vote::Commit(one)), other])
            }
            other => send(to, &Message::Consensus(other)),
        })
    }
}
