//! What goes wrong in one run, drawn from its seed.

use std::collections::{BTreeMap, BTreeSet};

use attackers::AttackKind;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::sim::disk::Unsynced;

/// Milliseconds of faults; afterwards the network is good and everybody is up.
pub const FAULTS_MS: u64 = 7_000;
/// Milliseconds in which the chain must then make progress.
pub const RECOVERY_MS: u64 = 20_000;

/// Clients of a run that is drawn from a seed.
const CLIENTS: u8 = 6;

/// How the faulty validators misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Faulty {
    /// They crash and stay down for a while, again and again.
    Crash,
    /// Each runs twice, as twins with one key, and so equivocates (Bano et al., arXiv 2004.10617).
    Twins,
    /// They break the rules in one way.
    Attack(AttackKind),
}

/// Something that happens at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Of each instance, whom it does not hear.
    Cut {
        unheard: Vec<BTreeSet<usize>>,
    },
    Heal,
    /// The process dies; of the writes not synced a prefix survives.
    Crash {
        instance: usize,
    },
    Restart {
        instance: usize,
    },
    /// The process stands still, and goes on later with all that has arrived.
    Freeze {
        instance: usize,
        until_ms: u64,
    },
    /// The process dies, and its vote log is gone.
    LoseLog {
        instance: usize,
    },
    /// So many more bytes can be written; at the next write the process stops.
    FillDisk {
        instance: usize,
        room: usize,
    },
    /// There is room again, and whoever stopped is started.
    ClearDisk {
        instance: usize,
    },
}

/// Where around a sync of its vote log a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncCrash {
    /// Written and not synced: nothing was sent that depends on it.
    BeforeSync(Unsynced),
    /// Synced, and what waited for that not sent.
    AfterSync,
}

impl SyncCrash {
    pub const ALL: [Self; 4] = [
        Self::BeforeSync(Unsynced::Lost),
        Self::BeforeSync(Unsynced::Kept),
        Self::BeforeSync(Unsynced::Torn),
        Self::AfterSync,
    ];
}

/// Restarts of one instance at the boundaries of its log's syncs, which are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncCrashes {
    pub instance: usize,
    pub boundaries: std::ops::Range<u64>,
    /// Taken in turn.
    pub kinds: Vec<SyncCrash>,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub validators: usize,
    pub faulty: Faulty,
    /// Instances: validator index of each. Twins share an index.
    pub instances: Vec<u16>,
    /// Validators that attack, and how.
    pub attackers: BTreeMap<u16, AttackKind>,
    /// Base latency of every link in milliseconds, and the most that chance adds.
    pub latency_ms: (u64, u64),
    /// Milliseconds that the link from one instance to another takes beyond that; empty when all are alike.
    pub detours_ms: Vec<Vec<u64>>,
    /// Messages lost and doubled, of 1,000.
    pub lost: u64,
    pub doubled: u64,
    /// Milliseconds that a sync of the vote log may take.
    pub sync_ms_max: u64,
    /// Milliseconds by which each instance's clock is off.
    pub skew_ms: Vec<i64>,
    pub faults: Vec<(u64, Fault)>,
    /// Clients, each with one transfer under way.
    pub clients: u8,
    /// The run lasts so long, with the faults that are planned and no others; otherwise it ends when the net has
    /// recovered from them, which it must.
    pub run_ms: Option<u64>,
    /// Restarts at the boundaries of one vote log's syncs.
    pub sync_crashes: Option<SyncCrashes>,
}

/// Draws numbers; the one source of chance in a run.
#[derive(Debug)]
pub struct Chance(ChaCha8Rng);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number below `end`; zero when there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.0.next_u64() % end }
    }

    pub fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// True in `of_1000` cases of 1,000.
    pub fn happens(&mut self, of_1000: u64) -> bool {
        self.below(1_000) < of_1000
    }

    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }
}

impl Plan {
    /// A good network on which nothing happens.
    pub fn calm(seed: u64, validators: usize) -> Self {
        let instances: Vec<u16> = (0u16..).take(validators).collect();
        Self {
            seed,
            validators,
            faulty: Faulty::Crash,
            skew_ms: vec![0; instances.len()],
            instances,
            attackers: BTreeMap::new(),
            latency_ms: (5, 20),
            detours_ms: Vec::new(),
            lost: 0,
            doubled: 0,
            sync_ms_max: 4,
            faults: Vec::new(),
            clients: CLIENTS,
            run_ms: None,
            sync_crashes: None,
        }
    }

    /// Nothing goes wrong but that f validators die at once, spread over the leaders' turns, and stay down.
    pub fn with_f_crashed(seed: u64, validators: usize) -> Self {
        let instances = (0..(validators - 1) / 3).map(|position| 1 + 3 * position);
        let faults = instances.map(|instance| (1, Fault::Crash { instance })).collect();
        Self { faults, ..Self::calm(seed, validators) }
    }

    /// Everything that will happen to `validators` validators under this seed.
    pub fn from_seed(seed: u64, validators: usize) -> Self {
        Self::draw(seed, validators, None)
    }

    /// The same with the faulty validators attacking in this way.
    pub fn with_attack(seed: u64, validators: usize, kind: AttackKind) -> Self {
        Self::draw(seed, validators, Some(Faulty::Attack(kind)))
    }

