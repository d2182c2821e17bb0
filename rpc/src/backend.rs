//! What the interface asks of the node. The node implements [`Backend`] over its state, executor
//! and replica; tests implement it over a few maps.
//!
//! # Contract
//!
//! - Methods that are not `async` read memory or disk and return; the server calls those that may
//!   be slow from a bounded pool of threads ([`crate::limits`]), never from a thread that serves
//!   sockets. `async` methods may wait for the replica, and must be safe to drop at any point: a
//!   client may go away.
//! - An answer about state carries the [`Anchor`] it was read at, in one consistent view.
//! - Values are primitives, not JSON: texts, hex and ABI decoding happen above this trait, in one
//!   place.
//! - [`Internal`](ReadError::Internal) is the only error whose text never reaches a client.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use jsonrpsee::core::async_trait;
use primitives::receipt::{Failure, Rejection};
use primitives::state_key::{Account, ContractInfo, Direction};
use primitives::{
    Address, Amount, CommitCertificate, Gas, Hash, Header, Height, Nonce, Receipt,
    SignedTransaction, StateKey, Verified,
};
use thiserror::Error;
use tokio::sync::watch;

use crate::types::{
    Anchor, At, ChainSummary, ConsensusStatus, EvidenceView, NodeStatus, PrefixView, Readiness,
};

/// An inside failure: logged where it meets the interface, told to no client.
pub type InternalError = Arc<dyn std::error::Error + Send + Sync>;

/// The node, as the interface sees it.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// What hardly changes from block to block. Answered from memory.
    fn chain(&self) -> ChainSummary;

    /// The last committed block. Answered from memory.
    fn head(&self) -> Anchor;

    /// The committed height, changed after the block, its receipts and its state can be read.
    /// Subscriptions wait on it and read the blocks themselves, so that a missed change loses
    /// nothing.
    fn heights(&self) -> watch::Receiver<Height>;

    /// Whether this node should be sent clients. Answered from memory.
    fn readiness(&self) -> Readiness;

    /// How consensus stands, as this validator sees it.
    async fn consensus_status(&self) -> ConsensusStatus;

    /// How the node itself stands. Answered from memory.
    fn node_status(&self) -> NodeStatus;

    /// The node's figures in the text format of Prometheus. Answered from memory.
    fn metrics(&self) -> String;

    /// Conflicting pairs of signed messages, those on the chain and those on the way there.
    async fn evidence(&self) -> Vec<EvidenceView>;

    /// A committed block.
    fn block(&self, at: At) -> Result<Block, ReadError>;

    /// The batches of a committed block in its header's order, in their encoding.
    fn payload(&self, at: At) -> Result<Anchored<Vec<u8>>, ReadError>;

    /// Proof that the block at `at` is final: see [`Commit`].
    fn commit(&self, at: At) -> Result<Commit, ReadError>;

    /// Gives a transaction to the mempool. `Ok` when it waits there, whether it is new or was there
    /// already. The server itself answers for a refused transaction that [`Self::transaction`]
    /// shows as committed, so that sending again is harmless.
    async fn submit(&self, transaction: Verified<SignedTransaction>) -> Result<(), SubmitError>;

    /// Waits for the end of a transaction that was submitted here. Returns at once when the end has
    /// come before the call; a block that commits between `submit` and `wait` must not be missed.
    /// When it says committed, the receipt can be read. The server limits the waiting time by
    /// dropping the future.
    async fn wait(&self, transaction: &Hash) -> Ending;

    /// A transaction that this node knows: in the mempool, in a block, or of late in either.
    async fn transaction(&self, hash: &Hash) -> Result<KnownTransaction, ReadError>;

    /// A transaction of a committed block with its receipt; also one that the block rejected.
    fn receipt(&self, transaction: &Hash) -> Result<CommittedTransaction, ReadError>;

    /// An account's record; the default for one that was never used.
    fn account(&self, address: &Address, at: At) -> Result<Anchored<Account>, ReadError>;

    /// The nonce that a new transaction of this lane should carry: behind those waiting in the
    /// mempool.
    async fn next_nonce(&self, address: &Address, lane: u32) -> Result<Anchored<Nonce>, ReadError>;

    /// A contract's record; [`ReadError::NotFound`] when there is none.
    fn contract(&self, address: &Address, at: At) -> Result<Anchored<ContractInfo>, ReadError>;

    /// The contents of the stored module's ABI section (`abi::host::ABI_SECTION`): an encoded
    /// `abi::Abi`. `None` when the module has none. The server caches by code hash, so this may
    /// parse the module.
    fn abi_section(&self, code: &Hash) -> Result<Option<Vec<u8>>, ReadError>;

    /// Runs a contract's `query` on committed state. May take as long as [`Query::gas_limit`]
    /// allows.
    fn query(&self, query: Query) -> Result<Anchored<QueryOutput>, QueryError>;

    /// What stands under a key of the state; none when nothing does.
    fn value(&self, key: &StateKey, at: At) -> Result<Anchored<Option<Vec<u8>>>, ReadError>;

    /// The first keys of a range, with their values: as many as `limits` allow, and at least one.
    fn scan(
        &self,
        range: &Range<StateKey>,
        direction: Direction,
        limits: ScanLimits,
        at: At,
    ) -> Result<Anchored<ScanPage>, ReadError>;

    /// The first `limit` keys, in order and after `after`, whose values after the block at `to` are
    /// others than after the one at `from`, which is not above it.
    fn differences(
        &self,
        from: Height,
        to: Height,
        after: Option<&StateKey>,
        limit: usize,
    ) -> Result<Vec<Difference>, ReadError>;

    /// What stands below prefixes of the state tree, for whoever compares a state with this one:
    /// each piece in the state crate's encoding, opaque here. As many as fit into `bytes_max`, and
    /// at least one.
    fn pieces(
        &self,
        at: At,
        prefixes: &[PrefixView],
        bytes_max: usize,
    ) -> Result<Anchored<Vec<Vec<u8>>>, ReadError>;

    /// A value, or its absence, with the proof against the newest state that a certificate signs.
    fn prove(&self, key: &StateKey) -> Result<Proved, ReadError>;
}

