//! Consensus, mempool and ledger as one synchronous machine.
