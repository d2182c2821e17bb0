//! What goes wrong in one run, drawn from its seed.

use primitives::ValidatorIndex;

use crate::byzantine::Attack;
use crate::chance::Chance;

/// How an instance behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Honest,
    /// One of two instances with one key, so it equivocates (Bano et al., arXiv 2004.10617).
    Twin,
    /// A core whose messages an [`crate::byzantine::Actor`] replaces.
    Byzantine,
    /// Follows the protocol, but execution gives it other results.
    Diverging,
}

/// One process: a validator's key, and how it behaves.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub validator: ValidatorIndex,
    pub role: Role,
    /// Milliseconds by which its clock is off.
    pub skew_ms: i64,
}

/// Something that happens at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Only instances on the same side hear each other.
    Partition {
        sides: Vec<u8>,
    },
    /// From this instance to that one, nothing passes.
    OneWay {
        from: usize,
        to: usize,
    },
    /// Whose proposals never arrive, from now on.
    Mute {
        instances: Vec<bool>,
    },
    Heal,
    /// The process dies; of the writes not synced a prefix survives.
    Crash {
        instance: usize,
    },
    /// The process dies in its next sync.
    CrashInSync {
        instance: usize,
    },
    Restart {
        instance: usize,
    },
    /// The vote log of a process that is down is gone.
    LoseLog {
        instance: usize,
    },
}

/// What the run demands after everything admitted was committed everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    Nothing,
    /// No proposal for this long.
    Idle {
        for_ms: u64,
    },
    /// One block more, of the heartbeat, within this time.
    Heartbeat {
        within_ms: u64,
    },
    /// So many blocks more under work, within this time, whoever is faulty.
    Pace {
        blocks: u64,
        within_ms: u64,
    },
}

/// What the faulty instances do once the network is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    GoOn,
    Silent,
    /// They vote, and their proposals never arrive.
    Mute,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub validators: usize,
    pub places: Vec<Place>,
    pub attacks: Vec<Attack>,
    /// Of 1,000 occasions for an attack, how many are taken.
    pub attacks_of_1000: u64,
    pub afterwards: Afterwards,
    /// Whether proposals of the faulty come later each time.
    pub creeps: bool,
    /// See [`crate::network::Network`].
    pub links_ms: Vec<u64>,
    pub jitter_ms: u64,
    pub lost: u64,
    pub doubled: u64,
    /// Milliseconds that a sync, the arrival of a payload, an execution and a commit's write may take.
    pub sync_ms_max: u64,
    pub payload_ms_max: u64,
    /// Milliseconds that the arrival of a payload takes at least.
    pub payload_ms_min: u64,
    pub execute_ms_max: u64,
    pub store_ms_max: u64,
    /// Records above which a vote log is compacted.
    pub compact_above: usize,
    pub heartbeat_ms: u64,
    pub faults: Vec<(u64, Fault)>,
    /// When the network becomes good and everybody is up.
    pub faults_ms: u64,
    /// Milliseconds between two batches before that.
    pub batch_every_ms: u64,
    /// When the last of those comes.
    pub batches_until_ms: u64,
    /// Batches after it.
    pub late_batches: u64,
    /// Whether all connections are made anew when the network becomes good.
    pub reconnects: bool,
    /// Milliseconds from then in which everything admitted must be committed everywhere.
    pub settle_ms: u64,
    pub goal: Goal,
    /// For each view from the first on, the group of each instance; see [`crate::twins`]. Empty without.
    pub groups: Vec<Vec<u8>>,
}

/// The kinds of weather that a seed may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    /// Partitions, crashes, loss; then everything works.
    Stormy,
    /// Links or payloads slower than the first guess of the timers.
    Slow,
    /// A minute and more in which no proposal arrives.
    Drought,
    /// Fast links, and a demand on the pace with f faulty.
    Brisk,
    /// Execution takes so long that prepared blocks pile up.
    Busy,
    /// Faulty leaders that come a little later each time, and a demand on the pace.
    Creeping,
}

impl Plan {
    /// A quiet network of validators that all follow the protocol.
    pub fn quiet(seed: u64, validators: usize) -> Self {
        let places = (0u16..).take(validators).map(|number| Place {
            validator: ValidatorIndex(number),
            role: Role::Honest,
            skew_ms: 0,
        });
        Self {
            seed,
            validators,
            places: places.collect(),
            attacks: Vec::new(),
            attacks_of_1000: 600,
            afterwards: Afterwards::GoOn,
            creeps: false,
            links_ms: Vec::new(),
            jitter_ms: 0,
            lost: 0,
            doubled: 0,
            sync_ms_max: 0,
            payload_ms_max: 0,
            payload_ms_min: 0,
            execute_ms_max: 0,
            store_ms_max: 0,
            compact_above: 200,
            heartbeat_ms: 1_000_000,
            faults: Vec::new(),
            faults_ms: 0,
            batch_every_ms: 100,
            batches_until_ms: 0,
            late_batches: 3,
            reconnects: true,
            settle_ms: 10_000,
            goal: Goal::Nothing,
            groups: Vec::new(),
        }
    }

