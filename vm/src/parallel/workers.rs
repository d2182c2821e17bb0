//! Threads that run a window's transactions ahead of their turn.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use primitives::{Action, Gas, PublicKey, Receipt, SignedTransaction};

use super::Changes;
use super::reads::{Reads, Recorder};
use crate::Storage;
use crate::cache::ModuleCache;
use crate::executor::BlockContext;
use crate::journal::Journal;
use crate::machine::Machine;
use crate::panics;

/// Stack of a thread: twice what [`crate::Executor`] asks for.
const STACK_BYTES: usize = 4 << 20;

/// Transactions, and what all of them run on.
pub(super) struct Window<'a> {
    pub(super) storage: &'a (dyn Storage + Sync),
    /// What the block has changed so far.
    pub(super) changes: &'a Changes,
    pub(super) block: &'a BlockContext,
    pub(super) modules: &'a ModuleCache,
    pub(super) gas_left: Gas,
    pub(super) transactions: &'a [&'a SignedTransaction],
}

/// What came of running a transaction ahead.
pub(super) enum Ran {
    Through {
        receipt: Receipt,
        changes: Changes,
        reads: Reads,
    },
    /// It ended in a way of which only its turn can tell what it means.
    Unknown,
    /// It did not run.
    Not,
    /// This machine's storage failed.
    Broken(Box<dyn Any + Send>),
}

impl Window<'_> {
    /// Runs all, on so many threads, of which the calling one is the first. Answers with the number
    /// of each one's group, which is its sender's, and with what came of it.
    pub(super) fn run(&self, threads: usize) -> (Vec<usize>, Vec<Ran>) {
        let (groups, members) = self.groups();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut ran = Vec::new();
            while let Some(group) = members.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.run_group(group, &mut ran);
            }
            ran
        };
        let ran = thread::scope(|scope| {
            let begin = |number| {
                let builder = thread::Builder::new().name(format!("execute-{number}"));
                builder.stack_size(STACK_BYTES).spawn_scoped(scope, work)
            };
            // When the system gives no thread, those that there are do its part.
            let others: Vec<_> =
                (1..threads.min(members.len())).filter_map(|number| begin(number).ok()).collect();
            let mut ran = work();
            for other in others {
                ran.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            ran
        });
        let mut in_order: Vec<Ran> = self.transactions.iter().map(|_| Ran::Not).collect();
        for (place, ran) in ran {
            if let Some(slot) = in_order.get_mut(place) {
                *slot = ran;
            }
        }
        (groups, in_order)
    }

    /// The group of each transaction, and the places of each group's transactions. Groups are
    /// numbered as they come, so that what comes first is run first.
    fn groups(&self) -> (Vec<usize>, Vec<Vec<usize>>) {
        let mut numbers: BTreeMap<&PublicKey, usize> = BTreeMap::new();
        let mut members: Vec<Vec<usize>> = Vec::new();
        let mut groups = Vec::with_capacity(self.transactions.len());
        for (place, signed) in self.transactions.iter().enumerate() {
            let new = members.len();
            let group = *numbers.entry(&signed.transaction().sender).or_insert(new);
            match members.get_mut(group) {
                Some(places) => places.push(place),
                None => members.push(vec![place]),
            }
            groups.push(group);
        }
        (groups, members)
    }

    /// Runs the transactions at these places, each on what those before it have changed.
    fn run_group(&self, places: &[usize], into: &mut Vec<(usize, Ran)>) {
        let mut changes = Changes::new();
        let mut left = places.len();
        for place in places {
            let Some(signed) = self.transactions.get(*place) else { return };
            let ran = self.run_one(signed, &changes);
            left -= 1;
            let goes_on = match &ran {
                Ran::Through { changes: new, .. } if left > 0 => {
                    changes.extend(new.iter().map(|(key, value)| (key.clone(), value.clone())));
                    true
                }
                _ => false,
            };
            into.push((*place, ran));
            if !goes_on {
                return;
            }
        }
    }

    fn run_one(&self, signed: &SignedTransaction, group: &Changes) -> Ran {
        // It would be compiled and kept, and paid only if its turn comes to the same.
        if let Action::Upload { .. } = signed.transaction().action {
            return Ran::Not;
        }
        let recorder = Recorder::new(self.storage, self.changes, group);
        let mut machine = Machine::new(Journal::new(&recorder), self.block, self.modules);
        let ran = panics::held(|| machine.execute(signed, self.gas_left));
        match ran {
            Ok(Ok(receipt)) => {
                let changes = machine.journal.into_changes();
                Ran::Through { receipt, changes, reads: recorder.into_reads() }
            }
            Err(panic) if machine.journal.is_broken() => Ran::Broken(panic),
            Ok(Err(_)) | Err(_) => Ran::Unknown,
        }
    }
}
