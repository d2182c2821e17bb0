//! Executing and committing blocks. Lives on its own thread in the node; asked in order, it answers in order.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use primitives::state_key::{Direction, KeyVisitor};
use primitives::{
    CommitCertificate, ExecutionResult, Genesis, Hash, Header, Receipt, SignedBatch,
    SigningContext, StateKey, ValidatorSet, codec, limits, merkle,
};
use state::{CommitError, CommittedBlock, GenesisBlock, Overlay, State, StateView};
use vm::engine::Fatal;
use vm::{BlockContext, Executor};

use crate::event::CommittedReceipts;
use crate::evidence;
use crate::message::{self, SyncBlocks};
use crate::snapshots::Snapshots;

/// What an executed, uncommitted block left.
#[derive(Debug)]
struct Executed {
    header: Header,
    batches: Vec<Arc<SignedBatch>>,
    receipts: Vec<Receipt>,
    result: ExecutionResult,
    overlay: Arc<Overlay>,
}

/// The chain's state, and overlays for the blocks above it.
#[derive(Debug)]
pub struct Ledger {
    state: State,
    executor: Arc<Executor>,
    chain: GenesisFacts,
    snapshots: Snapshots,
    executed: BTreeMap<Hash, Executed>,
}

/// What execution needs of the genesis.
#[derive(Clone, Debug)]
struct GenesisFacts {
    /// The context of the genesis block; later ones differ in height and time.
    context: BlockContext,
    validators: ValidatorSet,
}

impl GenesisFacts {
    fn of(genesis: &Genesis) -> Self {
        let validators = match genesis.validator_set() {
            Ok(set) => set,
            Err(error) => panic!("a genesis is checked before a ledger stands on it: {error}"),
        };
        Self { context: block_context(genesis, &genesis.header()), validators }
    }

    fn block(&self, header: &Header) -> BlockContext {
        let (height, timestamp) = (header.height, header.timestamp);
        BlockContext { height, timestamp, ..self.context.clone() }
    }
}

/// What a transaction sees of the block that it is in.
pub(crate) fn block_context(genesis: &Genesis, header: &Header) -> BlockContext {
    BlockContext {
        chain_id: genesis.chain_id.clone(),
        chain: genesis.hash(),
        height: header.height,
        timestamp: header.timestamp,
        parameters: genesis.parameters.clone(),
    }
}

/// What the state store writes at height 0.
pub fn genesis_block(genesis: &Genesis) -> GenesisBlock {
    let facts = GenesisFacts::of(genesis);
    GenesisBlock {
        header: genesis.header(),
        genesis_hash: facts.context.chain,
        changes: vm::genesis_changes(genesis),
        next_validators: facts.validators.hash(),
    }
}

impl Ledger {
    pub fn new(state: State, executor: Arc<Executor>, genesis: &Genesis) -> Self {
        Self::with_snapshots(state, executor, genesis, 0)
    }

    /// One that takes a snapshot for others every so many blocks; none when 0.
    pub fn with_snapshots(
        state: State,
        executor: Arc<Executor>,
        genesis: &Genesis,
        every: u64,
    ) -> Self {
        let chain = GenesisFacts::of(genesis);
        let snapshots = Snapshots::new(state.clone(), chain.validators.len(), every);
        Self { state, executor, chain, snapshots, executed: BTreeMap::new() }
    }

    /// A reader of the same state, for other threads.
    pub fn view(&self) -> LedgerView {
        LedgerView {
            state: self.state.clone(),
            executor: Arc::clone(&self.executor),
            chain: self.chain.clone(),
            snapshots: self.snapshots.clone(),
        }
    }

    /// Executes a block on its parent's result, which is the head's or an executed block's.
    ///
    /// # Panics
    /// When the parent is neither: consensus asks in order.
    pub fn execute(&mut self, header: Header, batches: Vec<Arc<SignedBatch>>) -> ExecutionResult {
        let hash = header.hash();
        let parent = self.executed.get(&header.parent).map(|executed| &executed.overlay);
        assert!(
            parent.is_some() || self.state.head().hash == header.parent,
            "block {hash} is executed before its parent"
        );
        let storage = Storage(self.state.view(parent));
        let transactions = batches.iter().flat_map(|batch| &batch.batch.transactions);
        let mut outcome =
            self.executor.execute_block(&storage, &self.chain.block(&header), transactions);
        let context = SigningContext { chain: self.chain.context.chain, epoch: header.epoch };
        for action in batches.iter().flat_map(|batch| &batch.batch.system) {
            let read = |key: &StateKey| match outcome.changes.get(key) {
                Some(change) => change.clone(),
                None => vm::Storage::get(&storage, key),
            };
            let validators = &self.chain.validators;
            let written = evidence::apply(action, header.height, &context, validators, read);
            outcome.changes.extend(written.into_iter().map(|(key, value)| (key, Some(value))));
        }
        let leaves: Vec<Hash> = outcome.receipts.iter().map(Receipt::hash).collect();
        let overlay = self.state.overlay(parent, header.height, outcome.changes);
        let result = ExecutionResult {
            height: header.height,
            state_root: overlay.root(),
            receipts_root: merkle::root(&leaves),
            next_validators: self.chain.validators.hash(),
        };
        let receipts = outcome.receipts;
        self.executed.insert(hash, Executed { header, batches, receipts, result, overlay });
        result
    }

