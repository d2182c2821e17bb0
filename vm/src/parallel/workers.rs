//! Threads that run a window's transactions ahead of their turn.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use primitives::{Action, Gas, PublicKey, Receipt, SignedTransaction};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use super::Changes;
use super::reads::{Reads, Recorder};
use crate::Storage;
use crate::cache::ModuleCache;
use crate::executor::BlockContext;
use crate::journal::Journal;
use crate::machine::Machine;
use crate::panics;

/// Threads that pay: turns are taken by one.
pub(super) const THREADS_MAX: usize = 8;
/// Stack of a thread: twice what [`crate::Executor`] asks for.
const STACK_BYTES: usize = 4 << 20;

/// The threads of an executor, of which the one that executes a block is the first. The others are
/// begun by the first block that wants them, and end with the executor: between blocks they keep
/// the instances of contracts that they made.
pub(crate) struct Workers {
    threads: usize,
    others: OnceLock<Option<ThreadPool>>,
}

impl Workers {
    /// For so many threads, at most eight.
    pub(crate) fn new(threads: usize) -> Self {
        Self { threads: threads.clamp(1, THREADS_MAX), others: OnceLock::new() }
    }

    /// Those beside the calling one. None when there are to be none, or the system gives none.
    pub(super) fn others(&self) -> Option<&ThreadPool> {
        let begin = || if self.threads > 1 { begin(self.threads - 1).ok() } else { None };
        self.others.get_or_init(begin).as_ref()
    }
}

fn begin(threads: usize) -> Result<ThreadPool, ThreadPoolBuildError> {
    let named = ThreadPoolBuilder::new().thread_name(|number| format!("execute-{number}"));
    named.num_threads(threads).stack_size(STACK_BYTES).build()
}

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
    /// Runs all, on this thread and others, unless one would have all the work. Answers with the
    /// number of each one's group, which is its sender's, and with what came of it.
    pub(super) fn run(&self, others: &ThreadPool) -> (Vec<usize>, Vec<Ran>) {
        let (groups, members) = self.groups();
        let next = AtomicUsize::new(0);
        let in_order = Mutex::new(self.transactions.iter().map(|_| Ran::Not).collect::<Vec<_>>());
        let work = || {
            let mut ran = Vec::new();
            while let Some(group) = members.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.run_group(group, &mut ran);
            }
            let mut in_order = in_order.lock().unwrap_or_else(PoisonError::into_inner);
            for (place, ran) in ran {
                if let Some(slot) = in_order.get_mut(place) {
                    *slot = ran;
                }
            }
        };
        if members.len() > 1 {
            // One piece for each thread, and none that could be taken up within another: whoever
            // waits for a compiler of this process does what its pool has left.
            others.in_place_scope(|scope| {
                scope.spawn_broadcast(|_, _| work());
                work();
            });
        }
        (groups, in_order.into_inner().unwrap_or_else(PoisonError::into_inner))
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
