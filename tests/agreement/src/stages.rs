//! The stages of a run: faults, then a good network in which everything admitted must be committed, then a goal.
#![expect(
    clippy::indexing_slicing,
    reason = "instances are numbered by the plan; a wrong number is the harness's own bug"
)]

use primitives::BatchRef;

use crate::instance::Running;
use crate::oracle::violation;
use crate::payload::{batch, ordered};
use crate::plan::{Afterwards, Goal};
use crate::run::{Event, Run};

/// Milliseconds between the batches after the faults.
const LATE_BATCH_MS: u64 = 60;
/// Milliseconds between two looks whether everybody has work, while the pace is measured.
const PACE_BATCH_MS: u64 = 5;

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    #[default]
    Faults,
    /// The network is good: everything admitted must be committed everywhere.
    Settling,
    /// See [`Goal`].
    Goal {
        height: u64,
    },
    Done,
}

/// How far a run is, and how long it took.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub stage: Stage,
    stage_began_ms: u64,
    pub good_at_ms: u64,
    /// Batches that were admitted in all, and after the faults.
    batches: u64,
    late_batches: u64,
    /// When the last batch has arrived everywhere.
    batches_spread_ms: u64,
    /// Which series of batches goes on.
    pub series: u32,
    pub settled_ms: u64,
    pub goal_ms: u64,
}

impl Run {
    /// From now on everything works; the chain must move.
    pub(crate) fn become_good(&mut self) {
        if self.progress.stage != Stage::Faults {
            return;
        }
        self.network.become_good();
        self.progress.good_at_ms = self.now_ms;
        for instance in 0..self.instances.len() {
            let is_faulty = !self.instances[instance].is_honest();
            if is_faulty && self.plan.afterwards == Afterwards::Silent {
                self.crash(instance);
            } else if self.instances[instance].running.is_none() {
                self.start(instance);
            }
            if is_faulty && self.plan.afterwards == Afterwards::Mute {
                self.network.mute(instance);
            }
            self.instances[instance].dies_in_sync = false;
        }
        if self.plan.reconnects {
            self.reconnect();
        }
        self.spread_batches();
        self.batches_spread_by(self.now_ms + 1);
        self.note(|| "good from here".to_owned());
        self.enter(Stage::Settling, self.plan.settle_ms);
        self.schedule(self.progress.batches_spread_ms + 1, 0, Event::Look);
        self.new_series_of_batches();
    }

    /// What was lost or cut was a broken connection; it is made anew.
    fn reconnect(&mut self) {
        let up: Vec<usize> =
            (0..self.instances.len()).filter(|i| self.instances[*i].running.is_some()).collect();
        for (instance, other) in up.iter().flat_map(|i| up.iter().map(move |j| (*i, *j))) {
            if instance != other {
                self.connect(instance, other, true);
            }
        }
    }

    /// Whoever holds a batch that is not ordered sends it again; so no batch stays with one validator.
    fn spread_batches(&mut self) {
        let mut all: Vec<BatchRef> = Vec::new();
        for one in self.instances.iter().filter(|one| one.is_honest()) {
            all.extend(one.running.iter().flat_map(|running| running.pending.iter().copied()));
        }
        all.sort_unstable();
        all.dedup();
        for batch in all {
            for instance in 0..self.instances.len() {
                self.schedule(self.now_ms + 1, instance, Event::Batch(batch));
            }
        }
    }

    /// A batch was under way when the network became good, and its author may have forgotten it: everybody gets it.
    pub(crate) fn pass_on(&mut self, batch: BatchRef) {
        if self.progress.stage == Stage::Faults {
            return;
        }
        let knows = |running: &Running| {
            running.pending.contains(&batch) || running.committed.contains(&batch)
        };
        let lacking: Vec<usize> = (0..self.instances.len())
            .filter(|i| self.instances[*i].running.as_ref().is_some_and(|one| !knows(one)))
            .collect();
        for instance in lacking {
            self.schedule(self.now_ms + 1, instance, Event::Batch(batch));
            self.batches_spread_by(self.now_ms + 1);
        }
    }

    /// A batch arrives at this time; a validator that waits for its disk takes it a little later.
    fn batches_spread_by(&mut self, arrival_ms: u64) {
        let at_ms = arrival_ms + self.plan.sync_ms_max;
        if at_ms > self.progress.batches_spread_ms {
            self.progress.batches_spread_ms = at_ms;
            if self.progress.stage == Stage::Settling {
                self.schedule(at_ms + 1, 0, Event::Look);
            }
        }
    }

    fn enter(&mut self, stage: Stage, lasts_ms: u64) {
        self.progress.stage = stage;
        self.progress.stage_began_ms = self.now_ms;
        self.schedule(self.now_ms + lasts_ms, 0, Event::Deadline(stage));
    }

