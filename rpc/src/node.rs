//! `node_`: how one node stands, beside the chain.

use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;

use crate::error::ApiError;
use crate::handlers::Handlers;
use crate::types::{Answer, NodeStatus};

/// How one node stands, beside the chain.
#[rpc(server, client, namespace = "node")]
pub trait NodeApi {
    /// The disk: how much is free, how fast it fills, and what follows; what the state holds.
    #[method(name = "status", param_kind = map)]
    async fn node_status(&self) -> Result<Answer<NodeStatus>, ApiError>;
}

#[async_trait]
impl NodeApiServer for Handlers {
    async fn node_status(&self) -> Result<Answer<NodeStatus>, ApiError> {
        Ok(self.at_head(self.backend.node_status()))
    }
}
