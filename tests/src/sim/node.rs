//! One simulated process: a real replica and ledger, a simulated disk.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use attackers::{AttackKind, Attacker, Context};
use borsh::BorshDeserialize;
use primitives::{Epoch, Genesis, SecretKey, StateKey, ValidatorIndex, View};
use replica::{Action, Event, Ledger, Limits, Machine, Now, Options, Replica, genesis_block};
use state::State;

use crate::sim::disk::Disk;

/// A process that runs.
#[derive(Debug)]
pub struct Running {
    pub machine: Box<dyn Machine>,
    pub ledger: Ledger,
    /// Until when the thread waits for its log; what arrives meanwhile waits too.
    pub busy_until_ms: u64,
    pub ledger_busy_until_ms: u64,
    /// When the next tick is scheduled, so that only the earliest counts.
    pub tick_at_ms: u64,
}

/// One instance of a validator. Its store and its log outlive its process.
#[derive(Debug)]
pub struct Node {
    pub validator: ValidatorIndex,
    key: SecretKey,
    genesis: Arc<Genesis>,
    state: State,
    pub disk: Disk,
    pub skew_ms: i64,
    /// How it attacks, if it does, and together with whom.
    attack: Option<(AttackKind, BTreeSet<ValidatorIndex>)>,
    pub running: Option<Running>,
    /// Counts lives: what was scheduled for an earlier one is dropped.
    pub life: u64,
}

/// One compiler and module cache for all runs of the process.
fn executor() -> Arc<vm::Executor> {
    static EXECUTOR: OnceLock<Arc<vm::Executor>> = OnceLock::new();
    Arc::clone(EXECUTOR.get_or_init(|| Arc::new(vm::Executor::new(vm::ExecutorOptions::default()))))
}

impl Node {
    pub fn new(
        validator: ValidatorIndex,
        key: SecretKey,
        genesis: &Arc<Genesis>,
        skew_ms: i64,
    ) -> Self {
        let state = State::in_memory(&genesis_block(genesis));
        let genesis = Arc::clone(genesis);
        let (disk, running) = (Disk::default(), None);
        Self { validator, key, genesis, state, disk, skew_ms, attack: None, running, life: 0 }
    }

    /// Makes it an attacker, one of these.
    pub fn attacking(mut self, kind: AttackKind, attackers: BTreeSet<ValidatorIndex>) -> Self {
        self.attack = Some((kind, attackers));
        self
    }

    /// Starts the process; what its start asks for.
    pub fn start(&mut self, now: Now, now_ms: u64) -> Vec<Action> {
        self.state = self.state.memory_restart();
        let options = Options {
            genesis: (*self.genesis).clone(),
            key: self.key.clone(),
            own: self.validator,
            limits: Limits::default(),
        };
        let replica = Replica::new(options.clone(), self.state.clone(), self.disk.read(), now);
        let mut machine: Box<dyn Machine> = match &self.attack {
            None => Box::new(replica),
            Some((kind, attackers)) => {
                let context = Context::new(&options, attackers.clone(), now);
                Box::new(Attacker::new(replica, context, kind.attack()))
            }
        };
        let ledger = Ledger::new(self.state.clone(), executor(), &self.genesis);
        let actions = machine.on_event(now, Event::Start);
        self.life += 1;
        self.running = Some(Running {
            machine,
            ledger,
            busy_until_ms: now_ms,
            ledger_busy_until_ms: now_ms,
            tick_at_ms: u64::MAX,
        });
        actions
    }

    /// Whether its committed chain holds evidence of this view against this validator, or as much against it as a
    /// chain takes.
    pub fn convicts(&self, culprit: u16, view: u64) -> bool {
        let (epoch, culprit) = (Epoch(0), ValidatorIndex(culprit));
        let index = self.state.get(&StateKey::evidence_index(epoch, culprit));
        let views =
            index.map(|bytes| Vec::<View>::try_from_slice(&bytes).expect("a list of views"));
        self.state.get(&StateKey::evidence(epoch, View(view), culprit)).is_some()
            || views.is_some_and(|views| views.len() >= 16)
    }

    pub fn height(&self) -> u64 {
        self.state.head().header.height.0
    }
}
