//! What clients are told while a state is restored: how far it is, and of everything else that it is not here yet.

use std::ops::Range;

use primitives::state_key::{Account, ContractInfo, Direction};
use primitives::{Address, Hash, Height, Nonce, SignedTransaction, StateKey, Verified};
use replica::Progress;
use rpc::backend::{
    Anchored, Backend, Block, Commit, CommittedTransaction, Difference, Ending, KnownTransaction,
    Proved, Query, QueryError, QueryOutput, ReadError, ScanLimits, ScanPage, SubmitError,
    Unavailable,
};
use rpc::types::{
    Anchor, At, ChainSummary, ConsensusState, ConsensusStatus, EvidenceView, Leader, NodeStatus,
    PrefixView, Readiness,
};
use tokio::sync::watch;

use crate::disk::Outlook;
use crate::metrics;

/// The node behind the interface, before it has a state.
#[derive(Debug)]
pub struct SyncingBackend {
    pub chain: ChainSummary,
    /// Of the database that is about to be replaced.
    pub head: Anchor,
    pub progress: watch::Receiver<Progress>,
    /// Never changes: nothing commits.
    pub heights: watch::Sender<Height>,
    pub quorum: usize,
    pub disk: watch::Receiver<Outlook>,
}

/// One sentence about it.
pub fn words(progress: &Progress) -> String {
    match progress.target {
        None => "looking for a snapshot that another validator gives".to_owned(),
        Some(height) => {
            format!("restoring the state of block {height}: {:.1} %", 100.0 * progress.done)
        }
    }
}

impl SyncingBackend {
    fn unavailable(&self) -> Unavailable {
        let (height, target) = (self.head.height, self.progress.borrow().target);
        Unavailable::Syncing { height, target: target.unwrap_or(height) }
    }

    fn words(&self) -> String {
        words(&self.progress.borrow())
    }
}

#[rpc::async_trait]
impl Backend for SyncingBackend {
    fn chain(&self) -> ChainSummary {
        self.chain.clone()
    }

    fn head(&self) -> Anchor {
        self.head
    }

    fn heights(&self) -> watch::Receiver<Height> {
        self.heights.subscribe()
    }

    fn readiness(&self) -> Readiness {
        Readiness { reasons: vec![self.words()] }
    }

    async fn consensus_status(&self) -> ConsensusStatus {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let validators = self.chain.validators.len();
        ConsensusStatus {
            view: primitives::View::ZERO,
            height: self.head.height,
            leader: Leader { index: primitives::ValidatorIndex(0), name: String::new() },
            state: ConsensusState::Working,
            waiting_for: self.words(),
            explanation: vec!["This node takes no part until it has a state.".to_owned()],
            prepare_votes: Vec::new(),
            commit_votes: Vec::new(),
            results: Vec::new(),
            timeout_votes: Vec::new(),
            missing: Vec::new(),
            others_height: self.progress.borrow().target,
            banned: Vec::new(),
            demoted: Vec::new(),
            last_timeouts: Vec::new(),
            validators: count(validators),
            quorum: count(self.quorum),
            faulty_max: count(validators.saturating_sub(self.quorum)),
        }
    }

    fn node_status(&self) -> NodeStatus {
        NodeStatus { disk: self.disk.borrow().view(), state: Vec::new() }
    }

    fn metrics(&self) -> String {
        metrics::page(&self.disk.borrow(), &[])
    }

    async fn evidence(&self) -> Vec<EvidenceView> {
        Vec::new()
    }

    fn block(&self, _: At) -> Result<Block, ReadError> {
        Err(self.unavailable().into())
    }

    fn commit(&self, _: At) -> Result<Commit, ReadError> {
        Err(self.unavailable().into())
    }

    async fn submit(&self, _: Verified<SignedTransaction>) -> Result<(), SubmitError> {
        Err(self.unavailable().into())
    }

    async fn wait(&self, _: &Hash) -> Ending {
        std::future::pending().await
    }

    async fn transaction(&self, _: &Hash) -> Result<KnownTransaction, ReadError> {
        Err(self.unavailable().into())
    }

    fn receipt(&self, _: &Hash) -> Result<CommittedTransaction, ReadError> {
        Err(self.unavailable().into())
    }

    fn account(&self, _: &Address, _: At) -> Result<Anchored<Account>, ReadError> {
        Err(self.unavailable().into())
    }

    async fn next_nonce(&self, _: &Address, _: u32) -> Result<Anchored<Nonce>, ReadError> {
        Err(self.unavailable().into())
    }

    fn contract(&self, _: &Address, _: At) -> Result<Anchored<ContractInfo>, ReadError> {
        Err(self.unavailable().into())
    }

    fn abi_section(&self, _: &Hash) -> Result<Option<Vec<u8>>, ReadError> {
        Err(self.unavailable().into())
    }

    fn query(&self, _: Query) -> Result<Anchored<QueryOutput>, QueryError> {
        Err(ReadError::from(self.unavailable()).into())
    }

    fn payload(&self, _: At) -> Result<Anchored<Vec<u8>>, ReadError> {
        Err(self.unavailable().into())
    }

    fn value(&self, _: &StateKey, _: At) -> Result<Anchored<Option<Vec<u8>>>, ReadError> {
        Err(self.unavailable().into())
    }

    fn scan(
        &self,
        _: &Range<StateKey>,
        _: Direction,
        _: ScanLimits,
        _: At,
    ) -> Result<Anchored<ScanPage>, ReadError> {
        Err(self.unavailable().into())
    }

    fn differences(
        &self,
        _: Height,
        _: Height,
        _: Option<&StateKey>,
        _: usize,
    ) -> Result<Vec<Difference>, ReadError> {
        Err(self.unavailable().into())
    }

    fn pieces(
        &self,
        _: At,
        _: &[PrefixView],
        _: usize,
    ) -> Result<Anchored<Vec<Vec<u8>>>, ReadError> {
        Err(self.unavailable().into())
    }

    fn prove(&self, _: &StateKey) -> Result<Proved, ReadError> {
        Err(self.unavailable().into())
    }
}
