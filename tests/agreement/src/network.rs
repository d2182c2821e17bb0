//! The simulated network: who hears whom, how late, and what is lost.

use crate::chance::Chance;
use crate::plan::{Fault, Plan};

/// Links between instances.
#[derive(Debug)]
pub struct Network {
    /// Milliseconds that every message takes on the link from `i` to `j`, at `i * instances + j`.
    links_ms: Vec<u64>,
    instances: usize,
    /// Milliseconds that chance adds, at most.
    jitter_ms: u64,
    /// Messages lost and doubled, of 1,000.
    lost: u64,
    doubled: u64,
    /// Only instances on the same side hear each other.
    sides: Vec<u8>,
    /// From this instance to that one, nothing passes.
    one_way: Option<(usize, usize)>,
    /// Whose proposals never arrive.
    mute: Vec<bool>,
    /// Whose proposals come later each time, in milliseconds; zero for those whose do not.
    late_ms: Vec<u64>,
}

/// How late the first such proposal is, in milliseconds, and the last.
const LATE_MS: (u64, u64) = (200, 9_000);

impl Network {
    pub fn new(plan: &Plan) -> Self {
        let instances = plan.places.len();
        Self {
            links_ms: plan.links_ms.clone(),
            instances,
            jitter_ms: plan.jitter_ms,
            lost: plan.lost,
            doubled: plan.doubled,
            sides: vec![0; instances],
            one_way: None,
            mute: vec![false; instances],
            late_ms: (0..instances)
                .map(
                    |instance| {
                        if plan.creeps && !plan.is_honest(instance) { LATE_MS.0 } else { 0 }
                    },
                )
                .collect(),
        }
    }

    pub fn apply(&mut self, fault: &Fault) {
        match fault {
            Fault::Partition { sides } => self.sides.clone_from(sides),
            Fault::OneWay { from, to } => self.one_way = Some((*from, *to)),
            Fault::Mute { instances } => {
                for (mute, other) in self.mute.iter_mut().zip(instances) {
                    *mute = *other;
                }
            }
            Fault::Heal => {
                self.sides.fill(0);
                self.one_way = None;
            }
            Fault::Crash { .. }
            | Fault::CrashInSync { .. }
            | Fault::Restart { .. }
            | Fault::LoseLog { .. } => {}
        }
    }

    /// The time of faults is over: links keep their latency and lose nothing.
    pub fn become_good(&mut self) {
        self.sides.fill(0);
        self.one_way = None;
        self.mute.fill(false);
        (self.lost, self.doubled) = (0, 0);
    }

    pub fn is_mute(&self, instance: usize) -> bool {
        self.mute.get(instance).copied().unwrap_or(false)
    }

    pub fn mute(&mut self, instance: usize) {
        if let Some(mute) = self.mute.get_mut(instance) {
            *mute = true;
        }
    }

    /// By how many milliseconds this instance's next proposal is late.
    pub fn late_ms(&mut self, instance: usize) -> u64 {
        let Some(late_ms) = self.late_ms.get_mut(instance) else { return 0 };
        let now_ms = *late_ms;
        *late_ms = (now_ms + now_ms / 5).min(LATE_MS.1);
        now_ms
    }

    pub fn is_cut(&self, from: usize, to: usize) -> bool {
        self.sides.get(from) != self.sides.get(to) || self.one_way == Some((from, to))
    }

    /// After how many milliseconds each copy of a message arrives; none when it is lost.
    pub fn delays(&self, chance: &mut Chance, from: usize, to: usize) -> [Option<u64>; 2] {
        if self.is_cut(from, to) || chance.happens(self.lost) {
            return [None, None];
        }
        let link_ms = self.links_ms.get(from * self.instances + to).copied().unwrap_or(0);
        let first = link_ms + chance.below(self.jitter_ms + 1);
        let second = chance.happens(self.doubled).then(|| link_ms + chance.below(100));
        [Some(first), second]
    }
}