    pub(crate) fn new_batch(&mut self) {
        let is_early = self.progress.stage == Stage::Faults;
        let is_paced = matches!(
            (self.progress.stage, self.plan.goal),
            (Stage::Goal { .. }, Goal::Pace { .. })
        );
        if is_early && self.now_ms >= self.plan.batches_until_ms {
            return;
        }
        if !is_early && !is_paced {
            if self.progress.late_batches >= self.plan.late_batches {
                return;
            }
            self.progress.late_batches += 1;
        }
        if is_paced && self.honest().all(|running| running.work) {
            return self.next_batch(PACE_BATCH_MS);
        }
        self.progress.batches += 1;
        let up: Vec<usize> = (0..self.instances.len())
            .filter(|i| self.instances[*i].running.is_some() && self.instances[*i].is_honest())
            .collect();
        if let Some(author) = self.chance.pick(&up) {
            let name = batch(self.progress.batches, self.instances[author].place.validator);
            let number = self.progress.batches;
            self.note(|| format!("{author} admits batch {number}"));
            self.schedule(self.now_ms, author, Event::Batch(name));
            for other in 0..self.instances.len() {
                let delays = self.network.delays(&mut self.chance, author, other);
                for delay in delays.into_iter().flatten().take(1) {
                    self.batches_spread_by(self.now_ms + delay);
                    self.schedule(self.now_ms + delay, other, Event::Batch(name));
                }
            }
        }
        let wait_ms = match self.progress.stage {
            Stage::Faults => self.plan.batch_every_ms,
            Stage::Goal { .. } => PACE_BATCH_MS,
            Stage::Settling | Stage::Done => LATE_BATCH_MS,
        };
        self.next_batch(wait_ms);
    }

    fn next_batch(&mut self, wait_ms: u64) {
        self.schedule(self.now_ms + wait_ms, 0, Event::NewBatch(self.progress.series));
    }

    fn new_series_of_batches(&mut self) {
        self.progress.series += 1;
        self.next_batch(1);
    }

    pub(crate) fn look_at_the_stage(&mut self) {
        match self.progress.stage {
            Stage::Faults if !self.plan.groups.is_empty() => {
                let views = self.plan.groups.len() as u64;
                let highest = self.honest().map(|running| running.view.0).max();
                if highest.is_some_and(|view| view > views) {
                    self.become_good();
                }
            }
            Stage::Settling if self.is_settled() => {
                self.progress.settled_ms = self.now_ms - self.progress.stage_began_ms;
                self.begin_goal();
            }
            Stage::Goal { height } => {
                let blocks = match self.plan.goal {
                    Goal::Heartbeat { .. } => 1,
                    Goal::Pace { blocks, .. } => blocks,
                    Goal::Nothing | Goal::Idle { .. } => return,
                };
                if self.honest_heights().all(|one| one >= height + blocks) {
                    self.progress.goal_ms = self.now_ms - self.progress.stage_began_ms;
                    self.progress.stage = Stage::Done;
                }
            }
            Stage::Faults | Stage::Settling | Stage::Done => {}
        }
    }

    fn begin_goal(&mut self) {
        let height = self.oracles.ledger.height();
        self.note(|| format!("settled at height {height}"));
        let lasts_ms = match self.plan.goal {
            Goal::Nothing => {
                self.progress.stage = Stage::Done;
                return;
            }
            // Whoever has a block to finish may go on proposing.
            Goal::Idle { .. } if !self.is_finished() => {
                self.progress.stage = Stage::Done;
                return;
            }
            Goal::Idle { for_ms } => for_ms,
            Goal::Heartbeat { within_ms } => within_ms,
            Goal::Pace { within_ms, .. } => {
                self.new_series_of_batches();
                within_ms
            }
        };
        self.enter(Stage::Goal { height }, lasts_ms);
    }

    fn honest(&self) -> impl Iterator<Item = &Running> {
        self.instances.iter().filter(|one| one.is_honest()).filter_map(|one| one.running.as_ref())
    }

    fn honest_heights(&self) -> impl Iterator<Item = u64> + '_ {
        let honest = (0..self.instances.len()).filter(|i| self.instances[*i].is_honest());
        honest.map(|instance| self.oracles.ledger.height_of(instance))
    }

    /// Everything admitted is committed by every honest validator. Only empty blocks may be open somewhere; and without
    /// new connections or new work, whoever waits for nothing does not know what it lacks.
    fn is_settled(&self) -> bool {
        let height = self.oracles.ledger.payload_height();
        let is_quiet = !self.plan.reconnects && self.plan.late_batches == 0;
        self.progress.late_batches >= self.plan.late_batches
            && self.now_ms > self.progress.batches_spread_ms
            && (is_quiet || self.honest_heights().all(|one| one >= height))
            && self.honest().all(|running| running.pending.is_empty())
    }

    /// Whether no honest validator has a block to finish, so that nobody needs to propose.
    fn is_finished(&self) -> bool {
        let orders = |running: &Running| {
            running.headers.values().any(|header| ordered(header).next().is_some())
        };
        !self.honest().any(orders)
    }

    /// The stage has taken as long as it may.
    pub(crate) fn deadline(&mut self) {
        match self.progress.stage {
            Stage::Settling => {
                let heights: Vec<u64> = self.honest_heights().collect();
                let waiting: Vec<usize> =
                    self.honest().map(|running| running.pending.len()).collect();
                let views: Vec<u64> = self.honest().map(|running| running.view.0).collect();
                let text = format!(
                    "after {} ms of good network heights are {heights:?}, batches waiting \
                     {waiting:?}, views {views:?}",
                    self.plan.settle_ms
                );
                self.judge(violation("progress", text));
            }
            Stage::Goal { height } => {
                let heights: Vec<u64> = self.honest_heights().collect();
                let text = format!("from height {height}: {heights:?}");
                match self.plan.goal {
                    Goal::Heartbeat { .. } => self.judge(violation("heartbeat", text)),
                    Goal::Pace { .. } => self.judge(violation("pace", text)),
                    Goal::Nothing | Goal::Idle { .. } => self.progress.stage = Stage::Done,
                }
            }
            Stage::Faults | Stage::Done => {}
        }
    }

    /// Whether nobody may propose now.
    pub(crate) fn must_be_idle(&self) -> bool {
        matches!(self.progress.stage, Stage::Goal { .. })
            && matches!(self.plan.goal, Goal::Idle { .. })
    }
}
