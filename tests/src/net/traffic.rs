//! Signed transfers in the background while a test does harm.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use primitives::Address;
use rpc::ApiError;
use rpc::client::{HttpClient, TxApiClient as _};
use rpc::limits::WAIT_MS_MAX;
use rpc::types::{ReceiptView, TransactionStatus};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::DEADLINE;
use crate::wallet::{self, Wallet};

/// Where all transfers go.
const RECEIVER: Address = Address([0xee; 32]);

/// Some accounts that each send a transfer, wait for its receipt, and send the next.
#[derive(Debug)]
pub struct Traffic {
    record: Arc<Record>,
    stop: watch::Sender<bool>,
    workers: JoinSet<()>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What a node has acknowledged as committed.
    pub receipts: Vec<ReceiptView>,
    /// What a node refused, in its words. A lost connection is not a refusal.
    pub refusals: Vec<String>,
}

#[derive(Debug, Default)]
struct Record {
    outcome: Mutex<Outcome>,
    committed: watch::Sender<usize>,
}

impl Record {
    fn outcome(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self, refusal: String) {
        self.outcome().refusals.push(refusal);
    }
}

impl Traffic {
    /// Starts one worker for each pair; no wallet may be in use elsewhere in the same lane. With a pace each sends the
    /// next transfer no earlier than so long after the last.
    pub fn start(
        pairs: impl IntoIterator<Item = (HttpClient, Wallet)>,
        pace: Option<Duration>,
    ) -> Self {
        let record = Arc::new(Record::default());
        let stop = watch::Sender::new(false);
        let mut workers = JoinSet::new();
        for (client, wallet) in pairs {
            workers.spawn(work(client, wallet, pace, Arc::clone(&record), stop.subscribe()));
        }
        Self { record, stop, workers }
    }

    /// Waits until this many more are committed than now.
    pub async fn more(&self, count: usize) -> anyhow::Result<()> {
        let mut committed = self.record.committed.subscribe();
        let (before, wanted) = {
            let now = *committed.borrow_and_update();
            (now, now + count)
        };
        let reached = async { committed.wait_for(|now| *now >= wanted).await.map(|now| *now) };
        let waited = timeout(DEADLINE, reached).await;
        let now = *self.record.committed.borrow();
        let refusals = self.record.outcome().refusals.clone();
        waited.with_context(|| {
            format!("{} of {count} more are committed; refused: {refusals:?}", now - before)
        })??;
        Ok(())
    }

    /// Ends at once, in the middle of whatever is under way.
    pub fn abandon(mut self) -> Outcome {
        self.workers.abort_all();
        std::mem::take(&mut *self.record.outcome())
    }

    /// How many are committed.
    pub fn committed(&self) -> usize {
        *self.record.committed.borrow()
    }

    /// Lets every worker end with the transfer that it has under way, if its node answers.
    pub async fn stop(mut self) -> anyhow::Result<Outcome> {
        self.stop.send_replace(true);
        let ended = async { while self.workers.join_next().await.is_some() {} };
        timeout(DEADLINE, ended).await.context("a transfer under way does not come to an end")?;
        Ok(std::mem::take(&mut *self.record.outcome()))
    }
}

/// Ends when told to, when a node refuses, and when the connection is lost.
async fn work(
    client: HttpClient,
    mut wallet: Wallet,
    pace: Option<Duration>,
    record: Arc<Record>,
    stop: watch::Receiver<bool>,
) {
    let mut ticks = pace.map(|pace| {
        let mut ticks = interval(pace);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    });
    while !*stop.borrow() {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let transaction = wallet::blob(&wallet.transfer(RECEIVER, 1));
        match client.tx_send_and_wait(transaction, None, Some(WAIT_MS_MAX)).await {
            Ok(answer) => match (answer.body.status, answer.body.receipt) {
                (TransactionStatus::Committed, Some(receipt)) => {
                    record.outcome().receipts.push(receipt);
                    record.committed.send_modify(|committed| *committed += 1);
                }
                (status, _) => {
                    return record.refused(format!("{status:?}: {:?}", answer.body.error));
                }
            },
            Err(error) => {
                if let Some(refusal) = ApiError::from_client(&error) {
                    record.refused(format!("{:?}: {refusal}", refusal.code));
                }
                return;
            }
        }
    }
}
