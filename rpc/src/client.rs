//! Typed clients: jsonrpsee's, with the namespaces' traits as methods.
//!
//! ```no_run
//! # async fn example() -> Result<(), quorate_rpc::client::ClientError> {
//! use quorate_rpc::client::{self, ChainApiClient};
//!
//! let node = client::http("http://127.0.0.1:4100")?;
//! let info = node.chain_info().await?;
//! println!("{} is at height {}", info.chain_id, info.at.height);
//! # Ok(())
//! # }
//! ```
//!
//! What a node answered instead of a result is in
//! [`ApiError::from_client`](crate::ApiError::from_client).

use std::time::Duration;

pub use jsonrpsee::core::ClientError;
pub use jsonrpsee::core::client::Subscription;
pub use jsonrpsee::http_client::HttpClient;
use jsonrpsee::http_client::HttpClientBuilder;
pub use jsonrpsee::ws_client::WsClient;
use jsonrpsee::ws_client::WsClientBuilder;

pub use crate::account::AccountApiClient;
pub use crate::chain::ChainApiClient;
pub use crate::consensus::ConsensusApiClient;
pub use crate::contract::ContractApiClient;
use crate::limits::{REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, WAIT_MS_MAX};
pub use crate::node::NodeApiClient;
pub use crate::openrpc::DiscoverApiClient;
pub use crate::state::StateApiClient;
pub use crate::tx::TxApiClient;

/// Longer than the longest wait that a node grants, so that a node's answer comes before our
/// timeout.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(WAIT_MS_MAX + 10_000);
/// Calls under way at once over one WebSocket.
const CONCURRENT_CALLS_MAX: usize = 4_096;

/// A client over HTTP, for an address like `http://127.0.0.1:4100`. Nothing is sent yet.
///
/// # Errors
/// When the address is malformed.
pub fn http(url: &str) -> Result<HttpClient, ClientError> {
    HttpClientBuilder::default()
        .request_timeout(REQUEST_TIMEOUT)
        .max_request_size(REQUEST_BYTES_MAX)
        .max_response_size(RESPONSE_BYTES_MAX)
        .build(url)
}

/// A client over WebSocket, for an address like `ws://127.0.0.1:4100`, connected: for
/// subscriptions, and for many calls at once on one connection.
///
/// # Errors
/// When nothing answers there.
pub async fn websocket(url: &str) -> Result<WsClient, ClientError> {
    WsClientBuilder::default()
        .request_timeout(REQUEST_TIMEOUT)
        .max_request_size(REQUEST_BYTES_MAX)
        .max_response_size(RESPONSE_BYTES_MAX)
        .max_concurrent_requests(CONCURRENT_CALLS_MAX)
        .build(url)
        .await
}
