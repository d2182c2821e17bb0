//! The node that a command talks to.

use std::future::Future;

use anyhow::Context as _;
use primitives::Hash;
use rpc::client::{self, ClientError, HttpClient};
use rpc::types::{Answer, At, BlockEvent, ChainSummary};
use rpc::{ApiError, ErrorCode};

use rpc::client::ChainApiClient;

use super::context::Context;
use super::failure::Failure;
use crate::config::peers;

/// A node's RPC.
#[derive(Clone, Debug)]
pub struct Remote {
    url: String,
    pub http: HttpClient,
}

impl Remote {
    /// The node of the settings: `client.rpc`, else the one that runs in this home, else the first
    /// that answers of `client.rpc_from`.
    pub async fn find(context: &Context) -> anyhow::Result<Self> {
        let client = &context.settings.client;
        if let Some(url) = &client.rpc {
            return Self::at(url);
        }
        if context.home.is_running()
            && let Some(ports) = context.home.ports()?
        {
            return Self::at(&ports.rpc_url());
        }
        let pattern = client.rpc_from.as_deref();
        for ports in pattern.map(|p| peers::running(context.home.root(), p)).unwrap_or_default() {
            let remote = Self::at(&ports.rpc_url())?;
            if remote.http.chain_info().await.is_ok() {
                return Ok(remote);
            }
        }
        let home = context.home.root().display();
        Err(Failure::NoNode(format!(
            "no node runs in {home}, and none is named: start one with `quorate dev` or `quorate \
             run`, or name one with --rpc URL"
        ))
        .into())
    }

    pub fn at(url: &str) -> anyhow::Result<Self> {
        let http = client::http(url)
            .map_err(|error| Failure::Usage(format!("{url:?} is no RPC address: {error}")))?;
        Ok(Self { url: url.to_owned(), http })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Awaits a call and translates its error.
    pub async fn ask<T>(
        &self,
        call: impl Future<Output = Result<T, ClientError>>,
    ) -> anyhow::Result<T> {
        call.await.map_err(|error| self.failure(&error))
    }

    /// What the node says of its chain; refused when it is not the chain of this home's genesis.
    pub async fn chain(&self, context: &Context) -> anyhow::Result<Answer<ChainSummary>> {
        let info = self.ask(self.http.chain_info()).await?;
        if context.home.genesis_file().exists() {
            let genesis = context.home.genesis()?;
            check_chain(&info.genesis_hash, &genesis.hash())
                .with_context(|| format!("the node at {}", self.url))?;
        }
        Ok(info)
    }

    /// Waits until the node has committed `height`.
    pub async fn reach(&self, height: primitives::Height) -> anyhow::Result<()> {
        let at_height = self.http.chain_get_block(Some(At::Height(height))).await;
        match at_height {
            Ok(_) => return Ok(()),
            Err(error) => match ApiError::from_client(&error) {
                Some(api) if api.code == ErrorCode::HeightNotYet => {}
                _ => return Err(self.failure(&error)),
            },
        }
        let socket = self.url.replacen("http", "ws", 1);
        let socket = self.ask(client::websocket(&socket)).await?;
        // A block that commits between the question above and the subscription comes as its first
        // item.
        let mut blocks = self.ask(socket.chain_subscribe(Some(height))).await?;
        match blocks.next().await {
            Some(Ok(BlockEvent::Block { .. } | BlockEvent::Lagged { .. })) => Ok(()),
            Some(Ok(BlockEvent::Interrupted { reason, .. })) => Err(Failure::NoNode(reason).into()),
            Some(Err(error)) => Err(error.into()),
            None => Err(Failure::NoNode(format!("{} closed the subscription", self.url)).into()),
        }
    }

    /// A call's error as a failure with its exit code, and what to do next.
    pub fn failure(&self, error: &ClientError) -> anyhow::Error {
        let Some(api) = ApiError::from_client(error) else {
            let url = &self.url;
            return Failure::NoNode(format!(
                "no node answers at {url}: {error}; is it running? `quorate testnet status` and \
                 `quorate query status` tell"
            ))
            .into();
        };
        let detail = match &api.detail {
            serde_json::Value::Null => String::new(),
            detail => format!(" ({detail})"),
        };
        match api.code {
            ErrorCode::NotFound | ErrorCode::HeightNotYet | ErrorCode::Pruned => {
                Failure::NotFound(api.message).into()
            }
            ErrorCode::InvalidParams => Failure::Usage(api.message).into(),
            ErrorCode::Syncing | ErrorCode::ShuttingDown => Failure::NoNode(api.message).into(),
            code => {
                let name = serde_json::to_value(code).ok();
                let name = name.as_ref().and_then(serde_json::Value::as_str).unwrap_or("FAILED");
                Failure::refused(name, format!("{}{detail}", api.message)).into()
            }
        }
    }
}

fn check_chain(node: &Hash, home: &Hash) -> anyhow::Result<()> {
    if node == home {
        return Ok(());
    }
    let message = format!(
        "it serves the chain {node}, and this home's genesis is {home}: ask another node, or use \
         another --home"
    );
    Err(Failure::Unproved(message).into())
}

/// Runs a client command: one thread, for as long as it takes.
pub fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().context("the asynchronous runtime cannot start")?;
    runtime.block_on(future)
}
