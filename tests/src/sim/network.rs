//! The simulated network: who hears whom, how late, and what is lost.

use std::collections::BTreeSet;

use crate::sim::plan::{Chance, Fault, Plan};

/// Links between instances.
#[derive(Debug)]
pub struct Network {
    latency_ms: (u64, u64),
    /// What the link from one instance to another takes beyond that.
    detours_ms: Vec<Vec<u64>>,
    lost: u64,
    doubled: u64,
    /// Of each instance, whom it does not hear.
    unheard: Vec<BTreeSet<usize>>,
}

impl Network {
    pub fn new(plan: &Plan) -> Self {
        Self {
            latency_ms: plan.latency_ms,
            detours_ms: plan.detours_ms.clone(),
            lost: plan.lost,
            doubled: plan.doubled,
            unheard: Vec::new(),
        }
    }

    pub fn apply(&mut self, fault: &Fault) {
        match fault {
            Fault::Cut { unheard } => self.unheard.clone_from(unheard),
            Fault::Heal => self.unheard.clear(),
            _ => {}
        }
    }

    /// The time of faults is over.
    pub fn become_good(&mut self) {
        self.unheard.clear();
        (self.lost, self.doubled) = (0, 0);
    }

    /// After how many milliseconds each copy of a message arrives; none when it is lost.
    pub fn delays(&self, chance: &mut Chance, from: usize, to: usize) -> Vec<u64> {
        let cut = self.unheard.get(to).is_some_and(|unheard| unheard.contains(&from));
        if cut || chance.happens(self.lost) {
            return Vec::new();
        }
        let copies = if chance.happens(self.doubled) { 2 } else { 1 };
        let (base, jitter) = self.latency_ms;
        let detour = self.detours_ms.get(from).and_then(|links| links.get(to)).unwrap_or(&0);
        (0..copies).map(|_| base + detour + chance.below(jitter + 1)).collect()
    }
}
