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
    Amount, ChainParameters, Domain, Genesis, Hash, Header, SecretKey, SignedBatch, TimestampMs,
    Validator, ValidatorIndex, Verified, Vote, codec,
};
use replica::{Action, Event, Message, Now};

use crate::sim::checkers::{Checkers, Violation};
use crate::sim::clients::Client;
use crate::sim::disk::Unsynced;
use crate::sim::meter::Meter;
use crate::sim::network::Network;
use crate::sim::node::Node;
use crate::sim::plan::{Chance, FAULTS_MS, Fault, Plan, RECOVERY_MS, SyncCrash};
use crate::sim::report::{Commit, Report, describe, words};

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

    /// Does what a replica asked for; from the first record on, everything waits for the sync.
    pub(super) fn perform(&mut self, instance: usize, actions: VecDeque<Action>) {
        let life = self.nodes[instance].life;
        let (mut records, mut rest) = (Vec::new(), VecDeque::new());
        for action in actions {
            match action {
                Action::Persist(record) => {
                    self.note(format_args!("{instance} logs {}", describe(&record)));
                    records.push(record);
                }
                other if !records.is_empty() => rest.push_back(other),
                other => self.act(instance, other),
            }
        }
        if records.is_empty() {
            return self.after_actions(instance, life);
        }
        let Some(running) = &mut self.nodes[instance].running else { return };
        if let Err(error) = running.log.write(&records) {
            self.note(format_args!("{instance} stops: {error}"));
            return self.crash(instance, Unsynced::Torn);
        }
        let crash = self.next_sync_crash(instance);
        if let Some(SyncCrash::BeforeSync(unsynced)) = crash {
            return self.crash_and_restart(instance, unsynced);
        }
        self.nodes[instance].crashes_after_sync = crash.is_some();
        let done = self.now_ms + self.chance.below(self.plan.sync_ms_max + 1);
        if let Some(running) = &mut self.nodes[instance].running {
            running.busy_until_ms = done;
            running.is_syncing = true;
        }
        self.schedule(done, Happening::Synced { instance, life, actions: rest });
    }

    fn after_actions(&mut self, instance: usize, life: u64) {
        let node = &mut self.nodes[instance];
        let Some(running) = &mut node.running else { return };
        if running.log.is_worth_compacting()
            && let Some(records) = running.machine.compacted()
            && let Err(error) = running.log.compact(&records)
        {
            self.note(format_args!("{instance} stops: {error}"));
            return self.crash(instance, Unsynced::Torn);
        }
        let at = running.machine.deadline_ms().max(self.now_ms + 1);
        if at < running.tick_at_ms {
            running.tick_at_ms = at;
            self.schedule(at, Happening::Tick { instance, life });
        }
    }

    fn act(&mut self, instance: usize, action: Action) {
        let life = self.nodes[instance].life;
        match action {
            Action::Persist(_) => {}
            Action::Send { to, message } => self.send(instance, Some(to), &message),
            Action::Broadcast(message) => self.send(instance, None, &message),
            Action::Gossip(batch) => {
                for other in self.others(instance, None) {
                    let event = || Event::Gossip { batch: batch.clone() };
                    self.deliver(instance, other, event);
                }
            }
            Action::Verify(batch) => {
                let digest = batch.digest();
                let set = self.genesis.validator_set().expect("a checked genesis");
                let key = Hash::of(Domain::Batch, &batch);
                let known = self.verified.get(&key).cloned();
                let batch = known.map_or_else(|| batch.verify(&self.genesis.hash(), &set), Ok);
                if let Ok(batch) = &batch {
                    self.verified.insert(key, batch.clone());
                }
                let at = self.now_ms + self.chance.below(3);
                let event = Event::Verified { digest, batch };
                self.schedule(at, Happening::Event { instance, life, event });
            }
            Action::Execute { header, batches } => {
                self.queue_ledger(instance, LedgerWork::Execute(header, batches));
            }
            Action::Commit { blocks, certificate } => {
                self.queue_ledger(instance, LedgerWork::Commit(blocks, certificate));
            }
            Action::Discard { blocks } => {
                self.queue_ledger(instance, LedgerWork::Discard(blocks));
            }
            Action::ServeSync { to, range } => {
                let view = self.nodes[instance].running.as_ref().map(|r| r.ledger.view());
                if let Some(blocks) = view.and_then(|view| view.sync(range)) {
                    self.send(instance, Some(to), &Message::Sync(Box::new(blocks)));
                }
            }
            Action::Reply { request, answer } => {
                let client = usize::try_from(request.0).ok().and_then(|i| self.clients.get_mut(i));
                if let (Some(client), Ok(hash)) = (client, answer) {
                    client.admitted(hash, instance, life);
                }
            }
            Action::Evidence(evidence) => {
                self.note(format_args!("{instance} accuses {}", evidence.culprit()));
                let validator = evidence.culprit().0;
                if self.plan.is_honest(instance) {
                    self.checkers.accused.insert((validator, evidence.view().0));
                }
                if self.is_honest_validator(validator) {
                    let text = format!("honest validator {validator} is accused: {evidence:?}");
                    self.judge(Err(Violation(text)));
                }
            }
            Action::Misbehaviour { peer, what } => {
                self.note(format_args!("{instance} says of {peer}: {what}"));
                if self.plan.is_honest(instance) && self.is_honest_validator(peer.0) {
                    let text = format!("{instance} bans the honest validator {peer}: {what}");
                    self.judge(Err(Violation(text)));
                }
            }
            Action::Withholder { author, .. } => {
                self.note(format_args!("{instance} suspects {author} of withholding batches"));
            }
            Action::EnteredView { view, .. } => {
                self.note(format_args!("{instance} enters view {view}"));
            }
            Action::TimedOut { view, reason } => {
                self.note(format_args!("{instance} gives view {view} up: {reason}"));
            }
            Action::Stop { reason } if self.plan.is_honest(instance) => {
                self.judge(Err(Violation(reason)));
            }
            Action::Stop { reason } => self.note(format_args!("{instance} would stop: {reason}")),
        }
    }

    fn is_honest_validator(&self, validator: u16) -> bool {
        let instance = self.plan.instances.iter().position(|index| *index == validator);
        instance.is_some_and(|instance| self.plan.is_honest(instance))
    }

    fn others(&self, instance: usize, to: Option<ValidatorIndex>) -> Vec<usize> {
        let own = self.nodes[instance].validator;
        (0..self.nodes.len())
            .filter(|other| {
                let index = self.nodes[*other].validator;
                *other != instance && index != own && to.is_none_or(|to| to == index)
            })
            .collect()
    }

    fn send(&mut self, instance: usize, to: Option<ValidatorIndex>, message: &Message) {
        if self.plan.is_honest(instance) {
            self.observe(message);
        } else if self.plan.is_provably_faulty(instance) {
            self.checkers.culprit_said(message);
        }
        let from = self.nodes[instance].validator;
        let bytes = codec::encode(message);
        for other in self.others(instance, to) {
            self.meter.sent(bytes.len());
            let event = || {
                let message = Message::decode(&bytes).expect("what was encoded decodes");
                Event::Message { from, message }
            };
            self.deliver(instance, other, event);
        }
    }

    fn deliver(&mut self, from: usize, to: usize, event: impl Fn() -> Event) {
        let life = self.nodes[to].life;
        for delay in self.network.delays(&mut self.chance, from, to) {
            let happening = Happening::Event { instance: to, life, event: event() };
            self.schedule(self.now_ms + delay, happening);
        }
    }

    /// Shows the oracle what an honest validator signs.
    fn observe(&mut self, message: &Message) {
        let Message::Consensus(message) = message else { return };
        let verdict = match message {
            consensus::Message::Vote(vote) => self.checkers.voted(vote),
            consensus::Message::Timeout { vote, .. } => self.checkers.voted(&Vote::Timeout(*vote)),
            consensus::Message::Proposal(proposal) => self.checkers.proposed(&proposal.header),
            _ => Ok(()),
        };
        self.judge(verdict);
    }

    fn queue_ledger(&mut self, instance: usize, work: LedgerWork) {
        let takes = 1 + self.chance.below(4);
        let life = self.nodes[instance].life;
        let Some(running) = &mut self.nodes[instance].running else { return };
        running.ledger_busy_until_ms = running.ledger_busy_until_ms.max(self.now_ms) + takes;
        let at = running.ledger_busy_until_ms;
        self.schedule(at, Happening::Ledger { instance, life, work });
    }

    fn ledger(&mut self, instance: usize, life: u64, work: LedgerWork) {
        if !self.is_alive(instance, life) {
            return;
        }
        let Some(running) = &mut self.nodes[instance].running else { return };
        let event = match work {
            LedgerWork::Discard(blocks) => return running.ledger.discard(&blocks),
            LedgerWork::Execute(header, batches) => {
                let block = header.hash();
                let ledger = &mut running.ledger;
                let result = self.meter.time(|| ledger.execute(header, batches));
                let verdict = self.checkers.result(instance, block, result);
                self.judge(verdict);
                Event::Executed { block, result }
            }
            LedgerWork::Commit(blocks, certificate) => {
                let ledger = &mut running.ledger;
                let committed = self.meter.time(|| ledger.commit(&blocks, &certificate));
                let answers = committed.expect("memory does not fail");
                if self.plan.is_honest(instance) {
                    let height = certificate.result.height.0;
                    self.commits.push(Commit { instance, at_ms: self.now_ms, height });
                }
                for block in &answers {
                    let height = block.header.height;
                    let hash = block.header.hash();
                    self.note(format_args!("{instance} commits {height} {hash:?}"));
                    let verdict = self.checkers.committed(instance, &block.header, &block.receipts);
                    self.judge(verdict);
                }
                Event::Committed { blocks: answers }
            }
        };
        self.schedule(self.now_ms, Happening::Event { instance, life, event });
    }
}
