//! `chain_`: blocks and their certificates.

use jsonrpsee::core::{SubscriptionResult, async_trait};
use jsonrpsee::proc_macros::rpc;
use jsonrpsee::{PendingSubscriptionSink, tracing};
use primitives::Height;

use crate::backend::{Block, Commit, ReadError};
use crate::error::{ApiError, ErrorCode, Retry};
use crate::handlers::Handlers;
use crate::subscribe;
use crate::types::{
    Answer, At, Blob, BlockEvent, BlockView, ChainSummary, CommitView, PayloadView,
};

/// Blocks and their certificates.
#[rpc(server, client, namespace = "chain")]
pub trait ChainApi {
    /// What does not change from block to block, and the head as `at`.
    #[method(name = "info", param_kind = map)]
    async fn chain_info(&self) -> Result<Answer<ChainSummary>, ApiError>;

    /// A committed block.
    #[method(name = "getBlock", param_kind = map)]
    async fn chain_get_block(&self, at: Option<At>) -> Result<Answer<BlockView>, ApiError>;

    /// The batches of a committed block: all that is needed, beside its header, to execute it.
    #[method(name = "getPayload", param_kind = map)]
    async fn chain_get_payload(&self, at: Option<At>) -> Result<Answer<PayloadView>, ApiError>;

    /// Proof that a block is final.
    #[method(name = "getCommit", param_kind = map)]
    async fn chain_get_commit(&self, at: Option<At>) -> Result<Answer<CommitView>, ApiError>;

    /// Every block from height `from` on, from history and then as they commit; without `from`,
    /// those that commit from now on. See [`BlockEvent`] for what a slow client gets.
    #[subscription(
        name = "subscribe" => "block",
        unsubscribe = "unsubscribe",
        item = BlockEvent,
        param_kind = map
    )]
    async fn chain_subscribe(&self, from: Option<Height>) -> SubscriptionResult;
}

#[async_trait]
impl ChainApiServer for Handlers {
    async fn chain_info(&self) -> Result<Answer<ChainSummary>, ApiError> {
        Ok(self.at_head(self.backend.chain()))
    }

    async fn chain_get_block(&self, at: Option<At>) -> Result<Answer<BlockView>, ApiError> {
        let at = at.unwrap_or_default();
        let Block { at, header, transactions } =
            self.read(move |this| this.backend.block(at)).await?;
        Ok(Answer { body: BlockView { header: header.into(), transactions }, at })
    }

    async fn chain_get_payload(&self, at: Option<At>) -> Result<Answer<PayloadView>, ApiError> {
        let at = at.unwrap_or_default();
        let payload = self.read(move |this| this.backend.payload(at)).await?;
        Ok(payload.answer(|batches| PayloadView { batches: Blob(batches) }))
    }

    async fn chain_get_commit(&self, at: Option<At>) -> Result<Answer<CommitView>, ApiError> {
        let at = at.unwrap_or_default();
        let Commit { at, certificate, headers } =
            self.read(move |this| this.backend.commit(at)).await?;
        let headers = headers.into_iter().map(Into::into).collect();
        Ok(Answer { body: CommitView { certificate: certificate.into(), headers }, at })
    }

    async fn chain_subscribe(
        &self,
        pending: PendingSubscriptionSink,
        from: Option<Height>,
    ) -> SubscriptionResult {
        // Taken before the head is looked at, so that no block commits unseen in between.
        let heights = self.backend.heights();
        let live_from = heights.borrow().next();
        let from = from.unwrap_or(live_from);
        if let Err(refusal) = self.check_start(from, live_from).await {
            pending.reject(refusal).await;
            return Ok(());
        }
        let sink = pending.accept().await?;
        tracing::debug!(%from, connection = ?sink.connection_id(), "subscribed to blocks");
        subscribe::run(self, sink, from, heights).await;
        Ok(())
    }
}

impl Handlers {
    /// Whether a subscription may start at `from`, when live items start at `live_from`.
    async fn check_start(&self, from: Height, live_from: Height) -> Result<(), ApiError> {
        if from == live_from {
            return Ok(());
        }
        if from > live_from {
            let head = Height(live_from.0.saturating_sub(1));
            return Err(ReadError::NotYet { head }.into());
        }
        let first = self.read(move |this| this.backend.block(At::Height(from))).await;
        match first {
            Ok(_) => Ok(()),
            Err(error) if error.code == ErrorCode::Pruned => Err(ApiError {
                code: ErrorCode::CursorExpired,
                message: format!("the blocks from {from} on are not kept any more"),
                retry: Retry::Never,
                detail: error.detail,
            }),
            Err(error) => Err(error),
        }
    }
}
