//! What happens to a replica.

use std::sync::Arc;

use primitives::batch::BatchError;
use primitives::{
    ExecutionResult, Hash, Header, Receipt, SignedBatch, SignedTransaction, ValidatorIndex,
    Verified,
};

use crate::message::Message;

/// Names a request of this node's own RPC, so that its answer finds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// A committed block's batches and receipts; these in the order of its transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedReceipts {
    pub header: Header,
    pub batches: Vec<Arc<SignedBatch>>,
    pub receipts: Vec<Receipt>,
}

/// One event.
#[derive(Debug)]
pub enum Event {
    /// The first, after construction.
    Start,
    /// A message from a validator, as the transport names it.
    Message {
        from: ValidatorIndex,
        message: Message,
    },
    /// A validator sent bytes that are no message.
    Unreadable {
        from: ValidatorIndex,
    },
    /// A batch that gossip brought. Who forwarded it need not have made or checked it.
    Gossip {
        from: ValidatorIndex,
        batch: SignedBatch,
    },
    /// Answer to [`crate::Action::Verify`].
    Verified {
        digest: Hash,
        batch: Result<Verified<SignedBatch>, BatchError>,
    },
    Peer {
        peer: ValidatorIndex,
        connected: bool,
    },
    /// A transaction of this node's own clients.
    Transaction {
        request: RequestId,
        transaction: Verified<SignedTransaction>,
    },
    /// Whether transactions of own clients may be packed into batches: not while the node's disk is nearly full. It
    /// votes, and orders the batches of others, either way.
    Packing {
        allowed: bool,
    },
    /// Answer to [`crate::Action::Execute`].
    Executed {
        block: Hash,
        result: ExecutionResult,
    },
    /// Answer to [`crate::Action::Commit`]: the blocks are on disk.
    Committed {
        blocks: Vec<CommittedReceipts>,
    },
    /// The moment that [`crate::Replica::deadline_ms`] named has come.
    Tick,
}
