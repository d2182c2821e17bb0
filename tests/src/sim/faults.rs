//! What goes wrong in a run: processes that die, disks that fill up, logs that are lost.
#![expect(
    clippy::indexing_slicing,
    reason = "instances are numbered by the plan; a wrong number is the harness's own bug"
)]

use std::collections::VecDeque;

use replica::Action;

use crate::sim::cluster::{Cluster, Happening};
use crate::sim::disk::Unsynced;
use crate::sim::plan::{Fault, SyncCrash};

/// After how many milliseconds an instance that died around a sync is started again.
const RESTART_MS: u64 = 5;

impl Cluster {
    pub(super) fn fault(&mut self, fault: &Fault) {
        // Whoever died around a sync at the last moment is still started again.
        if self.good_height.is_some() && !matches!(fault, Fault::Restart { .. }) {
            return;
        }
        self.note(format_args!("fault {fault:?}"));
        self.network.apply(fault);
        match fault {
            Fault::Crash { instance } => self.crash(*instance, Unsynced::Torn),
            Fault::Freeze { instance, until_ms } => {
                if let Some(running) = &mut self.nodes[*instance].running {
                    running.busy_until_ms = running.busy_until_ms.max(*until_ms);
                }
            }
            Fault::LoseLog { instance } => {
                self.crash(*instance, Unsynced::Kept);
                self.nodes[*instance].disk().lose_log();
            }
            Fault::FillDisk { instance, room } => self.nodes[*instance].disk().fill(*room),
            Fault::ClearDisk { instance } => {
                self.nodes[*instance].disk().clear();
                if self.nodes[*instance].running.is_none() {
                    self.start(*instance);
                }
            }
            Fault::Restart { instance } if self.nodes[*instance].running.is_none() => {
                self.start(*instance);
            }
            _ => {}
        }
    }

    /// The log is on disk: what waited for it leaves.
    pub(super) fn synced(&mut self, instance: usize, life: u64, actions: VecDeque<Action>) {
        if !self.is_alive(instance, life) {
            return;
        }
        let Some(running) = &mut self.nodes[instance].running else { return };
        running.is_syncing = false;
        if let Err(error) = running.log.sync() {
            self.note(format_args!("{instance} stops: {error}"));
            return self.crash(instance, Unsynced::Torn);
        }
        if std::mem::take(&mut self.nodes[instance].crashes_after_sync) {
            return self.crash_and_restart(instance, Unsynced::Lost);
        }
        self.perform(instance, actions);
    }

    /// How the plan has this instance die at the sync that comes now, if it does.
    pub(super) fn next_sync_crash(&mut self, instance: usize) -> Option<SyncCrash> {
        let crashes =
            self.plan.sync_crashes.as_ref().filter(|crashes| crashes.instance == instance)?;
        let boundary = self.boundaries;
        self.boundaries += 1;
        if self.good_height.is_some() || !crashes.boundaries.contains(&boundary) {
            return None;
        }
        let kinds = crashes.kinds.len() as u64;
        crashes.kinds.get(usize::try_from(boundary % kinds).ok()?).copied()
    }

    /// Kills an instance and starts it again a moment later.
    pub(super) fn crash_and_restart(&mut self, instance: usize, unsynced: Unsynced) {
        self.note(format_args!("{instance} dies around a sync"));
        self.crash(instance, unsynced);
        self.schedule(self.now_ms + RESTART_MS, Happening::Fault(Fault::Restart { instance }));
    }

    pub(super) fn crash(&mut self, instance: usize, unsynced: Unsynced) {
        if !self.nodes[instance].crash(unsynced, &mut self.chance) {
            return;
        }
        for other in 0..self.nodes.len() {
            if other != instance && self.nodes[other].running.is_some() {
                self.connect(other, instance, false);
            }
        }
    }

    /// From now on everything works; the chain must move.
    pub(super) fn become_good(&mut self) {
        self.network.become_good();
        for instance in 0..self.nodes.len() {
            self.nodes[instance].disk().clear();
            if self.nodes[instance].running.is_none() {
                self.start(instance);
            }
        }
        self.good_height = Some(self.checkers.height());
        self.note(format_args!("good from here, at height {}", self.checkers.height()));
    }
}
