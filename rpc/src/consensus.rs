//! `consensus_`: how the validators get on.

use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;

use crate::error::ApiError;
use crate::handlers::Handlers;
use crate::types::{Answer, ConsensusStatus, EvidenceList};

/// How the validators get on.
#[rpc(server, client, namespace = "consensus")]
pub trait ConsensusApi {
    /// The view, the votes in, who is missing and what is waited for, as this node sees it.
    #[method(name = "status", param_kind = map)]
    async fn consensus_status(&self) -> Result<Answer<ConsensusStatus>, ApiError>;

    /// Who has signed two things that no honest validator signs together, with both messages.
    #[method(name = "evidence", param_kind = map)]
    async fn consensus_evidence(&self) -> Result<Answer<EvidenceList>, ApiError>;
}

#[async_trait]
impl ConsensusApiServer for Handlers {
    async fn consensus_status(&self) -> Result<Answer<ConsensusStatus>, ApiError> {
        let status = self.backend.consensus_status().await;
        Ok(self.at_head(status))
    }

    async fn consensus_evidence(&self) -> Result<Answer<EvidenceList>, ApiError> {
        let evidence = self.backend.evidence().await;
        Ok(self.at_head(EvidenceList { evidence }))
    }
}
