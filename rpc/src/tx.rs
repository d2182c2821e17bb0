//! `tx_`: sending transactions and seeing what came of them.

use std::sync::Arc;
use std::time::Duration;

use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use primitives::{Hash, SignedTransaction};
use tokio::time;

use crate::backend::{Ending, Missing, ReadError, SubmitError};
use crate::decode;
use crate::error::ApiError;
use crate::handlers::Handlers;
use crate::limits;
use crate::types::{
    Answer, Blob, ReceiptView, SendAndWaitResult, SendResult, TransactionStatus, TxView, Until,
};

/// Sending transactions and seeing what came of them.
#[rpc(server, client, namespace = "tx")]
pub trait TxApi {
    /// Gives a signed transaction, in its canonical encoding, to the mempool. Sending it again is
    /// harmless.
    #[method(name = "send", param_kind = map)]
    async fn tx_send(&self, transaction: Blob) -> Result<Answer<SendResult>, ApiError>;

    /// Sends, and waits for the end: 30 s when not told, at most 120 s. A wait that is too short is
    /// no error: the answer is `pending`, and sending the same again goes on waiting.
    #[method(name = "sendAndWait", param_kind = map)]
    async fn tx_send_and_wait(
        &self,
        transaction: Blob,
        until: Option<Until>,
        #[argument(rename = "timeoutMs")] timeout_ms: Option<u64>,
    ) -> Result<Answer<SendAndWaitResult>, ApiError>;

    /// A transaction and where it stands.
    #[method(name = "get", param_kind = map)]
    async fn tx_get(&self, hash: Hash) -> Result<Answer<TxView>, ApiError>;

    /// What came of a committed transaction.
    #[method(name = "getReceipt", param_kind = map)]
    async fn tx_get_receipt(&self, hash: Hash) -> Result<Answer<ReceiptView>, ApiError>;
}

#[async_trait]
impl TxApiServer for Handlers {
    async fn tx_send(&self, transaction: Blob) -> Result<Answer<SendResult>, ApiError> {
        let (hash, ending) = self.submit(transaction).await?;
        Ok(self.at_head(SendResult { hash, status: status(ending.as_ref()) }))
    }

    async fn tx_send_and_wait(
        &self,
        transaction: Blob,
        until: Option<Until>,
        timeout_ms: Option<u64>,
    ) -> Result<Answer<SendAndWaitResult>, ApiError> {
        let timeout_ms = timeout_ms.unwrap_or(limits::WAIT_MS_DEFAULT).min(limits::WAIT_MS_MAX);
        let place = Arc::clone(&self.waits).try_acquire_owned();
        let _place = place.map_err(|_| ApiError::overloaded())?;
        let (hash, mut ending) = self.submit(transaction).await?;
        if ending.is_none() && until.unwrap_or_default() == Until::Committed {
            let wait = self.backend.wait(&hash);
            ending = time::timeout(Duration::from_millis(timeout_ms), wait).await.ok();
        }
        let receipt = match ending {
            Some(Ending::Committed { .. }) => Some(self.receipt(hash).await?),
            // There is one when a block turned it away, and none when the mempool did.
            Some(Ending::Rejected(_)) => self.receipt(hash).await.ok(),
            Some(Ending::Expired) | None => None,
        };
        let status = status(ending.as_ref());
        let error = ending.as_ref().and_then(decode::ending_failure);
        Ok(self.at_head(SendAndWaitResult { hash, status, receipt, error }))
    }

    async fn tx_get(&self, hash: Hash) -> Result<Answer<TxView>, ApiError> {
        let known = self.backend.transaction(&hash).await?;
        let (height, index) = match known.ending {
            Some(Ending::Committed { height, index }) => (Some(height), Some(index)),
            _ => (None, None),
        };
        let transaction =
            self.read(move |this| Ok(this.decoder.transaction(&known.transaction))).await?;
        let status = status(known.ending.as_ref());
        let error = known.ending.as_ref().and_then(decode::ending_failure);
        Ok(self.at_head(TxView { hash, status, height, index, error, transaction }))
    }

    async fn tx_get_receipt(&self, hash: Hash) -> Result<Answer<ReceiptView>, ApiError> {
        let receipt = self.receipt(hash).await;
        match receipt {
            Ok(receipt) => Ok(self.at_head(receipt)),
            // Tells a transaction that waits from one that nobody has heard of.
            Err(error) if error.code == crate::ErrorCode::NotFound => {
                self.backend.transaction(&hash).await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }
}

impl Handlers {
    /// Decodes, verifies and gives to the mempool. The ending is known when it was sent before.
    async fn submit(&self, transaction: Blob) -> Result<(Hash, Option<Ending>), ApiError> {
        let signed = SignedTransaction::decode(&transaction.0)?;
        let verified = self.verifier.verify(signed).await?;
        let hash = verified.hash();
        let refusal = match self.backend.submit(verified).await {
            Ok(()) => return Ok((hash, None)),
            Err(refusal) => refusal,
        };
        if matches!(refusal, SubmitError::Rejected(_) | SubmitError::DiskFull { .. }) {
            // A used nonce may be this very transaction's, committed since it was first sent. And
            // what was taken before the disk was full may still be waited for.
            match self.backend.transaction(&hash).await {
                Ok(known) if matches!(known.ending, None | Some(Ending::Committed { .. })) => {
                    return Ok((hash, known.ending));
                }
                Ok(_)
                | Err(
                    ReadError::NotFound(Missing::Transaction) | ReadError::NotFoundAbove { .. },
                ) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(refusal.into())
    }

    async fn receipt(&self, hash: Hash) -> Result<ReceiptView, ApiError> {
        self.read(move |this| Ok(this.decoder.receipt(this.backend.receipt(&hash)?))).await
    }
}

fn status(ending: Option<&Ending>) -> TransactionStatus {
    match ending {
        None => TransactionStatus::Pending,
        Some(Ending::Committed { .. }) => TransactionStatus::Committed,
        Some(Ending::Expired) => TransactionStatus::Expired,
        Some(Ending::Rejected(_)) => TransactionStatus::Rejected,
    }
}
