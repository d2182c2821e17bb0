//! The run: a heap of things that happen, in the order of simulated time.
#![expect(
    clippy::indexing_slicing,
    reason = "instances are numbered by the plan; a wrong number is the harness's own bug"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use primitives::{
    Amount, ChainParameters, Genesis, Hash, Header, SecretKey, SignedBatch, TimestampMs, Validator,
    ValidatorIndex, Verified,
};
use replica::{Action, Event, Now};

use crate::sim::checkers::{Checkers, Violation};
use crate::sim::clients::Client;
use crate::sim::meter::Meter;
use crate::sim::network::Network;
use crate::sim::node::Node;
use crate::sim::plan::{Chance, FAULTS_MS, Fault, Plan, RECOVERY_MS};
use crate::sim::report::{Commit, Report, words};

/// The wall clock at simulated time zero.
pub(super) const EPOCH: u64 = 1_700_000_000_000;
/// Milliseconds between two looks of the clients.
pub(super) const CLIENT_MS: u64 = 40;

/// Something that will happen.
#[derive(Debug)]
pub(super) enum Happening {
    Event {
        instance: usize,
        life: u64,
        event: Event,
    },
    Tick {
        instance: usize,
        life: u64,
    },
    /// The log is synced: what waited for it leaves.
    Synced {
        instance: usize,
        life: u64,
        actions: VecDeque<Action>,
    },
    Ledger {
        instance: usize,
        life: u64,
        work: LedgerWork,
    },
    Fault(Fault),
    Clients,
    Good,
}

#[derive(Debug)]
pub(super) enum LedgerWork {
    Execute(Header, Vec<Arc<SignedBatch>>),
    Commit(Vec<Header>, primitives::CommitCertificate),
    Discard(Vec<Hash>),
}

/// A running simulation.
#[derive(Debug)]
pub struct Cluster {
    pub(super) plan: Plan,
    pub(super) chance: Chance,
    pub(super) now_ms: u64,
    pub(super) sequence: u64,
    pub(super) happenings: BTreeMap<(u64, u64), Happening>,
    pub(super) nodes: Vec<Node>,
    pub(super) network: Network,
    pub(super) clients: Vec<Client>,
    pub(super) checkers: Checkers,
    pub(super) genesis: Arc<Genesis>,
    /// Batches that some instance has verified: the answer is the same for all, and signatures cost most.
    pub(super) verified: BTreeMap<Hash, Verified<SignedBatch>>,
    pub(super) keeps_log: bool,
    pub(super) log: String,
    pub(super) hasher: blake3::Hasher,
    pub(super) violation: Option<Violation>,
    pub(super) good_height: Option<u64>,
    /// Syncs so far of the instance that the plan restarts there.
    pub(super) boundaries: u64,
    pub(super) commits: Vec<Commit>,
    pub(super) meter: Meter,
}

impl Cluster {
    pub fn new(plan: Plan, keeps_log: bool) -> Self {
        let keys: Vec<SecretKey> = (0u8..)
            .take(plan.validators)
            .map(|number| SecretKey::from_seed([number + 1; 32]))
            .collect();
        let clients: Vec<Client> = (0..plan.clients).map(Client::new).collect();
        let validators = keys
            .iter()
            .enumerate()
            .map(|(number, key)| Validator { name: format!("v{number}"), key: key.public_key() });
        let genesis = Arc::new(Genesis {
            chain_id: "sim".parse().expect("a valid chain id"),
            timestamp_ms: TimestampMs(EPOCH - 10_000),
            parameters: ChainParameters::default(),
            validators: validators.collect(),
            accounts: clients.iter().map(|c| (c.address(), Amount(1_000_000))).collect(),
        });
        let attackers: BTreeSet<_> = plan.attackers.keys().copied().map(ValidatorIndex).collect();
        let nodes = plan
            .instances
            .iter()
            .zip(&plan.skew_ms)
            .map(|(index, skew_ms)| {
                let key = keys[usize::from(*index)].clone();
                let node = Node::new(ValidatorIndex(*index), key, &genesis, *skew_ms);
                match plan.attackers.get(index) {
                    None => node,
                    Some(kind) => node.attacking(*kind, attackers.clone()),
                }
            })
            .collect();
        let quorum = plan.validators - (plan.validators - 1) / 3;
        let mut cluster = Self {
            chance: Chance::new(plan.seed),
            now_ms: 0,
            sequence: 0,
            happenings: BTreeMap::new(),
            nodes,
            network: Network::new(&plan),
            clients,
            checkers: Checkers::new(genesis.header(), quorum),
            genesis,
            verified: BTreeMap::new(),
            keeps_log,
            log: String::new(),
            hasher: blake3::Hasher::new(),
            violation: None,
            good_height: None,
            commits: Vec::new(),
            meter: Meter::default(),
            boundaries: 0,
            plan,
        };
        for (at, fault) in cluster.plan.faults.clone() {
            cluster.schedule(at, Happening::Fault(fault));
        }
        if cluster.plan.run_ms.is_none() {
            cluster.schedule(FAULTS_MS, Happening::Good);
        }
        cluster.schedule(CLIENT_MS, Happening::Clients);
        cluster
    }

