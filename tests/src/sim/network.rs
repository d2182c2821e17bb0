//! The simulated network: who hears whom, how late, and what is lost.

use crate::sim::plan::{Chance, Fault, Plan};

/// Links between instances.
#[derive(Debug)]
pub struct Network {
    latency_ms: (u64, u64),
    lost: u64,
    doubled: u64,
    sides: Option<Vec<u8>>,
    one_way: Option<(usize, usize)>,
}

impl Network {
    pub fn new(plan: &Plan) -> Self {
        Self {
            latency_ms: plan.latency_ms,
            lost: plan.lost,
            doubled: plan.doubled,
            sides: None,
            one_way: None,
        }
    }

    pub fn apply(&mut self, fault: &Fault) {
        match fault {
            Fault::Partition { sides } => self.sides = Some(sides.clone()),
            Fault::OneWay { from, to } => self.one_way = Some((*from, *to)),
            Fault::Heal => (self.sides, self.one_way) = (None, None),
            Fault::Crash { .. } | Fault::Restart { .. } => {}
        }
    }

    /// The time of faults is over.
    pub fn become_good(&mut self) {
        (self.sides, self.one_way) = (None, None);
        (self.lost, self.doubled) = (0, 0);
    }

    /// After how many milliseconds each copy of a message arrives; none when it is lost.
    pub fn delays(&self, chance: &mut Chance, from: usize, to: usize) -> Vec<u64> {
        let cut = self.one_way == Some((from, to))
            || self.sides.as_ref().is_some_and(|sides| sides.get(from) != sides.get(to));
        if cut || chance.happens(self.lost) {
            return Vec::new();
        }
        let copies = if chance.happens(self.doubled) { 2 } else { 1 };
        let (base, jitter) = self.latency_ms;
        (0..copies).map(|_| base + chance.below(jitter + 1)).collect()
    }
}
