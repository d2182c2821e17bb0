//! A block on its way: each transaction has its turn, in order.

use std::collections::BTreeMap;

use primitives::{Gas, Receipt, SignedTransaction, StateKey};

use super::{BlockContext, BlockOutcome, or_stop};
use crate::Storage;
use crate::cache::ModuleCache;
use crate::journal::Journal;
use crate::machine::Machine;

/// What the turns so far have left.
pub(crate) struct Turns<'a> {
    pub(crate) storage: &'a (dyn Storage + Sync),
    pub(crate) machine: Machine<'a>,
    receipts: Vec<Receipt>,
    gas_used: Gas,
}

impl<'a> Turns<'a> {
    pub(super) fn new(
        storage: &'a (dyn Storage + Sync),
        block: &'a BlockContext,
        modules: &'a ModuleCache,
    ) -> Self {
        let machine = Machine::new(Journal::new(storage), block, modules);
        Self { storage, machine, receipts: Vec::new(), gas_used: Gas::ZERO }
    }

    pub(crate) fn gas_used(&self) -> Gas {
        self.gas_used
    }

    pub(crate) fn gas_left(&self) -> Gas {
        self.machine.block.parameters.block_gas.saturating_sub(self.gas_used)
    }

    /// Executes the next transaction. The journal tells which keys it has written.
    pub(crate) fn take(&mut self, transaction: &SignedTransaction) {
        self.machine.journal.forget_written();
        let receipt = or_stop(self.machine.execute(transaction, self.gas_left()));
        self.count(receipt);
    }

    /// Takes the next transaction's turn as made, by a run that left this.
    pub(crate) fn adopt(&mut self, receipt: Receipt, changes: BTreeMap<StateKey, Option<Vec<u8>>>) {
        self.machine.journal.adopt(changes);
        self.count(receipt);
    }

    fn count(&mut self, receipt: Receipt) {
        self.gas_used = Gas(self.gas_used.0.saturating_add(receipt.gas_used.0));
        self.receipts.push(receipt);
    }

    pub(super) fn finish(self) -> BlockOutcome {
        let Self { machine, receipts, gas_used, .. } = self;
        BlockOutcome { receipts, changes: machine.journal.into_changes(), gas_used }
    }
}
