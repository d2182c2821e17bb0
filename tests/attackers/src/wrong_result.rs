//! Commits to a state that execution did not give.

use primitives::{ExecutionResult, Vote};
use replica::{Action, Message};

use crate::attacker::Attack;
use crate::context::{Context, invented, rewrite_consensus, send};

#[derive(Debug)]
pub struct WrongResult;

impl Attack for WrongResult {
    fn act(&mut self, context: &Context, actions: Vec<Action>) -> Vec<Action> {
        rewrite_consensus(context, actions, |to, message| match message {
            consensus::Message::Vote(Vote::Commit(vote)) => {
                let state_root = invented(vote.view, 0);
                let result = ExecutionResult { state_root, ..vote.result };
                send(to, &context.commit(vote.view, vote.block, result))
            }
            other => send(to, &Message::Consensus(other)),
        })
    }
}
