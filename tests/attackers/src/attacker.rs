//! A validator that attacks: an honest replica, and what changes its words.

use std::fmt::Debug;

use consensus::Now;
use replica::{Action, Event, Machine, Record, Replica};

use crate::context::Context;

/// One way of breaking the rules. What it keeps is lost in a crash, as with any process.
pub trait Attack: Debug + Send {
    /// What is about to happen to the replica.
    fn see(&mut self, _: &Context, _: &Event) {}

    /// What the replica wants done after the event; answers what is done instead. What follows an
    /// [`Action::Persist`] still waits for it.
    fn act(&mut self, context: &Context, actions: Vec<Action>) -> Vec<Action>;

    /// When it wants to act without an event, on the uptime clock.
    fn deadline_ms(&self) -> u64 {
        u64::MAX
    }
}

/// An attack around a replica.
#[derive(Debug)]
pub struct Attacker {
    replica: Replica,
    context: Context,
    attack: Box<dyn Attack>,
}

impl Attacker {
    pub fn new(replica: Replica, context: Context, attack: Box<dyn Attack>) -> Self {
        Self { replica, context, attack }
    }
}

impl Machine for Attacker {
    fn on_event(&mut self, now: Now, event: Event) -> Vec<Action> {
        self.context.now = now;
        self.attack.see(&self.context, &event);
        let actions = self.replica.on_event(now, event);
        self.attack.act(&self.context, actions)
    }

    fn deadline_ms(&self) -> u64 {
        self.replica.deadline_ms().min(self.attack.deadline_ms())
    }

    fn compacted(&mut self) -> Option<Vec<Record>> {
        self.replica.compacted()
    }

    fn replica(&self) -> &Replica {
        &self.replica
    }
}