/// A value and where it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchored<T> {
    pub at: Anchor,
    pub value: T,
}

/// A committed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Height, hash and time of the block, and the state root after it.
    pub at: Anchor,
    pub header: Header,
    /// The transactions of its batches in the order of execution, the rejected ones too: as many as
    /// receipts.
    pub transactions: Vec<Hash>,
}

/// A certificate over the block or a descendant, and the headers that lead from there to the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The block asked for.
    pub at: Anchor,
    pub certificate: CommitCertificate,
    /// From the certified block down to the block asked for, both included: each is the parent of
    /// the one before it. As few as can be: `primitives::limits::UNCOMMITTED_BLOCKS_MAX` bounds
    /// them.
    pub headers: Vec<Header>,
}

/// Where a transaction's way has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Executed in the block at `height`, at `index` of its transactions: it succeeded, reverted or
    /// failed.
    Committed { height: Height, index: u32 },
    /// A committed block is later than its `valid_until`: it can never commit.
    Expired,
    /// A block did not execute it (its receipt says rejected), or the mempool let go of it, for
    /// this reason. It may still commit before it expires if the reason passes; this node does not
    /// wait for that.
    Rejected(Rejection),
}

/// A transaction and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownTransaction {
    pub transaction: SignedTransaction,
    /// `None` while it waits.
    pub ending: Option<Ending>,
}

/// A transaction with its receipt and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedTransaction {
    pub height: Height,
    pub index: u32,
    pub transaction: SignedTransaction,
    pub receipt: Receipt,
}

/// How much one page of a scan may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanLimits {
    pub keys: usize,
    /// Of keys and values together.
    pub bytes: usize,
}

/// A page of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanPage {
    pub entries: Vec<(StateKey, Vec<u8>)>,
    /// Whether the range holds more.
    pub is_cut: bool,
    bytes: usize,
}

impl ScanPage {
    /// Adds an entry, unless the page is full: then it is cut, and the walk shall end.
    pub fn take(&mut self, limits: ScanLimits, key: StateKey, value: Vec<u8>) -> ControlFlow<()> {
        let bytes = self.bytes + key.key.len() + value.len();
        let fits = self.entries.len() < limits.keys && bytes <= limits.bytes;
        if !fits && !self.entries.is_empty() {
            self.is_cut = true;
            return ControlFlow::Break(());
        }
        self.bytes = bytes;
        self.entries.push((key, value));
        ControlFlow::Continue(())
    }
}

/// What happened to a key between two heights; `None` is absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub key: StateKey,
    pub before: Option<Vec<u8>>,
    pub after: Option<Vec<u8>>,
}

