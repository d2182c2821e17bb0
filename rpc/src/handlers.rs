//! What all namespaces share. Each namespace implements its trait on [`Handlers`], in its own file.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use jsonrpsee::Methods;
use jsonrpsee::core::RegisterMethodError;
use tokio::sync::Semaphore;

use crate::account::AccountApiServer;
use crate::backend::{Anchored, Backend, ReadError};
use crate::chain::ChainApiServer;
use crate::consensus::ConsensusApiServer;
use crate::contract::ContractApiServer;
use crate::decode::Decoder;
use crate::error::ApiError;
use crate::limits::Limits;
use crate::node::NodeApiServer;
use crate::openrpc::{self, DiscoverApiServer};
use crate::pool::Pool;
use crate::state::StateApiServer;
use crate::tx::TxApiServer;
use crate::types::Answer;
use crate::verify::Verifier;

/// The methods' implementation over a [`Backend`]; cheap to clone.
#[derive(Clone)]
pub(crate) struct Handlers {
    pub backend: Arc<dyn Backend>,
    pub limits: Arc<Limits>,
    pub decoder: Arc<Decoder>,
    pub verifier: Arc<Verifier>,
    /// Places for calls of `tx_sendAndWait` that wait.
    pub waits: Arc<Semaphore>,
    reads: Arc<Pool>,
    heavy: Arc<Pool>,
}

impl Handlers {
    /// # Errors
    /// When the system gives no threads.
    pub fn new(backend: Arc<dyn Backend>, limits: Arc<Limits>) -> io::Result<Self> {
        Ok(Self {
            decoder: Arc::new(Decoder::new(Arc::clone(&backend))),
            verifier: Arc::new(Verifier::start(limits.verify_threads, limits.verifications)?),
            waits: Arc::new(Semaphore::new(limits.waits)),
            reads: Arc::new(Pool::new(limits.read_threads, limits.reads)),
            heavy: Arc::new(Pool::new(limits.heavy_threads, limits.heavy_calls)),
            backend,
            limits,
        })
    }

    /// All methods of all namespaces.
    ///
    /// # Panics
    /// When the table of [`openrpc`] names others: what is not described cannot be called.
    pub fn methods(&self) -> Result<Methods, RegisterMethodError> {
        let mut methods = Methods::new();
        methods.merge(ChainApiServer::into_rpc(self.clone()))?;
        methods.merge(TxApiServer::into_rpc(self.clone()))?;
        methods.merge(AccountApiServer::into_rpc(self.clone()))?;
        methods.merge(ContractApiServer::into_rpc(self.clone()))?;
        methods.merge(StateApiServer::into_rpc(self.clone()))?;
        methods.merge(ConsensusApiServer::into_rpc(self.clone()))?;
        methods.merge(NodeApiServer::into_rpc(self.clone()))?;
        methods.merge(DiscoverApiServer::into_rpc(self.clone()))?;
        let registered: BTreeSet<_> = methods.method_names().collect();
        let described: BTreeSet<_> = openrpc::METHODS.iter().map(|method| method.name).collect();
        assert_eq!(registered, described, "every method is described, and no other");
        Ok(methods)
    }

    /// Reads where waiting for the disk hurts nobody else.
    pub async fn read<T, R>(&self, read: R) -> Result<T, ApiError>
    where
        T: Send + 'static,
        R: FnOnce(&Self) -> Result<T, ReadError> + Send + 'static,
    {
        let this = self.clone();
        Ok(self.reads.run(move || read(&this)).await??)
    }

    /// Does work that may take long, in the pool kept apart for it.
    pub async fn work<T, W>(&self, work: W) -> Result<T, ApiError>
    where
        T: Send + 'static,
        W: FnOnce(&Self) -> Result<T, ApiError> + Send + 'static,
    {
        let this = self.clone();
        self.heavy.run(move || work(&this)).await?
    }

    /// An answer that holds at the head: about something final, or about the node itself.
    pub fn at_head<T>(&self, body: T) -> Answer<T> {
        Answer { body, at: self.backend.head() }
    }
}

impl<T> Anchored<T> {
    pub(crate) fn answer<U>(self, view: impl FnOnce(T) -> U) -> Answer<U> {
        Answer { body: view(self.value), at: self.at }
    }
}
