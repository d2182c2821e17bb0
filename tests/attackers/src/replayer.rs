//! Brings back what was signed elsewhere: its votes under another chain and another epoch, ahead of the true ones, and
//! what others said in earlier views.

use std::collections::VecDeque;

use primitives::{Epoch, PrepareVote, SigningContext, TimeoutVote, View, Vote};
use replica::{Action, Event, Message};

use crate::attacker::Attack;
use crate::context::{Context, entered, invented, rewrite_consensus, send, vote};

/// Messages of others that are kept to be said again.
const KEPT: usize = 64;
/// How many are said again for every view that is entered.
const AGAIN: usize = 4;

#[derive(Debug, Default)]
pub struct Replayer {
    heard: VecDeque<consensus::Message>,
    turn: u64,
}

/// The same statement as if it were made in another chain, or in the next epoch.
fn elsewhere(context: &Context, one: &Vote) -> Option<Vote> {
    let (view, next) = (one.view(), Epoch(context.signing.epoch.0 + 1));
    let signing = if view.0.is_multiple_of(2) {
        SigningContext { chain: invented(View::ZERO, 0), ..context.signing }
    } else {
        SigningContext { epoch: next, ..context.signing }
    };
    Some(match one {
        Vote::Prepare(one) => {
            let (block, key) = (one.block, &context.key);
            Vote::Prepare(PrepareVote::new(&signing, view, block, context.own, key))
        }
        Vote::Timeout(one) => {
            let (prepared, key) = (one.prepared, &context.key);
            Vote::Timeout(TimeoutVote::new(&signing, view, prepared, context.own, key))
        }
        Vote::Commit(_) => return None,
    })
}

impl Attack for Replayer {
    fn see(&mut self, _: &Context, event: &Event) {
        if let Event::Message { message: Message::Consensus(message), .. } = event {
            self.heard.push_back(message.clone());
            if self.heard.len() > KEPT {
                self.heard.pop_front();
            }
        }
    }

    fn act(&mut self, context: &Context, actions: Vec<Action>) -> Vec<Action> {
        let views = entered(&actions);
        let mut actions = rewrite_consensus(context, actions, |to, message| {
            let foreign = match &message {
                consensus::Message::Vote(one) => elsewhere(context, one),
                _ => None,
            };
            let mut actions = foreign.map_or_else(Vec::new, |one| send(to, &vote(one)));
            actions.extend(send(to, &Message::Consensus(message)));
            actions
        });
        for _ in views {
            self.turn += 1;
            for old in self.heard.iter().take(AGAIN) {
                actions.extend(send(&context.victims(), &Message::Consensus(old.clone())));
            }
        }
        actions
    }
}
