//! The threads beside the replica's: one executes and commits in order, a few check signatures and read for peers.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use primitives::{
    CommitCertificate, Hash, Header, Height, SignedBatch, ValidatorIndex, ValidatorSet, codec,
};
use replica::{Event, Ledger, LedgerView, Message};

use crate::commits::Commits;
use crate::failure;
use crate::inbox::Inbox;
use crate::network::NetworkHandle;

/// One thing for the ledger's thread.
#[derive(Debug)]
pub enum LedgerWork {
    Execute { header: Header, batches: Vec<Arc<SignedBatch>> },
    Commit { blocks: Vec<Header>, certificate: CommitCertificate },
    Discard { blocks: Vec<Hash> },
}

/// Starts the thread that owns the ledger.
pub fn start_ledger(
    mut ledger: Ledger,
    commits: Arc<Commits>,
    inbox: Inbox,
) -> std::io::Result<Sender<LedgerWork>> {
    let (sender, receiver) = channel();
    let run = move || {
        while let Ok(work) = receiver.recv() {
            let event = match work {
                LedgerWork::Discard { blocks } => {
                    ledger.discard(&blocks);
                    continue;
                }
                LedgerWork::Execute { header, batches } => {
                    let block = header.hash();
                    Event::Executed { block, result: ledger.execute(header, batches) }
                }
                LedgerWork::Commit { blocks, certificate } => {
                    match ledger.commit(&blocks, &certificate) {
                        Ok(blocks) => {
                            commits.publish(&blocks);
                            Event::Committed { blocks }
                        }
                        Err(error) => failure::stop(&format!(
                            "a block cannot be written: {error}. The chain's data is safe up to the block before; \
                             mend the disk and start again"
                        )),
                    }
                }
            };
            if inbox.answer(event).is_err() {
                break;
            }
        }
    };
    thread::Builder::new().name("ledger".into()).stack_size(16 << 20).spawn(run)?;
    Ok(sender)
}

/// One thing for the pool.
#[derive(Debug)]
pub enum Job {
    Verify(SignedBatch),
    Sync { to: ValidatorIndex, above: Height },
}

/// What the pool's threads share.
#[derive(Debug)]
pub struct Pool {
    pub chain: Hash,
    pub validators: ValidatorSet,
    pub ledger: LedgerView,
    pub network: NetworkHandle,
    pub inbox: Inbox,
}

/// Starts the pool. Jobs are taken in order, one by each thread.
pub fn start_pool(pool: Pool, threads: usize) -> std::io::Result<Sender<Job>> {
    let (sender, receiver) = channel();
    let (pool, receiver) = (Arc::new(pool), Arc::new(Mutex::new(receiver)));
    for number in 0..threads {
        let (pool, receiver) = (Arc::clone(&pool), Arc::clone(&receiver));
        let run = move || {
            while let Some(job) = next(&receiver) {
                pool.perform(job);
            }
        };
        thread::Builder::new().name(format!("verify-{number}")).spawn(run)?;
    }
    Ok(sender)
}

fn next(receiver: &Mutex<Receiver<Job>>) -> Option<Job> {
    receiver.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

impl Pool {
    fn perform(&self, job: Job) {
        match job {
            Job::Verify(batch) => {
                let digest = batch.digest();
                let batch = batch.verify(&self.chain, &self.validators);
                // When the replica has ended the answer is for nobody.
                let _ = self.inbox.answer(Event::Verified { digest, batch });
            }
            Job::Sync { to, above } => {
                if let Some(blocks) = self.ledger.sync(above) {
                    let message = Message::Sync(Box::new(blocks));
                    let class = crate::driver::class(&message);
                    self.network.send(to, class, codec::encode(&message).into());
                }
            }
        }
    }
}
