//! Executing blocks and answering queries.

mod admission;
mod transaction;
mod turns;

use std::collections::BTreeMap;
use std::sync::Arc;

use primitives::receipt::Status;
use primitives::{
    Address, ChainId, ChainParameters, Gas, Hash, Height, Receipt, SignedTransaction, StateKey,
    TimestampMs,
};

use crate::Storage;
use crate::cache::ModuleCache;
use crate::cost;
use crate::engine::{Artifacts, Compiler, Engine, Fatal, InProcess, Wasmer};
use crate::journal::Journal;
use crate::machine::{Ended, Entry, Invocation, Machine, Outcome, missing};
use crate::parallel::{self, Spread, Workers};
pub use admission::check_transaction;
pub(crate) use turns::Turns;

/// Everything outside of state and transactions that a block's results depend on.
#[derive(Clone, Debug)]
pub struct BlockContext {
    pub chain_id: ChainId,
    /// The genesis hash.
    pub chain: Hash,
    pub height: Height,
    /// The time that contracts see, and that expiries are compared with.
    pub timestamp: TimestampMs,
    pub parameters: ChainParameters,
}

/// How an executor shall be set up. Nothing in here shows in a result.
#[derive(Clone, Debug)]
pub struct ExecutorOptions {
    /// Bytes of compiled contracts kept in memory.
    pub cache_bytes_max: usize,
    /// Where compiled contracts are kept beyond the process.
    pub artifacts: Option<Arc<dyn Artifacts>>,
    /// Who compiles contracts.
    pub compiler: Arc<dyn Compiler>,
    /// How many threads execute a block, at most eight. As many as there are cores, but one below
    /// four, where the rest of a node needs them more.
    pub threads: usize,
}

impl Default for ExecutorOptions {
    fn default() -> Self {
        Self {
            cache_bytes_max: 256 << 20,
            artifacts: None,
            compiler: Arc::new(InProcess::default()),
            threads: parallel::threads_by_default(),
        }
    }
}

/// Runs blocks and queries. Holds nothing but a cache, so one serves many threads and any state.
///
/// The calling thread needs 2 MiB of stack: contracts that call each other stand on it, at most
/// [`primitives::limits::CALL_DEPTH_MAX`] deep. Blocks of more than a few transactions run on
/// further threads as well ([`ExecutorOptions::threads`]), which end with the executor.
pub struct Executor {
    modules: ModuleCache,
    workers: Workers,
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executor").finish_non_exhaustive()
    }
}

/// What came of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockOutcome {
    /// One for each transaction, in order.
    pub receipts: Vec<Receipt>,
    /// What the block writes, or removes (`None`; such a key need not have existed).
    pub changes: BTreeMap<StateKey, Option<Vec<u8>>>,
    pub gas_used: Gas,
}

/// A question to a contract.
#[derive(Clone, Debug)]
pub struct Query {
    pub contract: Address,
    /// Whom the contract sees as its caller; nobody has signed that.
    pub caller: Address,
    /// A query method's selector and parameters.
    pub arguments: Vec<u8>,
    pub gas_limit: Gas,
}

/// The answer to a [`Query`]. The status is never a rejection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryOutcome {
    pub status: Status,
    /// What the method returned, or the contract's encoded error when it reverted.
    pub output: Vec<u8>,
    pub gas_used: Gas,
}

impl Executor {
    pub fn new(options: ExecutorOptions) -> Self {
        let engine = Wasmer::new(Arc::clone(&options.compiler));
        Self::with_engine(options, Arc::new(engine))
    }

    /// One that runs contracts by another engine: for tests.
    pub fn with_engine(options: ExecutorOptions, engine: Arc<dyn Engine>) -> Self {
        let modules = ModuleCache::new(engine, options.artifacts, options.cache_bytes_max);
        Self { modules, workers: Workers::new(options.threads) }
    }

    /// Executes a block's transactions, whose signatures were checked. The outcome is that of one
    /// after the other, on however many threads they run.
    ///
    /// # Panics
    /// With the reason, when this node cannot go on: see the crate's documentation.
    pub fn execute_block<'t>(
        &self,
        storage: &(dyn Storage + Sync),
        block: &BlockContext,
        transactions: impl IntoIterator<Item = &'t SignedTransaction>,
    ) -> BlockOutcome {
        let transactions: Vec<_> = transactions.into_iter().collect();
        self.spread_block(&self.workers, &Spread::default(), storage, block, &transactions).0
    }

    /// As [`Self::execute_block`]; and the gas of the runs that did not count.
    pub(crate) fn spread_block(
        &self,
        workers: &Workers,
        spread: &Spread,
        storage: &(dyn Storage + Sync),
        block: &BlockContext,
        transactions: &[&SignedTransaction],
    ) -> (BlockOutcome, Gas) {
        let mut turns = Turns::new(storage, block, &self.modules);
        let wasted = parallel::execute(workers, spread, &mut turns, transactions);
        (turns.finish(), wasted)
    }

    /// Has code of the state compiled and kept before anybody calls it. False when it is kept
    /// already, cannot be compiled and so is interpreted, or finds no room.
    ///
    /// # Errors
    /// When this machine cannot do it now, or the state has no such code.
    pub fn prepare(&self, storage: &dyn Storage, code: &Hash) -> Result<bool, Fatal> {
        let load = || storage.get(&StateKey::code(code)).ok_or_else(|| missing(code));
        self.modules.prepare(code, load)
    }

    /// Asks a contract over a state, as if in the given block. Changes nothing.
    ///
    /// # Panics
    /// As [`Self::execute_block`].
    pub fn query(&self, storage: &dyn Storage, block: &BlockContext, query: Query) -> QueryOutcome {
        let mut machine = Machine::new(Journal::new(storage), block, &self.modules);
        machine.origin = query.caller;
        let limit = query.gas_limit.0;
        let Some(gas) = limit.checked_sub(cost::query(query.arguments.len())) else {
            let status = Status::Failed(primitives::receipt::Failure::OutOfGas);
            return QueryOutcome { status, output: Vec::new(), gas_used: query.gas_limit };
        };
        let outcome = or_stop(machine.invoke(Invocation {
            entry: Entry::Query,
            contract: query.contract,
            caller: query.caller,
            value: primitives::Amount::ZERO,
            input: query.arguments,
            is_static: true,
            gas,
        }));
        let gas_used = Gas(limit.saturating_sub(outcome.gas_left));
        let (status, output) = finish(outcome);
        QueryOutcome { status, output, gas_used }
    }
}

fn finish(outcome: Outcome) -> (Status, Vec<u8>) {
    let status = match outcome.ended {
        Ended::Returned => Status::Success,
        Ended::Reverted => Status::Reverted,
        Ended::Failed(failure) => Status::Failed(failure),
    };
    (status, outcome.output)
}

/// Stops the node: a result that only this machine has must not reach the others.
fn or_stop<T>(result: Result<T, Fatal>) -> T {
    match result {
        Ok(value) => value,
        Err(Fatal(reason)) => panic!("contracts cannot be executed on this node: {reason}"),
    }
}