    fn draw(seed: u64, validators: usize, forced: Option<Faulty>) -> Self {
        let mut chance = Chance::new(seed ^ 0x5eed_0ffa);
        let faulty_max = (validators - 1) / 3;
        let drawn = draw_faulty(&mut chance);
        let faulty = forced.unwrap_or(drawn);
        let mut instances: Vec<u16> = (0u16..).take(validators).collect();
        // The last f validators are the faulty ones.
        let last = instances.clone().into_iter().rev().take(faulty_max);
        let mut attackers = BTreeMap::new();
        match faulty {
            Faulty::Crash => {}
            Faulty::Twins => instances.extend(last),
            Faulty::Attack(kind) => attackers.extend(last.map(|index| (index, kind))),
        }
        let latency_ms = match chance.below(3) {
            0 => (0, 2),
            1 => (5, 20),
            _ => (20, 120),
        };
        let (lost, doubled) = match chance.below(3) {
            0 => (0, 0),
            1 => (10, 10),
            _ => (chance.below(150), chance.below(50)),
        };
        // Some nets have clocks that differ by more than a proposal may be ahead of them.
        let skew_max = if seed.is_multiple_of(5) { 400 } else { 100 };
        let skew = |_| chance.below(2 * skew_max) as i64 - skew_max as i64;
        let skew_ms = instances.iter().map(skew).collect();
        let sync_ms_max = if chance.happens(200) { 60 } else { 4 };
        let mut faults = draw_faults(&mut chance, instances.len(), faulty, faulty_max, validators);
        // More lost logs than f at once, twins counted, are more than agreement can bear; a lost one counts until its
        // owner votes again.
        if faulty == Faulty::Crash && faulty_max > 0 && chance.happens(400) {
            let (instance, at) = (chance.index(validators), chance.between(500, FAULTS_MS));
            faults.push((at, Fault::LoseLog { instance }));
            faults.push((at + chance.between(5, 1_500), Fault::Restart { instance }));
        }
        Self {
            seed,
            validators,
            faulty,
            detours_ms: draw_detours(seed, instances.len()),
            instances,
            attackers,
            latency_ms,
            lost,
            doubled,
            sync_ms_max,
            skew_ms,
            faults,
            clients: CLIENTS,
            run_ms: None,
            sync_crashes: None,
        }
    }

    /// A good network on which nothing happens but the restarts of one instance.
    pub fn with_sync_crashes(seed: u64, validators: usize, crashes: SyncCrashes) -> Self {
        Self { sync_crashes: Some(crashes), ..Self::calm(seed, validators) }
    }

    /// Whether this instance is a validator that follows the protocol.
    pub fn is_honest(&self, instance: usize) -> bool {
        let Some(index) = self.instances.get(instance) else { return false };
        let runs = self.instances.iter().filter(|other| *other == index).count();
        runs == 1 && !self.attackers.contains_key(index)
    }

    /// Whether this instance attacks in a way that must be proved against it.
    pub fn is_provably_faulty(&self, instance: usize) -> bool {
        let kind = self.instances.get(instance).and_then(|index| self.attackers.get(index));
        kind.is_some_and(|kind| kind.is_provable())
    }
}

/// In every third net each link has a length of its own, the way back another than the way there.
fn draw_detours(seed: u64, instances: usize) -> Vec<Vec<u64>> {
    if !seed.is_multiple_of(3) {
        return Vec::new();
    }
    let mut chance = Chance::new(seed ^ 0x0de7_0075);
    (0..instances).map(|_| (0..instances).map(|_| chance.below(120)).collect()).collect()
}

fn draw_faulty(chance: &mut Chance) -> Faulty {
    match chance.below(3) {
        0 => Faulty::Crash,
        1 => Faulty::Twins,
        _ => {
            let kind = chance.index(AttackKind::ALL.len());
            AttackKind::ALL.get(kind).map_or(Faulty::Crash, |kind| Faulty::Attack(*kind))
        }
    }
}

fn draw_faults(
    chance: &mut Chance,
    instances: usize,
    faulty: Faulty,
    faulty_max: usize,
    validators: usize,
) -> Vec<(u64, Fault)> {
    let mut faults = Vec::new();
    let mut at = chance.between(200, 1_500);
    while at < FAULTS_MS {
        let lasts = chance.between(50, 2_500);
        match chance.below(11) {
            0..3 => {
                let sides: Vec<bool> = (0..instances).map(|_| chance.happens(500)).collect();
                let across = |own: &bool| {
                    let others = sides.iter().enumerate().filter(|(_, side)| *side != own);
                    others.map(|(other, _)| other).collect()
                };
                faults.push((at, Fault::Cut { unheard: sides.iter().map(across).collect() }));
                faults.push((at + lasts, Fault::Heal));
            }
            3 => {
                let (from, to) = (chance.index(instances), chance.index(instances));
                let mut unheard = vec![BTreeSet::new(); instances];
                if let Some(unheard) = unheard.get_mut(to) {
                    unheard.insert(from);
                }
                faults.push((at, Fault::Cut { unheard }));
                faults.push((at + lasts, Fault::Heal));
            }
            // Everybody at once, as when the power fails.
            4 => crash(&mut faults, 0..instances, at, lasts),
            5 => {
                let (instance, room) = (chance.index(instances), chance.index(4_000));
                faults.push((at, Fault::FillDisk { instance, room }));
                faults.push((at + lasts, Fault::ClearDisk { instance }));
            }
            _ if faulty == Faulty::Crash => {
                let first = chance.index(validators);
                let down = (0..faulty_max.max(1)).map(|i| (first + i) % validators);
                crash(&mut faults, down, at, lasts);
            }
            _ => crash(&mut faults, std::iter::once(chance.index(instances)), at, lasts),
        }
        at += lasts + chance.between(100, 2_000);
    }
    faults
}

fn crash(
    faults: &mut Vec<(u64, Fault)>,
    instances: impl Iterator<Item = usize>,
    at: u64,
    lasts: u64,
) {
    for instance in instances {
        faults.push((at, Fault::Crash { instance }));
        faults.push((at + lasts, Fault::Restart { instance }));
    }
}