    /// Everything that will happen to `validators` validators under this seed.
    pub fn from_seed(seed: u64, validators: usize) -> Self {
        let mut chance = Chance::new(seed ^ 0x5eed_0ffa_0000_0001);
        let mut plan = Self::quiet(seed, validators);
        let weather = match chance.below(100) {
            0..75 => Weather::Stormy,
            75 => Weather::Creeping,
            76..80 => Weather::Slow,
            80..82 => Weather::Drought,
            82..94 => Weather::Brisk,
            _ => Weather::Busy,
        };
        plan.draw_roles(&mut chance, weather);
        plan.draw_links(&mut chance, weather);
        plan.draw_delays(&mut chance, weather);
        plan.draw_faults(&mut chance, weather);
        plan.draw_goal(&mut chance, weather);
        plan
    }

    /// Sampled twins: f twins, their messages split anew in each of the first views, with loss and restarts.
    pub fn sampled_twins(seed: u64, validators: usize) -> Self {
        let mut chance = Chance::new(seed ^ 0x7717_0000_0000_0001);
        let mut plan = Self::quiet(seed, validators);
        plan.make_faulty(&mut chance, Role::Twin);
        plan.links_ms = vec![1; plan.places.len() * plan.places.len()];
        plan.jitter_ms = chance.below(10);
        plan.lost = chance.pick(&[0, 0, 10, 60]).unwrap_or(0);
        plan.sync_ms_max = chance.below(4);
        plan.store_ms_max = chance.below(4);
        let groups = chance.between(2, 4);
        for _ in 0..chance.between(4, 9) {
            let group = |_| u8::try_from(chance.below(groups)).unwrap_or(0);
            let view = (0..plan.places.len()).map(group).collect();
            plan.groups.push(view);
        }
        if chance.happens(500) {
            let at = chance.between(20, 4_000);
            plan.draw_crash(&mut chance, at);
        }
        plan.settle_ms = SETTLE_MS + 8_000 + 10_000 * (validators as u64 - 1) / 3;
        plan.faults_ms = 3_000 * plan.groups.len() as u64;
        plan.batches_until_ms = 200;
        plan
    }

    /// Whether this instance follows the protocol.
    pub fn is_honest(&self, instance: usize) -> bool {
        self.places.get(instance).is_some_and(|place| place.role == Role::Honest)
    }

    fn draw_roles(&mut self, chance: &mut Chance, weather: Weather) {
        if weather == Weather::Creeping {
            self.creeps = true;
            return self.make_faulty(chance, Role::Byzantine);
        }
        let role = match chance.below(100) {
            0..25 => Role::Honest,
            25..45 => Role::Twin,
            45..97 => Role::Byzantine,
            _ => Role::Diverging,
        };
        if role != Role::Honest {
            self.make_faulty(chance, role);
        }
        if role == Role::Byzantine {
            let count = chance.between(1, 3);
            for _ in 0..count {
                self.attacks.extend(chance.pick(Attack::ALL));
            }
            if weather == Weather::Brisk && chance.happens(500) {
                self.attacks = chance.pick(Attack::REFUSED).into_iter().collect();
                self.attacks_of_1000 = 1_000;
            }
            if weather == Weather::Slow && chance.happens(500) {
                self.attacks = vec![Attack::FalseReasons];
            }
        }
        self.afterwards = match chance.below(10) {
            0..4 => Afterwards::GoOn,
            4..8 => Afterwards::Silent,
            _ => Afterwards::Mute,
        };
        if weather == Weather::Drought {
            self.afterwards = Afterwards::Mute;
        }
        for place in &mut self.places {
            place.skew_ms = i64::try_from(chance.below(200)).unwrap_or(0) - 100;
        }
    }

    /// Gives f validators another role; as twins each of them runs twice.
    pub fn make_faulty(&mut self, chance: &mut Chance, role: Role) {
        let first = chance.index(self.validators);
        for number in 0..(self.validators - 1) / 3 {
            let index = (first + number) % self.validators;
            if let Some(place) = self.places.get_mut(index) {
                place.role = role;
                let place = *place;
                if role == Role::Twin {
                    self.places.push(place);
                }
            }
        }
    }

