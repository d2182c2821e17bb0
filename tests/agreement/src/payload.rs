//! The stub for payload and execution: batches are names, a result is the hash of the parent's and the block.

use std::collections::{BTreeMap, BTreeSet};

use primitives::{BatchRef, Domain, ExecutionResult, Hash, Header, ValidatorIndex};

/// The batch with this number, by its author.
pub fn batch(number: u64, author: ValidatorIndex) -> BatchRef {
    BatchRef { author, digest: Hash::of_bytes(Domain::Batch, &number.to_le_bytes()) }
}

/// What a block orders.
pub fn ordered(header: &Header) -> impl Iterator<Item = BatchRef> + '_ {
    header.payload.iter().copied()
}

/// What executing a block on its parent's result gives. `wrong` gives something else.
pub fn execute(header: &Header, block: &Hash, parent: &Hash, wrong: bool) -> ExecutionResult {
    let state_root = Hash::of_parts(Domain::StateValue, &[&parent.0, &block.0, &[u8::from(wrong)]]);
    ExecutionResult {
        height: header.height,
        state_root,
        receipts_root: Hash::ZERO,
        next_validators: Hash::ZERO,
    }
}

/// Which payloads a Byzantine proposer holds back or fills with garbage.
#[derive(Debug, Default)]
pub struct Payloads {
    /// Blocks whose payload only some validators got, as a bit each.
    withheld: BTreeMap<Hash, u128>,
    invalid: BTreeSet<Hash>,
}

impl Payloads {
    pub fn withhold(&mut self, block: Hash, given: u128) {
        self.withheld.insert(block, given);
    }

    pub fn spoil(&mut self, block: Hash) {
        self.invalid.insert(block);
    }

    pub fn is_invalid(&self, block: &Hash) -> bool {
        self.invalid.contains(block)
    }

    /// Whether the proposer gave this validator the payload.
    pub fn is_given(&self, block: &Hash, validator: u128) -> bool {
        self.withheld.get(block).is_none_or(|given| given & validator != 0)
    }
}
