//! The run: a heap of things that happen, in the order of simulated time.
#![expect(
    clippy::indexing_slicing,
    reason = "instances are numbered by the plan; a wrong number is the harness's own bug"
)]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt::Write as _;
use std::rc::Rc;

use consensus::{Input, Message, Now};
use primitives::{BatchRef, Hash, TimestampMs, ValidatorIndex, View};

use crate::byzantine::Actor;
use crate::chance::Chance;
use crate::instance::Instance;
use crate::network::Network;
use crate::oracle::signatures::Signatures;
use crate::oracle::{Oracles, Verdict, Violation, violation};
use crate::payload::Payloads;
use crate::plan::{Fault, Plan, Role};
use crate::stages::{Progress, Stage};
use crate::world::{EPOCH_MS, World};

/// Milliseconds between two attempts to fetch a payload, a range of blocks, or to spread a batch again.
const RETRY_MS: u64 = 100;
/// What happens at most in one run; more is a storm.
const EVENTS_MAX: u64 = 3_000_000;

/// Something that will happen.
#[derive(Debug)]
pub(crate) enum Event {
    Message {
        from: ValidatorIndex,
        message: Rc<Message>,
    },
    Input(Box<Input>),
    Tick,
    /// The log is synced: what waited for it leaves.
    Synced,
    /// A commit's write is finished.
    Stored,
    /// Look again for a payload that was held back.
    Payload(Hash),
    CatchUp,
    Batch(BatchRef),
    Fault(usize),
    /// A batch, and the next one later; a new series ends the one before.
    NewBatch(u32),
    Good,
    /// Nothing, but that the stage is looked at again.
    Look,
    /// The time of the current stage is over.
    Deadline(Stage),
}

#[derive(Debug)]
struct Scheduled {
    at: u64,
    sequence: u64,
    instance: usize,
    life: u32,
    event: Event,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub height: u64,
    /// Milliseconds of good network until everything admitted was committed everywhere.
    pub settled_ms: u64,
    /// Milliseconds until the goal was reached.
    pub goal_ms: u64,
    pub events: u64,
    pub violation: Option<Violation>,
    /// A number that follows from everything that happened.
    pub fingerprint: u64,
    /// Everything that happened, a line each, when asked for.
    pub log: String,
}

/// A running simulation.
#[derive(Debug)]
pub struct Run {
    pub(crate) plan: Plan,
    pub(crate) world: Rc<World>,
    pub(crate) chance: Chance,
    pub(crate) now_ms: u64,
    sequence: u64,
    heap: BinaryHeap<Reverse<Scheduled>>,
    pub(crate) instances: Vec<Instance>,
    pub(crate) network: Network,
    pub(crate) payloads: Payloads,
    pub(crate) oracles: Oracles,
    pub(crate) progress: Progress,
    keeps_log: bool,
    log: String,
    events: u64,
    pub(crate) fingerprint: u64,
    violation: Option<Violation>,
}

impl Run {
    pub fn new(plan: Plan, keeps_log: bool) -> Self {
        let world = Rc::new(World::new(plan.validators));
        let instances: Vec<Instance> = plan
            .places
            .iter()
            .map(|place| {
                let is_actor = place.role == Role::Byzantine;
                let actor = || Actor::new(place.validator, &plan, &world.genesis);
                Instance::new(*place, is_actor.then(actor), &world.genesis)
            })
            .collect();
        let mut run = Self {
            chance: Chance::new(plan.seed),
            now_ms: 0,
            sequence: 0,
            heap: BinaryHeap::new(),
            network: Network::new(&plan),
            payloads: Payloads::default(),
            oracles: Oracles::new(&world, instances.len()),
            instances,
            world,
            progress: Progress::default(),
            keeps_log,
            log: String::new(),
            events: 0,
            fingerprint: 0,
            violation: None,
            plan,
        };
        for (number, (at, _)) in run.plan.faults.clone().iter().enumerate() {
            run.schedule(*at, 0, Event::Fault(number));
        }
        run.schedule(run.plan.faults_ms, 0, Event::Good);
        run.schedule(1, 0, Event::NewBatch(0));
        run
    }