    fn draw_links(&mut self, chance: &mut Chance, weather: Weather) {
        let (least, most) = match weather {
            // Beyond the first guess of every timer: nothing goes on before timers have grown.
            Weather::Slow if self.attacks == [Attack::FalseReasons] => (1_500, 2_000),
            Weather::Slow => (700, 1_300),
            Weather::Drought | Weather::Brisk | Weather::Busy | Weather::Creeping => (2, 8),
            Weather::Stormy => match chance.below(3) {
                0 => (0, 3),
                1 => (5, 30),
                _ => (20, 150),
            },
        };
        let links = self.places.len() * self.places.len();
        self.links_ms = (0..links).map(|_| chance.between(least, most)).collect();
        self.jitter_ms = chance.below(most / 4 + 2);
        if weather == Weather::Stormy {
            (self.lost, self.doubled) = match chance.below(4) {
                0 => (0, 0),
                1 => (10, 10),
                2 => (chance.below(120), chance.below(50)),
                _ => (chance.below(300), 0),
            };
        }
    }

    fn draw_delays(&mut self, chance: &mut Chance, weather: Weather) {
        self.sync_ms_max = match chance.below(4) {
            0 => 0,
            1 => 40,
            _ => 3,
        };
        self.payload_ms_max = if chance.happens(200) { 150 } else { 1 };
        self.execute_ms_max = if chance.happens(200) { 60 } else { 2 };
        self.store_ms_max = chance.pick(&[0, 2, 30]).unwrap_or(0);
        self.compact_above = chance.pick(&[12, 40, 200]).unwrap_or(200);
        match weather {
            Weather::Brisk | Weather::Drought | Weather::Creeping => {
                self.sync_ms_max = 0;
                (self.payload_ms_max, self.execute_ms_max) = (0, 0);
            }
            Weather::Busy => {
                (self.sync_ms_max, self.payload_ms_max) = (0, 0);
                self.execute_ms_max = 700;
            }
            Weather::Slow if chance.happens(500) => {
                self.links_ms.fill(2);
                (self.payload_ms_min, self.payload_ms_max) = (1_500, 2_500);
            }
            Weather::Stormy | Weather::Slow => {}
        }
    }

    fn draw_faults(&mut self, chance: &mut Chance, weather: Weather) {
        self.batch_every_ms = chance.between(40, 400);
        match weather {
            Weather::Stormy => {
                self.faults_ms = chance.between(1_200, 3_600);
                let mut at = chance.between(10, 800);
                while at < self.faults_ms {
                    at += self.draw_fault(chance, at) + chance.between(10, 800);
                }
                // One that hears nothing for several views, until the network is good.
                if chance.happens(60) {
                    let at = self.faults_ms;
                    self.faults_ms += chance.between(2_500, 8_000);
                    let alone = chance.index(self.places.len());
                    let side = |instance| u8::from(instance == alone);
                    let sides = (0..self.places.len()).map(side).collect();
                    self.faults.push((at, Fault::Heal));
                    self.faults.push((at, Fault::Partition { sides }));
                }
                // A set of three or fewer cannot do without one of its logs, nor can four with another one faulty.
                let may_lose =
                    self.validators > 3 && (0..self.places.len()).all(|i| self.is_honest(i));
                if may_lose && chance.happens(150) {
                    let instance = chance.index(self.validators);
                    let at = chance.between(10, self.faults_ms);
                    self.faults.push((at, Fault::Crash { instance }));
                    self.faults.push((at, Fault::LoseLog { instance }));
                    self.faults.push((at + chance.between(1, 600), Fault::Restart { instance }));
                }
            }
            Weather::Slow => self.faults_ms = chance.between(10, 4_000),
            Weather::Drought => {
                self.faults_ms = chance.between(100_000, 140_000);
                self.batch_every_ms = 40_000;
                let instances = vec![true; self.places.len()];
                self.faults.push((chance.between(10, 500), Fault::Mute { instances }));
            }
            Weather::Brisk => {
                self.faults_ms = chance.between(300, 2_500);
                if chance.happens(500) {
                    let at = chance.between(10, self.faults_ms);
                    self.draw_crash(chance, at);
                }
            }
            Weather::Busy => {
                self.faults_ms = 600;
                self.batch_every_ms = 8;
            }
            Weather::Creeping => {
                self.faults_ms = CREEP_MS;
                self.batch_every_ms = 20;
            }
        }
        self.batches_until_ms =
            if chance.happens(300) { self.faults_ms / 2 } else { self.faults_ms };
    }