/// A contract query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub contract: Address,
    /// Selector and canonical arguments.
    pub arguments: Vec<u8>,
    /// Whom the contract sees as its caller; nothing proves it.
    pub caller: Address,
    pub at: At,
    pub gas_limit: Gas,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryOutput {
    /// What the method returned, in canonical binary.
    pub output: Vec<u8>,
    pub gas_used: Gas,
}

/// A value of the state with all that a client needs to believe it: the certificate is checked
/// against the validators, its result names the state root, and the proof leads from there to the
/// value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// `certificate.result` says the same height and state root.
    pub at: Anchor,
    pub header: Header,
    /// `None` proves absence.
    pub value: Option<Vec<u8>>,
    /// The state crate's proof in its encoding; opaque here.
    pub proof: Vec<u8>,
    /// Over exactly the block of `header`.
    pub certificate: CommitCertificate,
}

/// What was looked for and is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Missing {
    #[error("no block has this hash")]
    Block,
    #[error(
        "this node knows no such transaction: it was never sent here, or its expiry is long past"
    )]
    Transaction,
    #[error("the transaction is not in a block yet")]
    Receipt,
    #[error("there is no contract at this address")]
    Contract,
    #[error("no code is stored under this hash")]
    Code,
}

/// Why a node cannot serve for the time being.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unavailable {
    #[error("this node is catching up: it is at height {height} of {target}")]
    Syncing { height: Height, target: Height },
    #[error("the chain is not committing blocks; consensus_status says who is missing")]
    Stalled,
    #[error("this node is shutting down")]
    ShuttingDown,
}

/// Why a read has no answer.
#[derive(Clone, Debug, Error)]
pub enum ReadError {
    #[error(transparent)]
    NotFound(#[from] Missing),
    #[error("the chain is at height {head} and has not come that far")]
    NotYet { head: Height },
    /// Something that a hash leads to, in a node that does not keep all: nobody knows whether it was
    /// there.
    #[error("{missing}; or it is below height {floor}, from which on this node keeps blocks")]
    NotFoundAbove { missing: Missing, floor: Height },
    #[error("height {height} is pruned; the lowest that this node keeps is {floor}")]
    Pruned { height: Height, floor: Height },
    #[error("this is answered for the head only, which is {head}")]
    HeadOnly { head: Height },
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error("the node failed inside: {0}")]
    Internal(InternalError),
}

/// Why a query has no result.
#[derive(Clone, Debug, Error)]
pub enum QueryError {
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The contract's encoded error.
    #[error("the contract reverted")]
    Reverted { output: Vec<u8>, gas_used: Gas },
    #[error("the query failed: {failure}")]
    Failed { failure: Failure, gas_used: Gas },
}

/// Why the mempool does not take a transaction.
#[derive(Clone, Debug, Error)]
pub enum SubmitError {
    /// The chain's rules, as execution would apply them.
    #[error("the transaction cannot be executed: {0}")]
    Rejected(#[from] Rejection),
    #[error("the mempool is full; a gas price above {price_above} may still enter")]
    MempoolFull { price_above: Amount },
    #[error("the sender has {waiting} transactions waiting, as many as one account may")]
    SenderFull { waiting: usize },
    /// The rule is told to the client.
    #[error("permission denied: {rule}")]
    PermissionDenied { rule: String },
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error("the node has more to do than it can; try again later")]
    Overloaded,
    /// The node goes on voting. Bytes of its disk.
    #[error(
        "this node's disk is nearly full: it has {} MiB free, and takes transactions from {} MiB on. Send to another \
         validator, or again when its operator has made room",
        .free_bytes >> 20, .needed_bytes >> 20
    )]
    DiskFull { free_bytes: u64, needed_bytes: u64 },
    #[error("the node failed inside: {0}")]
    Internal(InternalError),
}

impl Anchor {
    /// Whether what is known of the head only can be answered for `at`; if not, why.
    pub fn check_head(&self, at: At) -> Result<(), ReadError> {
        match at {
            At::Latest => Ok(()),
            At::Height(height) if height == self.height => Ok(()),
            At::Height(height) if height > self.height => {
                Err(ReadError::NotYet { head: self.height })
            }
            At::Hash(hash) if hash == self.block_hash => Ok(()),
            At::Height(_) | At::Hash(_) => Err(ReadError::HeadOnly { head: self.height }),
        }
    }
}
