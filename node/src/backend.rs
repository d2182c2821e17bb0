//! What the interface asks, answered from the store, the executor and the replica.

mod past;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use consensus::{Status as AgreementStatus, Waiting};
use primitives::receipt::Rejection;
use primitives::state_key::{Account, ContractInfo, Direction};
use primitives::{
    Address, Genesis, Hash, Height, Namespace, Nonce, SignedTransaction, SigningContext, StateKey,
    Status, ValidatorIndex, ValidatorSet, Verified, codec,
};
use replica::{Event, LedgerView, Refusal, RequestId};
use rpc::backend::{
    Anchored, Backend, Block, Commit, CommittedTransaction, Difference, Ending, KnownTransaction,
    Missing, Proved, Query, QueryError, QueryOutput, ReadError, ScanLimits, ScanPage, SubmitError,
    Unavailable,
};
use rpc::types::{
    Anchor, At, ChainSummary, ConsensusStatus, EvidenceView, NamespaceUsage, NodeStatus,
    ParametersView, PrefixView, Readiness, ValidatorView,
};
use state::{Head, State, StoredBlock, Usage};
use tokio::sync::{oneshot, watch};

use self::past::Reading;
use crate::commits::{Commits, Place};
use crate::disk::Outlook;
use crate::driver::{Clock, Replies};
use crate::evidence;
use crate::gauge::WriteGauge;
use crate::inbox::Inbox;
use crate::metrics;
use crate::status::{self, Here};

/// How long the replica's thread may take to tell how agreement stands; after that what it last told is shown.
const LOOK_PATIENCE: Duration = Duration::from_millis(500);
/// Transactions of this node's clients that are remembered, so that each has an answer.
const SUBMITTED_MAX: usize = 100_000;
/// A node with fewer peers than make a quorum for longer than this says that it is not ready, in milliseconds.
const NOT_READY_AFTER_MS: u64 = 5_000;

/// The node behind the interface.
#[derive(Debug)]
pub struct NodeBackend {
    ledger: LedgerView,
    inbox: Inbox,
    commits: Arc<Commits>,
    replies: Replies,
    requests: AtomicU64,
    submitted: Mutex<Submitted>,
    clock: Clock,
    status: watch::Receiver<AgreementStatus>,
    gauge: Arc<WriteGauge>,
    disk: watch::Receiver<Outlook>,
    validators: ValidatorSet,
    summary: ChainSummary,
}

/// What this node's clients sent, oldest first.
#[derive(Debug, Default)]
struct Submitted {
    transactions: BTreeMap<Hash, SignedTransaction>,
    order: VecDeque<Hash>,
}

impl Submitted {
    fn insert(&mut self, hash: Hash, transaction: SignedTransaction) {
        if self.transactions.insert(hash, transaction).is_none() {
            self.order.push_back(hash);
        }
        while self.order.len() > SUBMITTED_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.transactions.remove(&oldest);
            }
        }
    }
}

impl NodeBackend {
    #[expect(clippy::too_many_arguments, reason = "one call, at start, that joins the parts")]
    pub fn new(
        ledger: LedgerView,
        inbox: Inbox,
        commits: Arc<Commits>,
        replies: Replies,
        clock: Clock,
        status: watch::Receiver<AgreementStatus>,
        gauge: Arc<WriteGauge>,
        disk: watch::Receiver<Outlook>,
        validators: ValidatorSet,
        genesis: &Genesis,
        own: ValidatorIndex,
    ) -> Self {
        let summary = summary(genesis, &validators, own);
        Self {
            ledger,
            inbox,
            commits,
            replies,
            requests: AtomicU64::new(0),
            submitted: Mutex::default(),
            clock,
            status,
            gauge,
            disk,
            validators,
            summary,
        }
    }

    fn state(&self) -> &State {
        self.ledger.state()
    }

    fn outlook(&self) -> Outlook {
        *self.disk.borrow()
    }

    fn here(&self) -> Here {
        let here = self.gauge.here(self.clock.uptime_ms());
        Here { disk: Some(self.outlook()), ..here }
    }

    fn submitted(&self) -> MutexGuard<'_, Submitted> {
        self.submitted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A record of the state.
    fn record<T: borsh::BorshDeserialize>(
        &self,
        key: &StateKey,
        at: At,
    ) -> Result<Anchored<Option<T>>, ReadError> {
        let Anchored { at, value } = past::value(self.state(), key, at)?;
        let record = value.map(|bytes| codec::decode(&bytes, usize::MAX)).transpose();
        match record {
            Ok(value) => Ok(Anchored { at, value }),
            Err(error) => Err(ReadError::Internal(Arc::new(error))),
        }
    }

