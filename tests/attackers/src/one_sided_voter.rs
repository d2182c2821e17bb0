//! Votes, and gives views up, towards one half of the others only, always the same.

use primitives::View;
use replica::{Action, Message};

use crate::attacker::Attack;
use crate::context::{Context, Side, rewrite_consensus, send};

#[derive(Debug)]
pub struct OneSidedVoter;

impl Attack for OneSidedVoter {
    fn act(&mut self, context: &Context, actions: Vec<Action>) -> Vec<Action> {
        rewrite_consensus(context, actions, |to, message| {
            let is_vote =
                matches!(message, consensus::Message::Vote(_) | consensus::Message::Timeout { .. });
            let hears = |one: &&_| !is_vote || context.side(**one, View::ZERO) != Side::Second;
            let to: Vec<_> = to.iter().filter(hears).copied().collect();
            send(&to, &Message::Consensus(message))
        })
    }
}
