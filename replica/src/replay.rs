//! A block executed step by step, for whoever asks which transaction did what. Execution proper is
//! in `ledger.rs`; this one is for finding out why two results differ.

use std::collections::BTreeMap;
use std::ops::Range;

use primitives::state_key::{Direction, KeyVisitor};
use primitives::{Gas, Genesis, Hash, Header, SignedBatch, SigningContext, StateKey};
use state::Changes;
use vm::Executor;

use crate::evidence;
use crate::ledger::block_context;

/// What one transaction of a block changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// None: the block's system actions, which come last.
    pub transaction: Option<Hash>,
    pub changes: Changes,
}

/// Executes a block's transactions one after the other on the state before it.
pub fn replay(
    executor: &Executor,
    genesis: &Genesis,
    header: &Header,
    batches: &[SignedBatch],
    before: &(dyn vm::Storage + Sync),
) -> Vec<Replayed> {
    let mut context = block_context(genesis, header);
    let mut so_far = SoFar { before, changes: BTreeMap::new() };
    let mut steps = Vec::new();
    for signed in batches.iter().flat_map(|batch| &batch.batch.transactions) {
        let outcome = executor.execute_block(&so_far, &context, [signed]);
        let left = context.parameters.block_gas.0.saturating_sub(outcome.gas_used.0);
        context.parameters.block_gas = Gas(left);
        so_far.changes.extend(outcome.changes.clone());
        steps.push(Replayed { transaction: Some(signed.hash()), changes: outcome.changes });
    }
    let mut changes = Changes::new();
    let signing = SigningContext { chain: context.chain, epoch: header.epoch };
    if let Ok(validators) = genesis.validator_set() {
        for action in batches.iter().flat_map(|batch| &batch.batch.system) {
            let read = |key: &StateKey| vm::Storage::get(&so_far, key);
            let written = evidence::apply(action, header.height, &signing, &validators, read);
            let written: Changes = written.into_iter().map(|(key, new)| (key, Some(new))).collect();
            so_far.changes.extend(written.clone());
            changes.extend(written);
        }
    }
    steps.push(Replayed { transaction: None, changes });
    steps
}

/// The state before the block, and what was changed since.
struct SoFar<'a> {
    before: &'a (dyn vm::Storage + Sync),
    changes: BTreeMap<StateKey, Option<Vec<u8>>>,
}

impl vm::Storage for SoFar<'_> {
    fn get(&self, key: &StateKey) -> Option<Vec<u8>> {
        match self.changes.get(key) {
            Some(changed) => changed.clone(),
            None => self.before.get(key),
        }
    }

    fn walk(&self, range: &Range<StateKey>, direction: Direction, visit: KeyVisitor<'_>) {
        let below = |visit: KeyVisitor<'_>| self.before.walk(range, direction, visit);
        vm::walk_changed(&self.changes, below, (range, direction), visit);
    }
}