    /// A committed transaction, executed or rejected.
    fn placed(&self, hash: &Hash) -> Option<(Height, usize, Status)> {
        let (height, index) = self.state().transaction(hash)?;
        let receipt = self.state().receipts(height)?.into_iter().nth(index)?;
        Some((height, index, receipt.status))
    }

    /// Whether the mempool still has it.
    async fn is_waiting(&self, hash: Hash) -> bool {
        self.inbox.look(move |replica| replica.mempool().is_admitted(&hash)).await.unwrap_or(false)
    }

    /// The end that a place in a block means; none when the mempool will try again.
    async fn ending(&self, hash: Hash, place: Place) -> Option<Ending> {
        match place.status {
            Status::Rejected(Rejection::Expired { .. }) => Some(Ending::Expired),
            Status::Rejected(reason) => {
                (!self.is_waiting(hash).await).then_some(Ending::Rejected(reason))
            }
            _ => Some(Ending::Committed { height: place.height, index: index_of(place.index) }),
        }
    }

    fn is_expired(&self, hash: &Hash) -> bool {
        let head = self.state().head().header.timestamp;
        let submitted = self.submitted();
        let transaction = submitted.transactions.get(hash);
        transaction.is_some_and(|signed| signed.transaction().valid_until < head)
    }
}

fn index_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// What clients are told of the chain.
pub fn summary(genesis: &Genesis, validators: &ValidatorSet, own: ValidatorIndex) -> ChainSummary {
    ChainSummary {
        chain_id: genesis.chain_id.clone(),
        genesis_hash: genesis.hash(),
        node_version: env!("CARGO_PKG_VERSION").to_owned(),
        node_name: validators.get(own).map(|validator| validator.name.clone()),
        floor: Height::ZERO,
        parameters: ParametersView::from(&genesis.parameters),
        validators: validators
            .iter()
            .map(|(_, validator)| ValidatorView {
                name: validator.name.clone(),
                key: validator.key,
            })
            .collect(),
    }
}

pub fn anchor(head: &Head) -> Anchor {
    Anchor {
        height: head.header.height,
        block_hash: head.hash,
        state_root: head.result.state_root,
        time_ms: head.header.timestamp,
    }
}

fn block_anchor(block: &StoredBlock) -> Anchor {
    Anchor {
        height: block.header.height,
        block_hash: block.hash,
        state_root: block.result.state_root,
        time_ms: block.header.timestamp,
    }
}

/// The request is withdrawn when its client goes away.
struct Withdraw<'a>(&'a Replies, RequestId);

impl Drop for Withdraw<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

#[rpc::async_trait]
impl Backend for NodeBackend {
    fn chain(&self) -> ChainSummary {
        ChainSummary { floor: self.state().floor(), ..self.summary.clone() }
    }

    fn head(&self) -> Anchor {
        anchor(&self.state().head())
    }

    fn heights(&self) -> watch::Receiver<Height> {
        self.commits.heights()
    }

    fn readiness(&self) -> Readiness {
        let status = self.status.borrow().clone();
        let mut reasons = Vec::new();
        if status.waiting == Waiting::CatchUp {
            reasons.push("the node is catching up with the other validators".to_owned());
        }
        let late = |ms: &u64| *ms >= NOT_READY_AFTER_MS;
        let missing = status.missing.values().filter(|ms| late(ms)).count();
        if self.validators.len() - missing < self.validators.quorum() {
            let here = Here { disk: None, ..self.here() };
            reasons.push(status::line(&status, &self.validators, &here));
        }
        let disk = self.outlook();
        reasons.extend(disk.warning().filter(|_| disk.refuses()));
        Readiness { reasons }
    }

    async fn consensus_status(&self) -> ConsensusStatus {
        let uptime_ms = self.clock.uptime_ms();
        let look = self.inbox.look(move |replica| replica.core().status(uptime_ms));
        let status = match tokio::time::timeout(LOOK_PATIENCE, look).await {
            Ok(Ok(status)) => status,
            // The replica's thread ends only with the process.
            Ok(Err(_)) => crate::failure::stop("the replica's thread has ended"),
            // It waits for its disk, and that is what the caller must learn.
            Err(_) => self.status.borrow().clone(),
        };
        status::view(&status, &self.validators, &self.here())
    }

    fn node_status(&self) -> NodeStatus {
        let by_namespace = |(namespace, usage): (Namespace, Usage)| NamespaceUsage {
            namespace: namespace.name().to_owned(),
            keys: usage.keys,
            bytes: usage.bytes,
        };
        let state = self.commits.usage().into_iter().map(by_namespace).collect();
        NodeStatus { disk: self.outlook().view(), state }
    }

