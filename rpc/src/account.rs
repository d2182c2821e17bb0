//! `account_`: balances and nonces.

use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use primitives::Address;

use crate::error::ApiError;
use crate::handlers::Handlers;
use crate::types::{AccountView, Answer, At, NextNonce};

/// Balances and nonces.
#[rpc(server, client, namespace = "account")]
pub trait AccountApi {
    /// An account's record. One that was never used has no balance and no lanes.
    #[method(name = "get", param_kind = map)]
    async fn account_get(
        &self,
        address: Address,
        at: Option<At>,
    ) -> Result<Answer<AccountView>, ApiError>;

    /// The nonce for the account's next transaction in a lane (0 when not told), behind those that
    /// wait.
    #[method(name = "nextNonce", param_kind = map)]
    async fn account_next_nonce(
        &self,
        address: Address,
        lane: Option<u32>,
    ) -> Result<Answer<NextNonce>, ApiError>;
}

#[async_trait]
impl AccountApiServer for Handlers {
    async fn account_get(
        &self,
        address: Address,
        at: Option<At>,
    ) -> Result<Answer<AccountView>, ApiError> {
        let at = at.unwrap_or_default();
        let account = self.read(move |this| this.backend.account(&address, at)).await?;
        Ok(account.answer(|account| AccountView {
            address,
            balance: account.balance,
            lanes: account
                .lanes
                .iter()
                .map(|(lane, next)| (lane.to_string(), next.to_string()))
                .collect(),
        }))
    }

    async fn account_next_nonce(
        &self,
        address: Address,
        lane: Option<u32>,
    ) -> Result<Answer<NextNonce>, ApiError> {
        let nonce = self.backend.next_nonce(&address, lane.unwrap_or(0)).await?;
        Ok(nonce.answer(|nonce| NextNonce { address, nonce }))
    }
}
