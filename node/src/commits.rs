//! What others learn of commits: the height, what the state holds, and the end of each transaction that somebody waits
//! for.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use primitives::{Hash, Height, Namespace, Status};
use replica::CommittedReceipts;
use state::Usage;
use tokio::sync::{oneshot, watch};

/// Above this many waiting transactions, those whose client has gone are swept out.
const SWEEP_ABOVE: usize = 10_000;

/// Where a transaction ended up in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub height: Height,
    pub index: usize,
    pub status: Status,
}

/// Told by the ledger's thread after each write.
#[derive(Debug)]
pub struct Commits {
    height: watch::Sender<Height>,
    usage: Mutex<Vec<(Namespace, Usage)>>,
    waiting: Mutex<BTreeMap<Hash, Vec<oneshot::Sender<Place>>>>,
}

impl Commits {
    pub fn new(height: Height, usage: Vec<(Namespace, Usage)>) -> Self {
        let (height, usage) = (watch::Sender::new(height), Mutex::new(usage));
        Self { height, usage, waiting: Mutex::default() }
    }

    pub fn heights(&self) -> watch::Receiver<Height> {
        self.height.subscribe()
    }

    /// What each namespace held after the last write. Nobody waits here for the write that is under way.
    pub fn usage(&self) -> Vec<(Namespace, Usage)> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The blocks are on disk and can be read; after them the state holds this.
    pub fn publish(&self, blocks: &[CommittedReceipts], usage: Vec<(Namespace, Usage)>) {
        *self.usage.lock().unwrap_or_else(PoisonError::into_inner) = usage;
        for block in blocks {
            let mut waiting = self.waiting();
            for (index, receipt) in block.receipts.iter().enumerate() {
                for waiter in waiting.remove(&receipt.transaction).into_iter().flatten() {
                    let (height, status) = (block.header.height, receipt.status.clone());
                    // A client may have gone away.
                    let _ = waiter.send(Place { height, index, status });
                }
            }
            drop(waiting);
            self.height.send_replace(block.header.height);
        }
    }

    /// Learns the next block that holds this transaction. What was committed before the call is not seen.
    pub fn wait(&self, transaction: Hash) -> oneshot::Receiver<Place> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting();
        if waiting.len() > SWEEP_ABOVE {
            waiting.retain(|_, waiters| {
                waiters.retain(|waiter| !waiter.is_closed());
                !waiters.is_empty()
            });
        }
        waiting.entry(transaction).or_default().push(sender);
        receiver
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<Hash, Vec<oneshot::Sender<Place>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
