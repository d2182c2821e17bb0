//! One simulated process: a real replica and ledger with a real vote log, on a simulated disk.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use attackers::{AttackKind, Attacker, Context};
use borsh::BorshDeserialize;
use consensus::Record as Agreement;
use primitives::{Epoch, Genesis, SecretKey, StateKey, ValidatorIndex, View};
use replica::{
    Action, Event, Ledger, Limits, Machine, Now, Options, Record, Replica, VoteLog, VoteLogError,
    VoteLogOptions, genesis_block,
};
use state::State;

use crate::sim::disk::{Disk, Unsynced};
use crate::sim::plan::Chance;

/// Bytes above which a log is compacted: low, so that it happens many times in a run.
const COMPACT_ABOVE_BYTES: u64 = 48 << 10;

/// A process that runs.
#[derive(Debug)]
pub struct Running {
    pub machine: Box<dyn Machine>,
    pub ledger: Ledger,
    pub log: VoteLog<Disk>,
    /// Until when the thread waits for its log; what arrives meanwhile waits too.
    pub busy_until_ms: u64,
    /// Whether actions wait for a sync, perhaps one that ends in this very millisecond.
    pub is_syncing: bool,
    pub ledger_busy_until_ms: u64,
    /// When the next tick is scheduled, so that only the earliest counts.
    pub tick_at_ms: u64,
}

/// One instance of a validator. Its store and its disk outlive its process.
#[derive(Debug)]
pub struct Node {
    pub validator: ValidatorIndex,
    key: SecretKey,
    genesis: Arc<Genesis>,
    state: State,
    /// Where the vote log lies while no process has it open.
    disk: Disk,
    pub skew_ms: i64,
    /// How it attacks, if it does, and together with whom.
    attack: Option<(AttackKind, BTreeSet<ValidatorIndex>)>,
    pub running: Option<Running>,
    /// Whether it dies as soon as its log is synced.
    pub crashes_after_sync: bool,
    /// Counts lives: what was scheduled for an earlier one is dropped.
    pub life: u64,
}

/// One compiler and module cache for all runs of the process.
fn executor() -> Arc<vm::Executor> {
    static EXECUTOR: OnceLock<Arc<vm::Executor>> = OnceLock::new();
    Arc::clone(EXECUTOR.get_or_init(|| Arc::new(vm::Executor::new(vm::ExecutorOptions::default()))))
}

/// A disk with the log of a validator that has never signed, as `quorate init` leaves it.
fn newborn() -> Disk {
    let birth = Record::Consensus(Agreement::Floor(View::ZERO));
    let (mut log, _) = open(Disk::default(), 0).expect("an empty disk has room");
    log.write(&[birth]).and_then(|()| log.sync()).expect("an empty disk has room");
    log.into_files()
}

fn open(disk: Disk, life: u64) -> Result<(VoteLog<Disk>, Vec<Record>), VoteLogError> {
    let mut salt = [0; 16];
    for (byte, from) in salt.iter_mut().zip(life.to_le_bytes()) {
        *byte = from;
    }
    VoteLog::open(disk, VoteLogOptions { salt, compact_above_bytes: COMPACT_ABOVE_BYTES })
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
        let (disk, running, attack) = (newborn(), None, None);
        let (crashes_after_sync, life) = (false, 0);
        Self {
            validator,
            key,
            genesis,
            state,
            disk,
            skew_ms,
            attack,
            running,
            crashes_after_sync,
            life,
        }
    }

    /// Makes it an attacker, one of these.
    pub fn attacking(mut self, kind: AttackKind, attackers: BTreeSet<ValidatorIndex>) -> Self {
        self.attack = Some((kind, attackers));
        self
    }

    /// Starts the process; what its start asks for.
    ///
    /// # Errors
    /// When its vote log cannot be used: it does not start then.
    pub fn start(&mut self, now: Now, now_ms: u64) -> Result<Vec<Action>, VoteLogError> {
        self.life += 1;
        self.crashes_after_sync = false;
        let (log, records) = open(std::mem::take(&mut self.disk), self.life)?;
        self.state = self.state.memory_restart();
        let options = Options {
            genesis: (*self.genesis).clone(),
            key: self.key.clone(),
            own: self.validator,
            limits: Limits::default(),
        };
        let replica = Replica::new(options.clone(), self.state.clone(), records, now);
        let mut machine: Box<dyn Machine> = match &self.attack {
            None => Box::new(replica),
            Some((kind, attackers)) => {
                let context = Context::new(&options, attackers.clone(), now);
                Box::new(Attacker::new(replica, context, kind.attack()))
            }
        };
        let ledger = Ledger::new(self.state.clone(), executor(), &self.genesis);
        let actions = machine.on_event(now, Event::Start);
        self.running = Some(Running {
            machine,
            ledger,
            log,
            busy_until_ms: now_ms,
            is_syncing: false,
            ledger_busy_until_ms: now_ms,
            tick_at_ms: u64::MAX,
        });
        Ok(actions)
    }

    /// The process ends, now. Whether one ran.
    pub fn crash(&mut self, unsynced: Unsynced, chance: &mut Chance) -> bool {
        let Some(running) = self.running.take() else { return false };
        self.disk = running.log.into_files();
        self.disk.crash(unsynced, chance);
        true
    }

    /// The disk, whether a process uses it or not.
    pub fn disk(&mut self) -> &mut Disk {
        match &mut self.running {
            Some(running) => running.log.files_mut(),
            None => &mut self.disk,
        }
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

    /// Whether it runs and may sign in its view.
    pub fn votes(&self) -> bool {
        self.running.as_ref().is_some_and(|one| one.machine.replica().core().rejoin().is_none())
    }
}