    /// Writes executed blocks, ascending, in one synced write.
    ///
    /// # Panics
    /// When one was not executed: consensus commits only what was.
    pub fn commit(
        &mut self,
        blocks: &[Header],
        certificate: &CommitCertificate,
    ) -> Result<Vec<CommittedReceipts>, CommitError> {
        let mut committed = Vec::with_capacity(blocks.len());
        let mut answers = Vec::with_capacity(blocks.len());
        for header in blocks {
            let hash = header.hash();
            let Some(executed) = self.executed.remove(&hash) else {
                panic!("block {hash} is committed before it is executed");
            };
            answers.push(CommittedReceipts {
                header: executed.header.clone(),
                batches: executed.batches.clone(),
                receipts: executed.receipts.clone(),
            });
            committed.push(CommittedBlock {
                header: executed.header,
                batches: executed.batches.iter().map(|batch| (**batch).clone()).collect(),
                receipts: executed.receipts,
                result: executed.result,
                overlay: executed.overlay,
                certificate: (certificate.block == hash).then(|| certificate.clone()),
            });
        }
        let before = self.state.head().header.height;
        self.state.commit(committed)?;
        self.snapshots.committed(before);
        Ok(answers)
    }

    /// Forgets blocks that can never be committed.
    pub fn discard(&mut self, blocks: &[Hash]) {
        self.executed.retain(|hash, _| !blocks.contains(hash));
    }
}

/// Reads of committed state, from any thread.
#[derive(Clone, Debug)]
pub struct LedgerView {
    state: State,
    executor: Arc<Executor>,
    chain: GenesisFacts,
    snapshots: Snapshots,
}

impl LedgerView {
    pub fn state(&self) -> &State {
        &self.state
    }

    pub fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    /// Runs a contract's query on the head, as if in a block of the head's height and time.
    pub fn query(&self, query: vm::Query) -> (state::Head, vm::QueryOutcome) {
        let (head, view) = loop {
            let (head, view) = (self.state.head(), self.state.view(None));
            // A commit between the two would answer for the wrong block.
            if self.state.head().hash == head.hash {
                break (head, view);
            }
        };
        let outcome = self.query_in(&head.header, view, query);
        (head, outcome)
    }

    /// Runs a contract's query on the state after a committed block, as if in that block.
    pub fn query_in(&self, header: &Header, view: StateView, query: vm::Query) -> vm::QueryOutcome {
        self.executor.query(&Storage(view), &self.chain.block(header), query)
    }

    /// The hashes of all code that contracts have, or can be made of.
    pub fn codes(&self) -> Vec<Hash> {
        let mut codes = Vec::new();
        self.state.view(None).walk(&StateKey::code_infos(), Direction::Ascending, &mut |key, _| {
            codes.extend(key.key.try_into().map(Hash));
            ControlFlow::Continue(())
        });
        codes
    }

    /// As [`Executor::prepare`]: a node that came by its state otherwise than by executing blocks would compile its
    /// contracts in their first calls.
    ///
    /// # Errors
    /// When this machine cannot do it now.
    pub fn prepare(&self, code: &Hash) -> Result<bool, Fatal> {
        self.executor.prepare(&Storage(self.state.view(None)), code)
    }

    /// The answer to a catch-up request: blocks from the first on, up to the last that has a certificate and is within
    /// the range and the caps of an answer; or else to the first certificate above, with the headers alone of what is
    /// too much for one answer. `None` when there is none.
    pub fn sync(&self, range: message::Range) -> Option<SyncBlocks> {
        let (mut blocks, mut above) = (Vec::new(), Vec::new());
        let mut certified: Option<(usize, CommitCertificate)> = None;
        let mut bytes = 0;
        let mut height = range.first;
        while let Some(stored) = self.state.block(height) {
            bytes += codec::encode(&stored.batches).len();
            let full = height > range.last
                || blocks.len() >= limits::SYNC_BLOCKS_MAX
                || bytes > limits::SYNC_BYTES_MAX;
            if full && certified.is_some() {
                break;
            }
            if bytes <= limits::SYNC_BYTES_MAX || blocks.is_empty() {
                blocks.push((stored.header, stored.batches));
            } else {
                above.push(stored.header);
            }
            if let Some(certificate) = stored.certificate {
                certified = Some((blocks.len(), certificate));
            }
            height = height.next();
        }
        let (count, certificate) = certified?;
        blocks.truncate(count);
        Some(SyncBlocks { blocks, above, certificate })
    }
}

/// The state as contracts see it.
struct Storage(StateView);

impl vm::Storage for Storage {
    fn get(&self, key: &StateKey) -> Option<Vec<u8>> {
        self.0.get(key)
    }

    fn walk(&self, range: &Range<StateKey>, direction: Direction, visit: KeyVisitor<'_>) {
        self.0.walk(range, direction, visit);
    }
}
