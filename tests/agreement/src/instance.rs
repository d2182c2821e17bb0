//! One simulated process: a core, its disk, and stubs for payload and execution.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use consensus::leader::Schedule;
use consensus::{Core, Effect, Input, Now, Record};
use primitives::{BatchRef, ExecutionResult, Hash, Header, View};

use crate::byzantine::Actor;
use crate::disk::Disk;
use crate::oracle::signatures::Joining;
use crate::payload::ordered;
use crate::plan::{Place, Role};
use crate::world::World;

/// Batches of one block, at most.
const BLOCK_BATCHES: usize = 32;

/// A process that runs.
#[derive(Debug)]
pub struct Running {
    pub core: Core,
    /// What the core last said that it entered.
    pub view: View,
    pub entered_ms: u64,
    pub is_leader: bool,
    /// Since when it has work, if it has.
    pub works_since_ms: Option<u64>,
    /// The height that it last said it committed.
    pub height: u64,
    pub joining: Joining,
    /// Blocks above the committed one.
    pub headers: BTreeMap<Hash, Header>,
    /// Those whose payload is held.
    pub held: BTreeSet<Hash>,
    /// Of the committed block and of executed ones above it.
    pub results: BTreeMap<Hash, ExecutionResult>,
    /// Batches that no committed block orders.
    pub pending: BTreeSet<BatchRef>,
    /// Batches that a committed block orders.
    pub committed: BTreeSet<BatchRef>,
    pub work: bool,
    /// Whether batches or blocks have changed since `work` was computed.
    pub is_stale: bool,
    /// Effects that wait for the sync.
    pub waiting: VecDeque<Effect>,
    /// Until when the thread waits for its log, while it does; what arrives meanwhile waits too.
    pub busy_until_ms: Option<u64>,
    /// When the next tick is scheduled, so that only the earliest counts.
    pub tick_at_ms: u64,
    /// The height that a catch-up aims at.
    pub catch_up: u64,
    /// Votes and views of them that have been sent: what is said again passes where it did not at first.
    pub said: BTreeSet<(u8, View)>,
}

/// One instance of a validator. Its disk outlives its process.
#[derive(Debug)]
pub struct Instance {
    pub place: Place,
    pub disk: Disk,
    pub running: Option<Running>,
    /// Counts lives: what was scheduled for an earlier one is dropped.
    pub life: u32,
    pub dies_in_sync: bool,
    pub actor: Option<Actor>,
}

impl Instance {
    pub fn new(place: Place, actor: Option<Actor>, genesis: &Header) -> Self {
        let disk = Disk::new(genesis);
        Self { place, disk, running: None, life: 0, dies_in_sync: false, actor }
    }

    pub fn is_honest(&self) -> bool {
        self.place.role == Role::Honest
    }

    /// A bit for its validator.
    pub fn bit(&self) -> u128 {
        1 << self.place.validator.0
    }

    /// Starts the process from what its disk holds.
    pub fn start(&mut self, world: &World, heartbeat_ms: u64, now: Now) {
        let config = world.config(self.place.validator, heartbeat_ms);
        let committed = self.disk.committed().clone();
        let mut schedule = Schedule::new(world.validators.len());
        let mut batches = BTreeSet::new();
        for header in self.disk.chain() {
            schedule.committed(header);
            batches.extend(ordered(header));
        }
        let result = committed.certificate.as_ref().map_or(genesis_result(), |one| one.result);
        let results = BTreeMap::from([(committed.hash, result)]);
        let core = Core::new(config, committed, schedule, self.disk.memory(), now);
        let view = core.status(now.uptime_ms).view;
        let mut joining = Joining::default();
        joining.entered(view);
        for record in self.disk.log() {
            if let Record::Vote(vote) = record {
                joining.signed(vote);
            }
        }
        self.life += 1;
        self.running = Some(Running {
            core,
            view,
            entered_ms: now.uptime_ms,
            is_leader: false,
            works_since_ms: None,
            height: self.disk.height(),
            joining,
            headers: BTreeMap::new(),
            held: BTreeSet::new(),
            results,
            pending: BTreeSet::new(),
            committed: batches,
            work: false,
            is_stale: false,
            waiting: VecDeque::new(),
            busy_until_ms: None,
            tick_at_ms: u64::MAX,
            catch_up: 0,
            said: BTreeSet::new(),
        });
    }
}

fn genesis_result() -> ExecutionResult {
    ExecutionResult {
        height: primitives::Height(0),
        state_root: Hash::ZERO,
        receipts_root: Hash::ZERO,
        next_validators: Hash::ZERO,
    }
}

impl Running {
    /// Takes a batch; whether it is new.
    pub fn admit(&mut self, batch: BatchRef) -> bool {
        let is_new = !self.committed.contains(&batch) && self.pending.insert(batch);
        self.is_stale |= is_new;
        is_new
    }

    /// What a block on `parent` orders: batches that no block up to it does.
    pub fn build(&self, mut parent: Hash) -> Vec<BatchRef> {
        let mut used = BTreeSet::new();
        while let Some(header) = self.headers.get(&parent) {
            used.extend(ordered(header));
            parent = header.parent;
        }
        let free = self.pending.iter().filter(|one| !used.contains(one));
        free.take(BLOCK_BATCHES).copied().collect()
    }

    /// Whether something waits that no block orders, if that is not what was told last.
    pub fn work_changed(&mut self, now_ms: u64) -> Option<Input> {
        if !std::mem::take(&mut self.is_stale) {
            return None;
        }
        let used: BTreeSet<BatchRef> = self.headers.values().flat_map(ordered).collect();
        let work = self.pending.iter().any(|one| !used.contains(one));
        if std::mem::replace(&mut self.work, work) == work {
            return None;
        }
        self.works_since_ms = work.then_some(now_ms);
        Some(Input::Work(work))
    }

    /// These blocks are final.
    pub fn commit(&mut self, blocks: &[Header]) {
        self.is_stale = true;
        let last = blocks.len().saturating_sub(1);
        for (position, header) in blocks.iter().enumerate() {
            let hash = header.hash();
            for batch in ordered(header) {
                self.pending.remove(&batch);
                self.committed.insert(batch);
            }
            self.results.remove(&header.parent);
            self.headers.remove(&hash);
            if position < last {
                self.held.remove(&hash);
            }
        }
    }

    /// These blocks will never be final.
    pub fn forget(&mut self, blocks: &[Hash]) {
        self.is_stale = true;
        for block in blocks {
            self.headers.remove(block);
            self.held.remove(block);
            self.results.remove(block);
        }
    }
}
