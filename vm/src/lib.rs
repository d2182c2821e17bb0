//! The state transition: transactions, gas, WebAssembly contracts.
//!
//! - [`Executor`] runs blocks and queries over a [`Storage`]. Blocks in, receipts and changes out;
//!   no clock, no disk, no randomness, nothing that differs between machines. `parallel` spreads a
//!   block over threads, with the same result.
//! - [`check_code`] is the rule of what may be uploaded; `instrument` writes gas and stack depth
//!   into what passed it; [`engine`] has that compiled, or interprets it; `host` is what a contract
//!   can ask for (the interface is described in [`abi::host`]); `cost` is the table of prices.
//! - [`check_transaction`] and [`intrinsic_gas`] are the rules of admission, shared with the
//!   mempool.
//!
//! The crate does not know how the state is kept and proven, nor who ordered the transactions.
//!
//! Two kinds of ends are kept apart: what a transaction brought on itself is a [`Status`] in its
//! receipt, the same on every machine; what is wrong with this machine (no memory, an unreadable
//! record) is a panic with the reason, and must stop the node. A compiler that fails is neither:
//! what it does not manage is interpreted, with the same result.
//!
//! [`Status`]: primitives::Status

mod cache;
pub mod cost;
pub mod engine;
mod executor;
mod fetch;
mod genesis;
mod host;
pub mod instrument;
mod journal;
mod layers;
pub mod limits;
mod machine;
mod module;
mod operators;
mod panics;
mod parallel;
mod run;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod trap;
mod validate;

use std::collections::BTreeMap;
use std::ops::Range;

pub use cost::{CostMismatch, CostTable, VERSION as COST_VERSION, intrinsic_gas};
pub use executor::{
    BlockContext, BlockOutcome, Executor, ExecutorOptions, Query, QueryOutcome, check_transaction,
};
pub use genesis::{COSTS_KEY, PARAMETERS_KEY, VALIDATORS_KEY, genesis_changes};
pub use host::{FUNCTIONS as HOST_FUNCTIONS, HostCalls, HostFunction, ValueType};
pub use layers::walk_changed;
pub use machine::contract_address;
pub use module::{code_changes, entry_gas};
pub use panics::holds_panics;
pub use validate::{Reason, Refusal, check_code, compile_gas};

use primitives::StateKey;
use primitives::state_key::{Direction, KeyVisitor};

/// The state below a block. Reading cannot fail: a store that cannot read must stop the node.
pub trait Storage {
    fn get(&self, key: &StateKey) -> Option<Vec<u8>>;

    /// Visits the keys of a range, with their values, until the visitor breaks.
    fn walk(&self, range: &Range<StateKey>, direction: Direction, visit: KeyVisitor<'_>);
}

impl Storage for BTreeMap<StateKey, Vec<u8>> {
    fn get(&self, key: &StateKey) -> Option<Vec<u8>> {
        Self::get(self, key).cloned()
    }

    fn walk(&self, range: &Range<StateKey>, direction: Direction, visit: KeyVisitor<'_>) {
        if range.is_empty() {
            return;
        }
        let entries = self.range(range.clone());
        let mut visit = |(key, value): (&StateKey, &Vec<u8>)| visit(key.clone(), value.clone());
        let _ = match direction {
            Direction::Ascending => entries.into_iter().try_for_each(&mut visit),
            Direction::Descending => entries.rev().try_for_each(&mut visit),
        };
    }
}
