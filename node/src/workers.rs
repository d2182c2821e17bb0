//! The threads beside the replica's: one executes and commits in order, a few check signatures and read for peers.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use primitives::{
    CommitCertificate, Hash, Header, SignedBatch, ValidatorIndex, ValidatorSet, codec,
};
use replica::{Event, Ledger, LedgerView, Message, Range};

use crate::answering::{Answer, Answering};
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

/// Starts the thread that owns the ledger. It ends when the sender is dropped.
pub fn start_ledger(
    mut ledger: Ledger,
    commits: Arc<Commits>,
    inbox: Inbox,
) -> std::io::Result<(Sender<LedgerWork>, JoinHandle<()>)> {
    let (sender, receiver) = channel();
    let view = ledger.view();
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
                            // The replica first: whoever is told asks it at once whether a transaction that was
                            // turned away will be tried again.
                            if inbox.answer(Event::Committed { blocks: blocks.clone() }).is_err() {
                                break;
                            }
                            commits.publish(&blocks, view.state().usage());
                            continue;
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
    let thread = thread::Builder::new().name("ledger".into()).stack_size(16 << 20).spawn(run)?;
    Ok((sender, thread))
}

/// One thing for the pool.
#[derive(Debug)]
pub enum Job {
    Verify(SignedBatch),
    Sync { to: ValidatorIndex, range: Range },
}

/// Gives the pool something to do. Whoever asks for answers without end makes nobody wait.
#[derive(Debug)]
pub struct Jobs {
    sender: Sender<(Job, Option<Answer>)>,
    answering: Answering,
}

impl Jobs {
    /// Whether the pool is there to take it.
    pub fn give(&self, job: Job) -> bool {
        let mut answer = None;
        if let Job::Sync { to, .. } = &job {
            answer = self.answering.enter(*to);
            if answer.is_none() {
                return true;
            }
        }
        self.sender.send((job, answer)).is_ok()
    }
}

/// The jobs that wait, and how many of those taken were verifications.
#[derive(Debug)]
struct Queue {
    jobs: Receiver<(Job, Option<Answer>)>,
    verifications: u64,
}

/// Verified batches that wait for those taken before them. Batches of one author build upon each other: one that
/// overtook another because it is shorter would be ordered first, and its transactions refused for their nonces.
#[derive(Debug, Default)]
struct Verified {
    next: u64,
    waiting: BTreeMap<u64, Event>,
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

/// Starts the pool. Jobs are taken in order, one by each thread; verified batches are answered in the same order. The
/// threads end when the sender is dropped.
pub fn start_pool(pool: Pool, threads: usize) -> std::io::Result<(Jobs, Vec<JoinHandle<()>>)> {
    let (sender, jobs) = channel();
    let queue = Arc::new(Mutex::new(Queue { jobs, verifications: 0 }));
    let (pool, verified) = (Arc::new(pool), Arc::new(Mutex::default()));
    let mut started = Vec::new();
    for number in 0..threads {
        let (pool, queue, verified) =
            (Arc::clone(&pool), Arc::clone(&queue), Arc::clone(&verified));
        let run = move || {
            while let Some((number, (job, _answer))) = next(&queue) {
                match job {
                    Job::Verify(batch) => pool.verify(number, batch, &verified),
                    Job::Sync { to, range } => pool.answer(to, range),
                }
            }
        };
        started.push(thread::Builder::new().name(format!("verify-{number}")).spawn(run)?);
    }
    Ok((Jobs { sender, answering: Answering::default() }, started))
}

/// The next job; a verification with its number among them.
fn next(queue: &Mutex<Queue>) -> Option<(u64, (Job, Option<Answer>))> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    let job = queue.jobs.recv().ok()?;
    let number = queue.verifications;
    if matches!(job, (Job::Verify(_), _)) {
        queue.verifications += 1;
    }
    Some((number, job))
}

impl Pool {
    fn verify(&self, number: u64, batch: SignedBatch, verified: &Mutex<Verified>) {
        let digest = batch.digest();
        let batch = batch.verify(&self.chain, &self.validators);
        let mut verified = verified.lock().unwrap_or_else(PoisonError::into_inner);
        verified.waiting.insert(number, Event::Verified { digest, batch });
        loop {
            let next = verified.next;
            let Some(event) = verified.waiting.remove(&next) else { break };
            verified.next += 1;
            // When the replica has ended the answer is for nobody.
            let _ = self.inbox.answer(event);
        }
    }

    fn answer(&self, to: ValidatorIndex, range: Range) {
        if let Some(blocks) = self.ledger.sync(range) {
            let message = Message::Sync(Box::new(blocks));
            let class = crate::driver::class(&message);
            self.network.send(to, class, codec::encode(&message).into());
        }
    }
}