    fn metrics(&self) -> String {
        metrics::page(&self.outlook(), &self.commits.usage())
    }

    async fn evidence(&self) -> Vec<EvidenceView> {
        let look = self.inbox.look(|replica| replica.core().evidence().cloned().collect());
        let held = match look.await {
            Ok(held) => held,
            Err(_) => crate::failure::stop("the replica's thread has ended"),
        };
        let epoch = self.state().head().header.epoch;
        let context = SigningContext { chain: self.summary.genesis_hash, epoch };
        evidence::list(self.state(), &context, &self.validators, held)
    }

    fn block(&self, at: At) -> Result<Block, ReadError> {
        let stored = past::block(self.state(), at)?;
        let transactions = stored
            .batches
            .iter()
            .flat_map(|batch| &batch.batch.transactions)
            .map(SignedTransaction::hash)
            .collect();
        Ok(Block { at: block_anchor(&stored), header: stored.header, transactions })
    }

    fn commit(&self, at: At) -> Result<Commit, ReadError> {
        let stored = past::block(self.state(), at)?;
        let height = stored.header.height;
        let found = self.state().certificate_at_or_above(height);
        let head = self.state().head().header.height;
        let (top, certificate) = found.ok_or(ReadError::NotYet { head })?;
        let mut headers = Vec::new();
        for above in (height.0..=top.0).rev() {
            headers.push(self.state().header(Height(above)).ok_or(Missing::Block)?);
        }
        Ok(Commit { at: block_anchor(&stored), certificate, headers })
    }

    async fn submit(&self, transaction: Verified<SignedTransaction>) -> Result<(), SubmitError> {
        let disk = self.outlook();
        if disk.refuses() {
            let (free_bytes, needed_bytes) = (disk.free_bytes, disk.policy.admit_from());
            return Err(SubmitError::DiskFull { free_bytes, needed_bytes });
        }
        let request = RequestId(self.requests.fetch_add(1, Ordering::Relaxed));
        let (sender, receiver) = oneshot::channel();
        self.replies.lock().unwrap_or_else(PoisonError::into_inner).insert(request, sender);
        let _withdraw = Withdraw(&self.replies, request);
        let signed = (*transaction).clone();
        let gone = SubmitError::Unavailable(Unavailable::ShuttingDown);
        match self.inbox.try_push(Event::Transaction { request, transaction }) {
            None => return Err(SubmitError::Overloaded),
            Some(Err(_)) => return Err(gone),
            Some(Ok(())) => {}
        }
        match receiver.await {
            Err(_) => Err(gone),
            Ok(Ok(hash)) => {
                self.submitted().insert(hash, signed);
                Ok(())
            }
            Ok(Err(refusal)) => Err(submit_error(refusal)),
        }
    }

    async fn wait(&self, transaction: &Hash) -> Ending {
        let hash = *transaction;
        let mut heights = self.commits.heights();
        loop {
            // Registered first, looked up second: a block that commits in between is seen by one of the two.
            let place = self.commits.wait(hash);
            heights.mark_unchanged();
            if let Some((height, index, status)) = self.placed(&hash)
                && let Some(ending) = self.ending(hash, Place { height, index, status }).await
            {
                return ending;
            }
            let mut place = place;
            loop {
                tokio::select! {
                    placed = &mut place => {
                        if let Ok(place) = placed
                            && let Some(ending) = self.ending(hash, place).await
                        {
                            return ending;
                        }
                        break;
                    }
                    _ = heights.changed() => {
                        if self.is_expired(&hash) && self.placed(&hash).is_none() {
                            return Ending::Expired;
                        }
                    }
                }
            }
        }
    }

    async fn transaction(&self, hash: &Hash) -> Result<KnownTransaction, ReadError> {
        past::check_kept(self.state(), hash)?;
        if let Some((height, index, status)) = self.placed(hash) {
            let committed = self.receipt(hash)?;
            let ending = self.ending(*hash, Place { height, index, status }).await;
            return Ok(KnownTransaction { transaction: committed.transaction, ending });
        }
        let known = self.submitted().transactions.get(hash).cloned();
        let Some(transaction) = known else {
            return Err(past::missing(self.state(), Missing::Transaction));
        };
        let expired = self.is_expired(hash);
        Ok(KnownTransaction { transaction, ending: expired.then_some(Ending::Expired) })
    }

