//! Twins, exhaustively (Bano et al., arXiv 2004.10617): four validators, one of them running twice with one key, and
//! every way to split the five instances in each of the first views; then the network heals, and progress is demanded.
//!
//! In a view of the depth, what is said about it for the first time passes only within a group. What is said again
//! because the view is stuck passes everywhere, as messages that a partition delays; so every view ends, by a prepare
//! or a timeout certificate, with or without the others. Leaders take turns, so all validators differ in when they
//! lead, and none can be renamed into another; the twins' copies could be, which would halve the number. What is left
//! out is stated in [`REDUCTION`].

use primitives::ValidatorIndex;

use crate::plan::{Place, Plan, Role};

/// What is not played, since it differs from something that is only in when single timeouts are heard.
pub const REDUCTION: &str = "a group that has neither a leader of the view nor a quorum makes no certificate, so \
                              its members stand alone";

const VALIDATORS: usize = 4;
const INSTANCES: usize = 5;
const QUORUM: u32 = 3;

/// All scenarios of a depth.
#[derive(Clone, Debug)]
pub struct Scenarios {
    views: u32,
    /// For each validator that may be the twin: the splits of each view.
    splits: Vec<Vec<Vec<[u8; INSTANCES]>>>,
    /// Scenarios before those of each twin, and of all.
    starts: Vec<u64>,
}

impl Scenarios {
    pub fn new(views: u32) -> Self {
        let mut splits = Vec::new();
        let mut starts = vec![0u64];
        for twin in 0..VALIDATORS {
            let of_views: Vec<Vec<_>> = (1..=views as usize)
                .map(|view| canonical_splits(twin, view % VALIDATORS))
                .collect();
            let count: u64 = of_views.iter().map(|one| one.len() as u64).product();
            starts.push(starts.last().copied().unwrap_or(0) + count);
            splits.push(of_views);
        }
        Self { views, splits, starts }
    }

    pub fn views(&self) -> u32 {
        self.views
    }

    pub fn count(&self) -> u64 {
        self.starts.last().copied().unwrap_or(0)
    }

    /// The scenario with this number.
    pub fn plan(&self, number: u64) -> Plan {
        let twin = self.starts.iter().filter(|start| **start <= number).count() - 1;
        let mut rest = number - self.starts.get(twin).copied().unwrap_or(0);
        let mut groups = Vec::new();
        for splits in self.splits.get(twin).into_iter().flatten() {
            let count = splits.len() as u64;
            let position = usize::try_from(rest % count).unwrap_or(0);
            rest /= count;
            groups.extend(splits.get(position).map(|split| split.to_vec()));
        }
        plan(number, twin, groups)
    }
}

/// Instances 0 to 3 are the validators, 4 is the twin's other copy.
fn plan(number: u64, twin: usize, groups: Vec<Vec<u8>>) -> Plan {
    let mut plan = Plan::quiet(number, VALIDATORS);
    let twin_index = ValidatorIndex(u16::try_from(twin).unwrap_or(0));
    if let Some(place) = plan.places.get_mut(twin) {
        place.role = Role::Twin;
    }
    plan.places.push(Place { validator: twin_index, role: Role::Twin, skew_ms: 1 });
    plan.links_ms = vec![1; INSTANCES * INSTANCES];
    plan.faults_ms = 4_000 * groups.len() as u64 + 4_000;
    plan.groups = groups;
    plan.batch_every_ms = 1_000;
    plan.batches_until_ms = 2;
    plan.late_batches = 1;
    plan
}

/// The splits of one view, by the group of each instance.
fn canonical_splits(twin: usize, leader: usize) -> Vec<[u8; INSTANCES]> {
    let mut all = Vec::new();
    grow(&mut [0; INSTANCES], 0, 0, &mut all);
    let validator = |instance: usize| if instance == VALIDATORS { twin } else { instance };
    all.retain(|split| {
        (0..=INSTANCES).all(|group| {
            let members: Vec<usize> = (0..INSTANCES)
                .filter(|one| split.get(*one).is_some_and(|of| usize::from(*of) == group))
                .map(validator)
                .collect();
            let distinct = members.iter().fold(0u32, |bits, one| bits | 1 << one).count_ones();
            members.len() < 2 || members.contains(&leader) || distinct >= QUORUM
        })
    });
    all
}

/// Every partition of the instances once, as a restricted growth string.
fn grow(split: &mut [u8; INSTANCES], position: usize, groups: u8, all: &mut Vec<[u8; INSTANCES]>) {
    if position == INSTANCES {
        all.push(*split);
        return;
    }
    for group in 0..=groups {
        if let Some(place) = split.get_mut(position) {
            *place = group;
        }
        grow(split, position + 1, groups.max(group + 1), all);
    }
}
