//! Blocks of transfers on the real state: executed over `quorate-state`, their root computed, and committed with their
//! transactions, receipts and a certificate that nobody signed. What the node's ledger does, on one thread.

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use primitives::certificate::Signatures;
use primitives::codec::FormatVersion;
use primitives::state_key::{Direction, KeyVisitor};
use primitives::{
    Batch, CommitCertificate, Epoch, ExecutionResult, Hash, Header, Receipt, Signature,
    SignedBatch, SignedTransaction, StateKey, TimestampMs, ValidatorIndex, limits, merkle,
};
use state::{Changes, CommittedBlock, GenesisBlock, State, StateView};

use crate::contenders::ours::{Holders, check, key_of};
use crate::machine::Processors;
use crate::race::Plan;
use crate::results::{self, median};
use crate::store::Store;
use crate::workload::{Model, Workload};

/// The state as contracts see it.
struct View(StateView);

impl vm::Storage for View {
    fn get(&self, key: &StateKey) -> Option<Vec<u8>> {
        self.0.get(key)
    }

    fn walk(&self, range: &Range<StateKey>, direction: Direction, visit: KeyVisitor<'_>) {
        self.0.walk(range, direction, visit);
    }
}

/// What the parts of a block took.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    execute: Duration,
    root: Duration,
    commit: Duration,
}

/// Executes and commits blocks of each size, so many transfers of each, in a directory that goes afterwards.
pub fn run(
    plan: &Plan,
    directory: &Path,
    blocks: &[usize],
    transfers: usize,
    sink: crate::race::Sink<'_>,
) -> Result<()> {
    std::fs::create_dir_all(directory)?;
    for block in blocks {
        let scratch = tempfile::Builder::new().prefix("quorate-bench-").tempdir_in(directory)?;
        let count = transfers.div_ceil(*block);
        sink(results::Row::State(measure(plan, scratch.path(), *block, count)?))?;
    }
    Ok(())
}

fn measure(plan: &Plan, directory: &Path, size: usize, count: usize) -> Result<results::State> {
    // What the holders begin with is the genesis.
    let mut store = Store::default();
    let mut holders = Holders::new(&mut store, plan.accounts)?;
    let mut changes = Changes::new();
    for (key, value) in store.iter() {
        changes.insert(key_of(key)?, Some(value.to_vec()));
    }
    let genesis = GenesisBlock {
        header: Header::genesis(holders.chain.block.chain, TimestampMs(0)),
        genesis_hash: holders.chain.block.chain,
        changes,
        next_validators: Hash::ZERO,
    };
    let state = State::open(directory, &genesis)?;
    let mut workload = Workload::new(plan.accounts, plan.seed);
    let mut model = Model::new(plan.accounts);
    let (mut times, before) = (Vec::new(), Processors::now()?);
    // The first block warms up.
    for number in 0..=count {
        let transfers = workload.next(size);
        model.apply(&transfers)?;
        let transactions: Result<Vec<_>> =
            transfers.iter().map(|transfer| holders.transaction(transfer)).collect();
        let took = block(&state, &holders, transactions?)?;
        if number > 0 {
            times.push(took);
        }
    }
    let others = Processors::now()?.others_since(&before);
    let view = View(state.view(None));
    for (account, expected) in model.balances() {
        let stored = holders.stored(&view, account)?;
        anyhow::ensure!(stored == expected, "account {account} holds {stored}, not {expected}");
    }
    anyhow::ensure!(holders.supply(&view)? == model.supply(), "the supply has changed");
    let of = |part: fn(&Times) -> Duration| -> Vec<f64> {
        times.iter().map(|times| part(times).as_secs_f64() * 1e3).collect()
    };
    let whole = of(|times| times.execute + times.root + times.commit);
    let executed = of(|times| times.execute);
    let per_s = |ms: &[f64]| (size * times.len()) as f64 * 1e3 / ms.iter().sum::<f64>();
    Ok(results::State {
        block: size,
        blocks: count,
        per_s: per_s(&whole),
        executed_per_s: per_s(&executed),
        execute_ms: median(&executed),
        root_ms: median(&of(|times| times.root)),
        commit_ms: median(&of(|times| times.commit)),
        whole_ms: median(&whole),
        others,
    })
}

/// One block: the batches are made beforehand, as they have come when a block is executed.
fn block(state: &State, holders: &Holders, transactions: Vec<SignedTransaction>) -> Result<Times> {
    let parent = state.head().header;
    let batches = batches(transactions);
    let header = Header {
        version: FormatVersion::V1,
        epoch: Epoch::ZERO,
        view: parent.view.next(),
        height: parent.height.next(),
        parent: parent.hash(),
        parent_view: parent.view,
        payload: batches.iter().map(SignedBatch::reference).collect(),
        timestamp: parent.timestamp.plus(1),
        proposer: ValidatorIndex(0),
    };
    let began = Instant::now();
    let view = View(state.view(None));
    let transactions = batches.iter().flat_map(|batch| &batch.batch.transactions);
    let outcome = holders.chain.executor.execute_block(&view, &holders.chain.block, transactions);
    let execute = began.elapsed();
    check(&outcome.receipts)?;
    let began = Instant::now();
    let leaves: Vec<Hash> = outcome.receipts.iter().map(Receipt::hash).collect();
    let overlay = state.overlay(None, header.height, outcome.changes);
    let result = ExecutionResult {
        height: header.height,
        state_root: overlay.root(),
        receipts_root: merkle::root(&leaves),
        next_validators: Hash::ZERO,
    };
    let root = began.elapsed();
    let certificate = CommitCertificate {
        epoch: Epoch::ZERO,
        view: header.view,
        block: header.hash(),
        result,
        signatures: Signatures(Vec::new()),
    };
    let receipts = outcome.receipts;
    let certificate = Some(certificate);
    let block = CommittedBlock { header, batches, receipts, result, overlay, certificate };
    let began = Instant::now();
    state.commit(vec![block])?;
    Ok(Times { execute, root, commit: began.elapsed() })
}

/// As large as the protocol has them, unsigned.
fn batches(transactions: Vec<SignedTransaction>) -> Vec<SignedBatch> {
    let parts = transactions.chunks(limits::BATCH_TRANSACTIONS_MAX / 4);
    let batch = |(sequence, part): (u64, &[SignedTransaction])| SignedBatch {
        batch: Batch {
            version: FormatVersion::V1,
            author: ValidatorIndex(0),
            sequence,
            transactions: part.to_vec(),
            system: Vec::new(),
        },
        signature: Signature([0; 64]),
    };
    (0..).zip(parts).map(batch).collect()
}