    fn receipt(&self, transaction: &Hash) -> Result<CommittedTransaction, ReadError> {
        let Some((height, index)) = self.state().transaction(transaction) else {
            let waits = self.submitted().transactions.contains_key(transaction);
            return Err(match waits {
                true => Missing::Receipt.into(),
                false => past::missing(self.state(), Missing::Transaction),
            });
        };
        let block = past::block(self.state(), At::Height(height))?;
        let mut transactions = block.batches.into_iter().flat_map(|one| one.batch.transactions);
        let signed = transactions.nth(index).ok_or(Missing::Transaction)?;
        let receipts = self.state().receipts(height).ok_or(Missing::Receipt)?;
        let receipt = receipts.into_iter().nth(index).ok_or(Missing::Receipt)?;
        Ok(CommittedTransaction { height, index: index_of(index), transaction: signed, receipt })
    }

    fn account(&self, address: &Address, at: At) -> Result<Anchored<Account>, ReadError> {
        let found = self.record(&StateKey::account(address), at)?;
        Ok(Anchored { at: found.at, value: found.value.unwrap_or_default() })
    }

    async fn next_nonce(&self, address: &Address, lane: u32) -> Result<Anchored<Nonce>, ReadError> {
        let (at, address) = (self.head(), *address);
        let look = self.inbox.look(move |replica| replica.next_sequence(&address, lane));
        let sequence = look.await.map_err(|_| Unavailable::ShuttingDown)?;
        Ok(Anchored { at, value: Nonce { lane, sequence } })
    }

    fn contract(&self, address: &Address, at: At) -> Result<Anchored<ContractInfo>, ReadError> {
        let found = self.record(&StateKey::contract(address), at)?;
        Ok(Anchored { at: found.at, value: found.value.ok_or(Missing::Contract)? })
    }

    fn abi_section(&self, code: &Hash) -> Result<Option<Vec<u8>>, ReadError> {
        let module = self.state().get(&StateKey::code(code)).ok_or(Missing::Code)?;
        let abi = abi::Abi::from_module(&module);
        Ok(abi.ok().map(|abi| abi.encode()))
    }

    fn query(&self, query: Query) -> Result<Anchored<QueryOutput>, QueryError> {
        let Reading { at, header, view } = Reading::of(self.state(), query.at)?;
        let outcome = self.ledger.query_in(
            &header,
            view,
            vm::Query {
                contract: query.contract,
                caller: query.caller,
                arguments: query.arguments,
                gas_limit: query.gas_limit,
            },
        );
        let vm::QueryOutcome { status, output, gas_used } = outcome;
        match status {
            Status::Success => Ok(Anchored { at, value: QueryOutput { output, gas_used } }),
            Status::Reverted => Err(QueryError::Reverted { output, gas_used }),
            Status::Failed(failure) => Err(QueryError::Failed { failure, gas_used }),
            Status::Rejected(_) => panic!("a query is never rejected"),
        }
    }

    fn payload(&self, at: At) -> Result<Anchored<Vec<u8>>, ReadError> {
        let block = past::block(self.state(), at)?;
        Ok(Anchored { at: block_anchor(&block), value: codec::encode(&block.batches) })
    }

    fn value(&self, key: &StateKey, at: At) -> Result<Anchored<Option<Vec<u8>>>, ReadError> {
        past::value(self.state(), key, at)
    }

    fn scan(
        &self,
        range: &Range<StateKey>,
        direction: Direction,
        limits: ScanLimits,
        at: At,
    ) -> Result<Anchored<ScanPage>, ReadError> {
        past::scan(self.state(), range, direction, limits, at)
    }

    fn differences(
        &self,
        from: Height,
        to: Height,
        after: Option<&StateKey>,
        limit: usize,
    ) -> Result<Vec<Difference>, ReadError> {
        past::differences(self.state(), from, to, after, limit)
    }

    fn pieces(
        &self,
        at: At,
        prefixes: &[PrefixView],
        bytes_max: usize,
    ) -> Result<Anchored<Vec<Vec<u8>>>, ReadError> {
        past::pieces(self.state(), at, prefixes, bytes_max)
    }

    fn prove(&self, key: &StateKey) -> Result<Proved, ReadError> {
        let proved = self.state().prove(key);
        let at = anchor(&proved.head);
        let Some(certificate) = proved.head.certificate else {
            return Err(ReadError::NotYet { head: at.height });
        };
        Ok(Proved {
            at,
            header: proved.head.header,
            value: proved.value,
            proof: codec::encode(&proved.proof),
            certificate,
        })
    }
}

fn submit_error(refusal: Refusal) -> SubmitError {
    match refusal {
        Refusal::Rejected(reason) => SubmitError::Rejected(reason),
        Refusal::Full => SubmitError::MempoolFull { price_above: primitives::Amount::ZERO },
        Refusal::SenderFull(waiting) => SubmitError::SenderFull { waiting },
        Refusal::WrongChain { .. } => SubmitError::Rejected(Rejection::WrongChain),
    }
}
