//! Checks the signatures of submitted transactions, many at once when many wait: a batched check
//! costs less than half of a single one.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use primitives::transaction::TransactionError;
use primitives::{SignedTransaction, Verified};
use tokio::sync::{mpsc, oneshot};

use crate::error::ApiError;
use crate::limits::VERIFY_TOGETHER_MAX;

type Answer = Result<Verified<SignedTransaction>, TransactionError>;

struct Job {
    transaction: SignedTransaction,
    answer: oneshot::Sender<Answer>,
}

/// Threads that check signatures. They end when it is dropped.
#[derive(Debug)]
pub(crate) struct Verifier {
    jobs: mpsc::Sender<Job>,
}

impl Verifier {
    /// # Errors
    /// When the system gives no thread.
    pub fn start(threads: usize, waiting_max: usize) -> io::Result<Self> {
        let (jobs, receiver) = mpsc::channel(waiting_max);
        let receiver = Arc::new(Mutex::new(receiver));
        for index in 0..threads {
            let receiver = Arc::clone(&receiver);
            let named = thread::Builder::new().name(format!("rpc-verify-{index}"));
            named.spawn(move || while work(&receiver) {})?;
        }
        Ok(Self { jobs })
    }

    /// Checks one transaction; [`crate::ErrorCode::Overloaded`] when too many wait.
    pub async fn verify(
        &self,
        transaction: SignedTransaction,
    ) -> Result<Verified<SignedTransaction>, ApiError> {
        let (answer, answered) = oneshot::channel();
        let job = Job { transaction, answer };
        self.jobs.try_send(job).map_err(|_| ApiError::overloaded())?;
        let verified = answered.await.map_err(|gone| ApiError::internal(&gone))?;
        Ok(verified?)
    }
}

/// Takes what waits and checks it; `false` when nothing will come any more.
fn work(receiver: &Mutex<mpsc::Receiver<Job>>) -> bool {
    let mut jobs = Vec::new();
    {
        let mut receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(first) = receiver.blocking_recv() else { return false };
        jobs.push(first);
        while jobs.len() < VERIFY_TOGETHER_MAX {
            let Ok(next) = receiver.try_recv() else { break };
            jobs.push(next);
        }
    }
    let (transactions, answers): (Vec<_>, Vec<_>) =
        jobs.into_iter().map(|job| (job.transaction, job.answer)).unzip();
    let verified = SignedTransaction::verify_all(transactions);
    for (answer, verified) in answers.into_iter().zip(verified) {
        // A client that went away is not owed an answer.
        let _ = answer.send(verified);
    }
    true
}

#[cfg(test)]
mod tests {
    use primitives::codec::FormatVersion;
    use primitives::{
        Action, Address, Amount, Gas, Nonce, SecretKey, Signature, TimestampMs, Transaction,
    };

    use super::*;
    use crate::error::ErrorCode;

    fn transfer(sequence: u64) -> SignedTransaction {
        let key = SecretKey::from_seed([7; 32]);
        let transaction = Transaction {
            version: FormatVersion::V1,
            chain_id: "test".parse().unwrap(),
            sender: key.public_key(),
            nonce: Nonce { lane: 0, sequence },
            valid_until: TimestampMs(1),
            gas_limit: Gas(1),
            gas_price: Amount(0),
            action: Action::Transfer { to: Address([1; 32]), amount: Amount(1) },
        };
        transaction.sign(&key)
    }

    #[tokio::test]
    async fn each_of_many_at_once_gets_its_own_answer() {
        let verifier = Arc::new(Verifier::start(2, 1_000).unwrap());
        let mut answers = Vec::new();
        for sequence in 0..100 {
            let verifier = Arc::clone(&verifier);
            let mut signed = transfer(sequence);
            let broken = sequence % 7 == 0;
            if broken {
                signed.signature = Signature([0; 64]);
            }
            answers.push((broken, tokio::spawn(async move { verifier.verify(signed).await })));
        }
        for (sequence, (broken, answer)) in (0u64..).zip(answers) {
            match answer.await.unwrap() {
                Ok(verified) => {
                    assert!(!broken);
                    assert_eq!(verified.transaction().nonce.sequence, sequence);
                }
                Err(error) => {
                    assert!(broken);
                    assert_eq!(error.code, ErrorCode::TxInvalid);
                }
            }
        }
    }

    #[tokio::test]
    async fn a_full_queue_refuses() {
        let (jobs, _nobody_works) = mpsc::channel(1);
        let verifier = Verifier { jobs };
        let mut first = Box::pin(verifier.verify(transfer(0)));
        let waiting = std::future::poll_fn(|context| {
            std::task::Poll::Ready(first.as_mut().poll(context).is_pending())
        });
        assert!(waiting.await);
        let error = verifier.verify(transfer(1)).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Overloaded);
    }
}
