//! `state_`: values of the state with proofs.

use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use primitives::StateKey;
use primitives::limits::STORAGE_KEY_BYTES_MAX;

use crate::backend::Proved;
use crate::error::ApiError;
use crate::handlers::Handlers;
use crate::types::{Answer, At, Blob, KeyView, ProvedView};

/// Values of the state with proofs.
#[rpc(server, client, namespace = "state")]
pub trait StateApi {
    /// A value, or its absence, with the proof and the certificate that a client needs to believe
    /// it without trusting this node.
    #[method(name = "prove", param_kind = map)]
    async fn state_prove(
        &self,
        key: KeyView,
        at: Option<At>,
    ) -> Result<Answer<ProvedView>, ApiError>;
}

#[async_trait]
impl StateApiServer for Handlers {
    async fn state_prove(
        &self,
        key: KeyView,
        at: Option<At>,
    ) -> Result<Answer<ProvedView>, ApiError> {
        if let KeyView::Storage { key: Blob(key), .. } = &key
            && key.len() > STORAGE_KEY_BYTES_MAX
        {
            let message = format!("a storage key has at most {STORAGE_KEY_BYTES_MAX} bytes");
            return Err(ApiError::limit(message, "storageKeyBytes", STORAGE_KEY_BYTES_MAX));
        }
        let key = StateKey::from(&key);
        let proved = self
            .work(move |this| {
                let proved = this.backend.prove(&key)?;
                proved.at.check_head(at.unwrap_or_default())?;
                Ok(proved)
            })
            .await?;
        let Proved { at, header, value, proof, certificate } = proved;
        let view = ProvedView {
            value: value.map(Blob),
            proof: Blob(proof),
            header: header.into(),
            certificate: certificate.into(),
        };
        Ok(Answer { body: view, at })
    }
}
