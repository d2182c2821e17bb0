//! Is connected and says nothing.

use replica::Action;

use crate::attacker::Attack;
use crate::context::{Context, rewrite};

#[derive(Debug)]
pub struct Mute;

impl Attack for Mute {
    fn act(&mut self, context: &Context, mut actions: Vec<Action>) -> Vec<Action> {
        actions.retain(|one| {
            !matches!(
                one,
                Action::Gossip(_) | Action::ServeSync { .. } | Action::ServeSnapshot { .. }
            )
        });
        rewrite(context, actions, |_, _| Vec::new())
    }
}