    /// Plays the plan to its end, or to the first violation.
    pub fn run(mut self) -> Report {
        let end_ms = self.plan.run_ms.unwrap_or(FAULTS_MS + RECOVERY_MS);
        for instance in 0..self.nodes.len() {
            self.start(instance);
        }
        let mut recovered_ms = None;
        // What was found until the chain moved again must then be on it.
        let mut accused = BTreeSet::new();
        while let Some(((at, _), happening)) = self.happenings.pop_first() {
            let over = recovered_ms.is_some() && self.convicts(&accused);
            if self.violation.is_some() || at > end_ms || over {
                break;
            }
            self.now_ms = at;
            // A broken invariant stops a process; here it is a violation with a seed.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.happen(happening))) {
                self.violation = Some(Violation(format!("panic: {}", words(&*panic))));
                break;
            }
            if recovered_ms.is_none() && self.has_recovered() {
                recovered_ms = Some(self.now_ms.saturating_sub(FAULTS_MS));
                accused = self.checkers.accused.clone();
            }
        }
        if self.violation.is_none() && recovered_ms.is_some() && !self.convicts(&accused) {
            let text = format!("evidence is found and does not reach the chain: {accused:?}");
            self.violation = Some(Violation(text));
        }
        if self.plan.run_ms.is_none() && recovered_ms.is_none() && self.violation.is_none() {
            let heights: Vec<u64> =
                (0..self.nodes.len()).map(|i| self.checkers.height_of(i)).collect();
            let needed = self.good_height;
            self.violation = Some(Violation(format!(
                "no recovery in {RECOVERY_MS} ms of good network: heights {heights:?}, {needed:?} was reached before; \
                 voting: {:?}; admitted and lost: {:?}",
                self.nodes.iter().map(Node::votes).collect::<Vec<_>>(),
                self.lost_transactions(),
            )));
        }
        let verdict = self.checkers.all_convicted();
        self.judge(verdict);
        Report {
            height: self.checkers.height(),
            committed_transactions: self.clients.iter().map(|client| client.committed).sum(),
            orphaned: self.checkers.orphaned(),
            recovery_ms: recovered_ms.unwrap_or(RECOVERY_MS),
            accused: self.checkers.convicted(),
            commits: self.commits,
            meter: self.meter,
            violation: self.violation,
            log: self.log,
            log_hash: self.hasher.finalize().to_hex().to_string(),
        }
    }

    /// Every honest validator has executed, since the faults ended, two blocks more than anybody had before.
    fn has_recovered(&self) -> bool {
        self.good_height.is_some_and(|before| {
            let moved = |instance| self.checkers.height_of(instance) >= before + 2;
            let honest = (0..self.nodes.len()).filter(|instance| self.plan.is_honest(*instance));
            honest.into_iter().all(|instance| moved(instance) && self.nodes[instance].votes())
                && self.lost_transactions().is_empty()
        })
    }

    /// Whether the chain of every honest validator holds evidence in these cases.
    fn convicts(&self, accused: &BTreeSet<(u16, u64)>) -> bool {
        let honest = (0..self.nodes.len()).filter(|instance| self.plan.is_honest(*instance));
        honest.into_iter().all(|instance| {
            accused.iter().all(|(culprit, view)| self.nodes[instance].convicts(*culprit, *view))
        })
    }

    pub(super) fn schedule(&mut self, at: u64, happening: Happening) {
        self.sequence += 1;
        self.happenings.insert((at, self.sequence), happening);
    }

    pub(super) fn note(&mut self, line: std::fmt::Arguments<'_>) {
        let mut text = String::new();
        let _ = writeln!(text, "{:>6} {line}", self.now_ms);
        self.hasher.update(text.as_bytes());
        if self.keeps_log {
            self.log.push_str(&text);
        }
    }

    pub(super) fn judge(&mut self, verdict: Result<(), Violation>) {
        if let Err(violation) = verdict {
            self.note(format_args!("VIOLATION {}", violation.0));
            self.violation.get_or_insert(violation);
        }
    }

    pub(super) fn clock(&self, instance: usize) -> Now {
        let skew = self.nodes[instance].skew_ms;
        let wall = EPOCH.saturating_add(self.now_ms).saturating_add_signed(skew);
        Now { wall: TimestampMs(wall), uptime_ms: self.now_ms }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Event { instance, life, event } => {
                if let Some(busy) = self.busy_until(instance, life) {
                    self.schedule(busy, Happening::Event { instance, life, event });
                } else {
                    self.feed(instance, life, event);
                }
            }
            Happening::Tick { instance, life } => {
                if let Some(busy) = self.busy_until(instance, life) {
                    self.schedule(busy, Happening::Tick { instance, life });
                } else if self.is_alive(instance, life) {
                    if let Some(running) = &mut self.nodes[instance].running {
                        running.tick_at_ms = u64::MAX;
                    }
                    self.feed(instance, life, Event::Tick);
                }
            }
            Happening::Synced { instance, life, actions } => {
                self.synced(instance, life, actions);
            }
            Happening::Ledger { instance, life, work } => self.ledger(instance, life, work),
            Happening::Fault(fault) => self.fault(&fault),
            Happening::Clients => self.look_after_clients(),
            Happening::Good => self.become_good(),
        }
    }

    pub(super) fn is_alive(&self, instance: usize, life: u64) -> bool {
        self.nodes[instance].running.is_some() && self.nodes[instance].life == life
    }

    /// Until when this life of an instance waits for its disk, if it does.
    fn busy_until(&self, instance: usize, life: u64) -> Option<u64> {
        let node = &self.nodes[instance];
        let running = node.running.as_ref().filter(|_| node.life == life)?;
        let busy = running.is_syncing || running.busy_until_ms > self.now_ms;
        busy.then_some(running.busy_until_ms)
    }

    fn feed(&mut self, instance: usize, life: u64, event: Event) {
        if !self.is_alive(instance, life) {
            return;
        }
        let now = self.clock(instance);
        let Some(running) = &mut self.nodes[instance].running else { return };
        let machine = &mut running.machine;
        let actions = self.meter.time(|| machine.on_event(now, event));
        self.perform(instance, actions.into());
    }

    pub(super) fn start(&mut self, instance: usize) {
        let now = self.clock(instance);
        let actions = match self.nodes[instance].start(now, self.now_ms) {
            Ok(actions) => actions,
            Err(error) => return self.note(format_args!("{instance} does not start: {error}")),
        };
        let height = self.nodes[instance].height();
        self.note(format_args!("{instance} starts at height {height}"));
        let verdict = self.checkers.restarted(instance, height);
        self.judge(verdict);
        self.perform(instance, actions.into());
        for other in 0..self.nodes.len() {
            if other != instance && self.nodes[other].running.is_some() {
                self.connect(instance, other, true);
                self.connect(other, instance, true);
            }
        }
    }

    pub(super) fn connect(&mut self, instance: usize, other: usize, connected: bool) {
        let (life, peer) = (self.nodes[instance].life, self.nodes[other].validator);
        let event = Event::Peer { peer, connected };
        self.schedule(self.now_ms + 1, Happening::Event { instance, life, event });
    }
}
