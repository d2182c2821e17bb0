//! Holds its proposals back for as long as the others will just wait.
//!
//! It cannot see their timers, so it learns: a proposal that made it is followed by a later one, a view that was given
//! up by an earlier one. A timer that follows the delays it measures can so be driven up.

use primitives::View;
use replica::{Action, Message};

use crate::attacker::Attack;
use crate::context::{Context, rewrite_consensus, send};

/// The first delay: less than the shortest timer.
const FIRST_MS: u64 = 200;
const DELAY_MS_MAX: u64 = 9_500;

#[derive(Debug)]
pub struct LateProposer {
    delay_ms: u64,
    /// The last view that it led.
    led: Option<View>,
    /// The view in which something is held back, until when, and what.
    held: Option<(View, u64, Vec<Action>)>,
}

impl Default for LateProposer {
    fn default() -> Self {
        Self { delay_ms: FIRST_MS, led: None, held: None }
    }
}

impl LateProposer {
    fn learn(&mut self, context: &Context, actions: &[Action]) {
        for action in actions {
            match action {
                Action::Commit { blocks, .. }
                    if blocks.iter().any(|block| block.proposer == context.own) =>
                {
                    self.delay_ms = (self.delay_ms + self.delay_ms / 4).min(DELAY_MS_MAX);
                }
                Action::EnteredView { view, leader, .. } if *leader == context.own => {
                    self.led = Some(*view);
                }
                Action::TimedOut { view, .. } if self.led == Some(*view) => {
                    self.delay_ms = (self.delay_ms - self.delay_ms / 4).max(FIRST_MS);
                }
                _ => {}
            }
        }
    }
}

impl Attack for LateProposer {
    fn act(&mut self, context: &Context, actions: Vec<Action>) -> Vec<Action> {
        self.learn(context, &actions);
        let now_ms = context.now.uptime_ms;
        let mut actions = rewrite_consensus(context, actions, |to, message| {
            let view = match &message {
                consensus::Message::Proposal(proposal) => proposal.header.view,
                consensus::Message::Vote(vote) => vote.view(),
                _ => return send(to, &Message::Consensus(message)),
            };
            if let consensus::Message::Proposal(_) = &message {
                self.held = Some((view, now_ms + self.delay_ms, Vec::new()));
            }
            let message = send(to, &Message::Consensus(message));
            match &mut self.held {
                // Its own vote would tell that there is a proposal.
                Some((held, _, actions)) if *held == view => {
                    actions.extend(message);
                    Vec::new()
                }
                _ => message,
            }
        });
        if let Some((_, _, held)) = self.held.take_if(|(_, at_ms, _)| *at_ms <= now_ms) {
            actions.extend(held);
        }
        actions
    }

    fn deadline_ms(&self) -> u64 {
        self.held.as_ref().map_or(u64::MAX, |(_, at_ms, _)| *at_ms)
    }
}