    fn draw_fault(&mut self, chance: &mut Chance, at: u64) -> u64 {
        let instances = self.places.len();
        let lasts = chance.between(20, 1_800);
        match chance.below(12) {
            0..4 => {
                let side = |_| u8::from(chance.happens(500));
                let sides = (0..instances).map(side).collect();
                self.faults.push((at, Fault::Partition { sides }));
                self.faults.push((at + lasts, Fault::Heal));
            }
            4 => {
                let (from, to) = (chance.index(instances), chance.index(instances));
                self.faults.push((at, Fault::OneWay { from, to }));
                self.faults.push((at + lasts, Fault::Heal));
            }
            5 => {
                let mute = |_| chance.happens(500);
                let instances = (0..instances).map(mute).collect();
                self.faults.push((at, Fault::Mute { instances }));
            }
            // Everybody at once, as when the power fails.
            6 => {
                for instance in 0..instances {
                    self.faults.push((at, Fault::Crash { instance }));
                    self.faults.push((at + lasts, Fault::Restart { instance }));
                }
            }
            _ => return self.draw_crash(chance, at),
        }
        lasts
    }

    fn draw_crash(&mut self, chance: &mut Chance, at: u64) -> u64 {
        let lasts = chance.between(1, 900);
        let instance = chance.index(self.places.len());
        let crash = if chance.happens(500) {
            Fault::CrashInSync { instance }
        } else {
            Fault::Crash { instance }
        };
        self.faults.push((at, crash));
        self.faults.push((at + lasts, Fault::Restart { instance }));
        lasts
    }

    /// Whether somebody faulty may propose when nothing is to be ordered.
    fn may_propose_on(&self) -> bool {
        self.afterwards != Afterwards::Silent && (0..self.places.len()).any(|i| !self.is_honest(i))
    }

    fn draw_goal(&mut self, chance: &mut Chance, weather: Weather) {
        self.reconnects = chance.happens(500);
        self.late_batches = chance.below(5);
        self.settle_ms = match weather {
            Weather::Slow => 90_000,
            // Each faulty leader in a row costs a timer at its cap.
            Weather::Drought => 11_000 * (1 + (self.validators as u64 - 1) / 3),
            Weather::Busy => 60_000,
            Weather::Stormy | Weather::Brisk | Weather::Creeping => {
                SETTLE_MS + 10_000 * ((self.validators as u64 - 1) / 3).saturating_sub(1)
            }
        };
        let is_quick = self.afterwards == Afterwards::Silent
            || self.afterwards == Afterwards::GoOn
                && self.places.len() == self.validators
                && !self.creeps
                && self.attacks.iter().all(|attack| Attack::REFUSED.contains(attack));
        let faulty_max = (self.validators as u64 - 1) / 3;
        let base_ms = if is_quick { PACE_MS } else { PACE_SLOW_MS };
        let within_ms = base_ms * (1 + faulty_max).max(2) / 2;
        self.goal = match weather {
            Weather::Brisk | Weather::Drought | Weather::Creeping => {
                Goal::Pace { blocks: PACE_BLOCKS, within_ms }
            }
            Weather::Stormy if chance.happens(60) => {
                self.heartbeat_ms = 1_500;
                Goal::Heartbeat { within_ms: 6_000 }
            }
            Weather::Stormy if chance.happens(200) && !self.may_propose_on() => {
                Goal::Idle { for_ms: 1_500 }
            }
            Weather::Stormy | Weather::Slow | Weather::Busy => Goal::Nothing,
        };
        // Without it, what is left to finish is found out only later.
        self.reconnects |= matches!(self.goal, Goal::Idle { .. });
    }
}

/// Milliseconds of good network in which everything admitted must be committed everywhere; each faulty leader more may
/// cost a timer at its cap.
pub const SETTLE_MS: u64 = 12_000;
/// Milliseconds in which faulty leaders come later and later.
const CREEP_MS: u64 = 40_000;
/// Blocks of the demand on the pace.
const PACE_BLOCKS: u64 = 16;
/// Milliseconds for them when one faulty validator is down or refused at once; f of them have (f + 1) / 2 times that.
/// Its first turns may cost the first guess of a timer, and the time after which it counts as silent: a second each.
const PACE_MS: u64 = 2_500;
/// The same when each turn of a faulty leader takes a timer. Three honest leaders of four make 16 blocks in six rounds,
/// and a timer on fast links is at most a second: the two bounds of slow leaders, each twice the floor of 250 ms.
const PACE_SLOW_MS: u64 = 6_500;
