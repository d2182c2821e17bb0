//! A block's transactions on several threads, with the very result of one after the other.
//!
//! A block is cut into windows. The transactions of a window run ahead of their turn, all on the
//! state before the window, each noting what it reads from below its own journal
//! ([`reads`], [`workers`]). Then each has its turn, in order: when nobody else of the window has
//! written since what it read, keys and the visited parts of ranges, its run was the one that the
//! turn would have made, and receipt and changes are taken as they are. Otherwise it runs again,
//! as a sequential block would run it.
//!
//! Why the result is that of one after the other: a run is a function of transaction, block, gas
//! left and what it reads. What it reads has been compared. Of the gas left only one thing is asked,
//! whether the transaction's limit fits: a window ends before the limits of all in it together do
//! not, so that what fits at its beginning fits in its turn, and what does not, never will. So each
//! turn, run or taken, leaves what the sequential one would have left, and by induction all do.
//!
//! - **Transactions of one sender** read the account that the one before wrote. In a window they
//!   run after one another on one thread, each on what its predecessors changed, and stand or fall
//!   together: when one has to run again, so have all of its sender that follow.
//! - **Deleted keys** cost a scan that passes them by, but layers below a journal do not show
//!   them. A run that comes upon one goes no further and has its turn again.
//! - **`add`** counts as a read and a write of its key. Whether the sum is within its bounds is
//!   answered at once, and the contract may go by it; a later read or scan sees the sum; a failing
//!   call takes it back. Sums that are merged afterwards would have to carry all of that through
//!   the journal, and the answer compared in each turn all the same.
//! - **Faults.** What stops the node when it happens in a turn (`Fatal`) may owe to a state that
//!   never is when it happens ahead: the turn decides. But a storage that cannot be read, or a
//!   record that cannot, is a fault of this machine whoever comes upon it, and unwinds from the
//!   turn of the transaction that did.
//! - **Uploads** have their turn only: ahead of it they would be compiled and kept without being
//!   paid for, should the turn find that they are not.
//! - **Work that nobody asked for** is bounded: a window never does more than what is left of the
//!   block may, since its limits fit together; and when too much gas went into runs that did not
//!   count, the next window has its turns only.

mod reads;
mod workers;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

use primitives::{Gas, SignedTransaction, StateKey};
use rayon::ThreadPool;

use crate::cost;
use crate::executor::Turns;
pub(crate) use workers::Workers;
use workers::{Ran, THREADS_MAX, Window};
use written::Written;

/// What a block writes, or removes.
type Changes = BTreeMap<StateKey, Option<Vec<u8>>>;

/// Cores below which threads do not pay: two win a quarter of the time for a third more of the
/// processors', and the rest of a node wants its part.
const CORES_MIN: usize = 4;

/// How a block is spread over threads. Nothing of it shows in a result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    /// Transactions that are worth waking the threads.
    pub(crate) window_min: usize,
    /// Transactions of the first window. The next is twice as long where hardly any met, and half
    /// as long where many did.
    pub(crate) window_first: usize,
    /// Transactions that run on one state at most: the more, the more of them meet.
    pub(crate) window_max: usize,
    /// What runs that did not count may have taken, for a hundred of gas that was used.
    pub(crate) waste_percent: u64,
}

impl Default for Spread {
    fn default() -> Self {
        Self { window_min: 32, window_first: 128, window_max: 1_024, waste_percent: 25 }
    }
}

impl Spread {
    /// How many of the transactions may run ahead together, at most so many. One whose limit does
    /// not fit into the gas left is rejected, and costs nothing.
    fn window(most: usize, transactions: &[&SignedTransaction], gas_left: Gas) -> usize {
        let mut limits = Gas::ZERO;
        let fits = |signed: &&&SignedTransaction| {
            let limit = signed.transaction().gas_limit;
            if limit <= gas_left {
                limits = Gas(limits.0.saturating_add(limit.0));
            }
            limits <= gas_left
        };
        transactions.iter().take(most).take_while(fits).count()
    }

    /// Whether so much waste is worth what was gained.
    fn accepts(&self, wasted: Gas, used: Gas) -> bool {
        wasted.0 <= used.0.saturating_mul(self.waste_percent) / 100
    }
}

/// The threads of an executor that was not told how many.
pub(crate) fn threads_by_default() -> usize {
    match thread::available_parallelism().map_or(1, NonZero::get) {
        cores @ CORES_MIN.. => cores.min(THREADS_MAX),
        _ => 1,
    }
}

/// Executes transactions as if each had had its turn. Answers with the gas of the runs that did
/// not count.
pub(crate) fn execute(
    workers: &Workers,
    spread: &Spread,
    turns: &mut Turns<'_>,
    transactions: &[&SignedTransaction],
) -> Gas {
    let is_wide = transactions.len() >= spread.window_min;
    let Some(others) = is_wide.then(|| workers.others()).flatten() else {
        transactions.iter().for_each(|signed| turns.take(signed));
        return Gas::ZERO;
    };
    let mut wasted = Gas::ZERO;
    let mut most = spread.window_first;
    let mut rest = transactions;
    while !rest.is_empty() {
        let (used, length) = (turns.gas_used(), Spread::window(most, rest, turns.gas_left()));
        let (window, later) = rest.split_at(length.max(spread.window_min).min(rest.len()));
        if length >= spread.window_min && spread.accepts(wasted, used) {
            let more = ahead(others, turns, window);
            wasted = Gas(wasted.0.saturating_add(more.0));
            most = if spread.accepts(more, turns.gas_used().saturating_sub(used)) {
                (most * 2).min(spread.window_max)
            } else {
                (most / 2).max(spread.window_min)
            };
        } else {
            window.iter().for_each(|signed| turns.take(signed));
        }
        rest = later;
    }
    wasted
}

/// Runs a window ahead, then gives each its turn. Answers with the gas of the runs that did not
/// count.
fn ahead(others: &ThreadPool, turns: &mut Turns<'_>, transactions: &[&SignedTransaction]) -> Gas {
    let gas_left = turns.gas_left();
    let window = Window {
        storage: turns.storage,
        changes: turns.machine.journal.changes(),
        block: turns.machine.block,
        modules: turns.machine.modules,
        gas_left,
        transactions,
    };
    let (groups, runs) = window.run(others);
    let mut written = Written::new();
    let mut overturned = BTreeSet::new();
    let mut wasted = Gas::ZERO;
    for ((signed, group), ran) in transactions.iter().zip(groups).zip(runs) {
        let limit = signed.transaction().gas_limit;
        let fits = limit <= turns.gas_left();
        assert!(fits || limit > gas_left, "a window's limits do not fit together");
        let gas = match ran {
            Ran::Through { receipt, changes, reads } => {
                if !overturned.contains(&group) && !reads.are_stale(&written, group) {
                    changes.keys().for_each(|key| written.insert(key, group));
                    turns.adopt(receipt, changes);
                    continue;
                }
                receipt.gas_used.0.max(cost::TRANSACTION)
            }
            Ran::Unknown => limit.0,
            Ran::Not => 0,
            Ran::Broken(panic) => resume_unwind(panic),
        };
        wasted = Gas(wasted.0.saturating_add(gas));
        overturned.insert(group);
        turns.take(signed);
        let keys = turns.machine.journal.written().iter();
        keys.for_each(|key| written.insert(key, group));
    }
    wasted
}