    /// Plays the plan to its end, or to the first violation.
    pub fn play(mut self) -> Report {
        for instance in 0..self.instances.len() {
            self.start(instance);
        }
        while self.violation.is_none() && self.progress.stage != Stage::Done {
            let Some(Reverse(next)) = self.heap.pop() else { break };
            self.now_ms = next.at;
            self.events += 1;
            if self.events > EVENTS_MAX {
                let text = format!("more than {EVENTS_MAX} events by {} ms", self.now_ms);
                self.judge(violation("storm", text));
                break;
            }
            self.happen(next);
            self.look_at_the_stage();
        }
        Report {
            height: self.oracles.ledger.height(),
            settled_ms: self.progress.settled_ms,
            goal_ms: self.progress.goal_ms,
            events: self.events,
            violation: self.violation,
            fingerprint: self.fingerprint,
            log: self.log,
        }
    }

    pub(crate) fn schedule(&mut self, at: u64, instance: usize, event: Event) {
        self.sequence += 1;
        let life = self.instances[instance].life;
        let sequence = self.sequence;
        self.heap.push(Reverse(Scheduled { at, sequence, instance, life, event }));
    }

    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        if self.keeps_log {
            let _ = writeln!(self.log, "{:>6} {}", self.now_ms, line());
        }
    }

    pub(crate) fn judge(&mut self, verdict: Verdict) {
        if let Err(violation) = verdict {
            self.note(|| format!("VIOLATION {}: {}", violation.oracle, violation.text));
            self.violation.get_or_insert(violation);
        }
    }

    pub(crate) fn clock(&self, instance: usize) -> Now {
        let skew_ms = self.instances[instance].place.skew_ms;
        let wall = EPOCH_MS.saturating_add(self.now_ms).saturating_add_signed(skew_ms);
        Now { wall: TimestampMs(wall), uptime_ms: self.now_ms }
    }

    fn happen(&mut self, next: Scheduled) {
        let Scheduled { instance, life, event, .. } = next;
        match event {
            Event::Fault(number) => return self.fault(number),
            Event::NewBatch(series) if series == self.progress.series => return self.new_batch(),
            Event::NewBatch(_) => return,
            Event::Good => return self.become_good(),
            Event::Look => return,
            Event::Deadline(stage) if stage == self.progress.stage => return self.deadline(),
            Event::Deadline(_) => return,
            _ => {}
        }
        let one = &mut self.instances[instance];
        let Some(running) = one.running.as_mut().filter(|_| one.life == life) else { return };
        if let Some(at) = running.busy_until_ms
            && !matches!(event, Event::Synced)
        {
            return self.schedule(at, instance, event);
        }
        match event {
            Event::Message { from, message } => {
                let timed_out = match &*message {
                    Message::Timeout { vote, .. } => Some(vote.view),
                    _ => None,
                };
                let message = (*message).clone();
                self.feed(instance, Input::Message { from, message });
                if let Some(view) = timed_out {
                    self.check_joining(instance, from, view);
                }
            }
            Event::Input(input) => self.feed(instance, *input),
            Event::Tick => {
                running.tick_at_ms = u64::MAX;
                self.feed(instance, Input::Tick);
            }
            Event::Synced => self.synced(instance),
            Event::Stored => {
                one.disk.finish_commit();
                self.after(instance);
            }
            Event::Payload(block) => self.look_for_payload(instance, block),
            Event::CatchUp => self.fetch_range(instance),
            Event::Batch(batch) => {
                if running.admit(batch) {
                    self.pass_on(batch);
                }
                self.turn(instance, VecDeque::new());
            }
            Event::Fault(_)
            | Event::NewBatch(_)
            | Event::Good
            | Event::Look
            | Event::Deadline(_) => {}
        }
    }

    fn check_joining(&mut self, instance: usize, from: ValidatorIndex, view: View) {
        // What the faulty send may conflict with what they sent before, and then does not count.
        let sent_by_honest =
            self.instances.iter().any(|one| one.place.validator == from && one.is_honest());
        let faulty_max = self.world.faulty_max();
        let one = &mut self.instances[instance];
        if !sent_by_honest || !one.is_honest() {
            return;
        }
        // Who has lost its log joins nobody before it may sign again.
        if let Some(running) = one.running.as_mut().filter(|one| one.core.rejoin().is_none()) {
            let verdict = running.joining.delivered(from, view, faulty_max);
            self.judge(verdict);
        }
    }

    /// Starts a process, the first time or again.
    pub(crate) fn start(&mut self, instance: usize) {
        let now = self.clock(instance);
        let one = &mut self.instances[instance];
        one.start(&self.world, self.plan.heartbeat_ms, now);
        one.dies_in_sync = false;
        let (height, tip) = (one.disk.height(), one.disk.tip());
        self.oracles.ledger.restarted(instance, height, tip);
        if let Some(running) = one.running.as_ref().filter(|_| one.place.role == Role::Honest) {
            let committed = one.disk.committed().view();
            let known = running.core.records();
            let log = one.disk.log();
            let mut verdict = Signatures::restored(log, &known, committed, running.view);
            for record in log {
                verdict = verdict.and_then(|()| self.oracles.certificates.written(record));
            }
            self.judge(verdict);
        }
        self.note(|| format!("{instance} starts at height {height}"));
        self.feed(instance, Input::Start);
        for other in 0..self.instances.len() {
            if other != instance && self.instances[other].running.is_some() {
                self.connect(instance, other, true);
                self.connect(other, instance, true);
            }
        }
    }

    pub(crate) fn connect(&mut self, instance: usize, other: usize, connected: bool) {
        let peer = self.instances[other].place.validator;
        let input = Box::new(Input::Peer { peer, connected });
        self.schedule(self.now_ms + 1, instance, Event::Input(input));
    }

    fn fault(&mut self, number: usize) {
        let Some((_, fault)) = self.plan.faults.get(number).cloned() else { return };
        if self.progress.stage != Stage::Faults {
            return;
        }
        self.note(|| format!("fault {fault:?}"));
        self.network.apply(&fault);
        match fault {
            Fault::Crash { instance } => self.crash(instance),
            Fault::CrashInSync { instance } => self.instances[instance].dies_in_sync = true,
            Fault::Restart { instance } => {
                self.instances[instance].dies_in_sync = false;
                if self.instances[instance].running.is_none() {
                    self.start(instance);
                }
            }
            Fault::LoseLog { instance } => {
                if self.instances[instance].running.is_none() {
                    self.instances[instance].disk.lose_log();
                }
            }
            Fault::Partition { .. } | Fault::OneWay { .. } | Fault::Mute { .. } | Fault::Heal => {}
        }
    }

    pub(crate) fn crash(&mut self, instance: usize) {
        if self.instances[instance].running.take().is_none() {
            return;
        }
        self.note(|| format!("{instance} dies"));
        self.instances[instance].disk.crash(&mut self.chance);
        for other in 0..self.instances.len() {
            if other != instance && self.instances[other].running.is_some() {
                self.connect(other, instance, false);
            }
        }
    }

    /// How a message travels in the first views of a run by views: in the group of its view. What is said again
    /// because a view is stuck passes everywhere.
    pub(crate) fn passes(&self, view: View, again: bool, from: usize, to: usize) -> bool {
        if self.progress.stage != Stage::Faults || again {
            return true;
        }
        let position = usize::try_from(view.0.saturating_sub(1)).unwrap_or(usize::MAX);
        self.plan.groups.get(position).is_none_or(|groups| groups.get(from) == groups.get(to))
    }

    /// One of the other instances that run, at random.
    pub(crate) fn random_peer(&mut self, instance: usize) -> Option<usize> {
        let peers: Vec<usize> = (0..self.instances.len())
            .filter(|other| *other != instance && self.instances[*other].running.is_some())
            .filter(|other| !self.network.is_cut(*other, instance))
            .collect();
        self.chance.pick(&peers)
    }

    pub(crate) fn retry(&mut self, instance: usize, event: Event) {
        self.schedule(self.now_ms + RETRY_MS, instance, event);
    }
}
