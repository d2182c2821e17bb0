//! What a replica wants done.

use std::sync::Arc;

use consensus::{Evidence, TimeoutReason};
use primitives::{CommitCertificate, Hash, Header, Height, SignedBatch, ValidatorIndex, View};

use crate::event::RequestId;
use crate::mempool::Refusal;
use crate::message::{Message, Range, SnapshotRequest};
use crate::replica::Record;

/// One thing to do. Order matters: what follows a [`Action::Persist`] may leave only after that record is synced,
/// and execution, commits and discards happen in the order in which they are asked.
#[derive(Debug)]
pub enum Action {
    /// Append to the vote log.
    Persist(Record),
    Send {
        to: ValidatorIndex,
        message: Message,
    },
    /// To every other validator, directly.
    Broadcast(Message),
    /// To every other validator, by gossip.
    Gossip(SignedBatch),
    /// Check a batch's signatures, off this thread; answered by [`crate::Event::Verified`].
    Verify(SignedBatch),
    /// Execute a block on its parent's result; answered by [`crate::Event::Executed`].
    Execute {
        header: Header,
        batches: Vec<Arc<SignedBatch>>,
    },
    /// Write blocks, ascending, in one synced write; answered by [`crate::Event::Committed`].
    Commit {
        blocks: Vec<Header>,
        certificate: CommitCertificate,
    },
    /// Forget what executing these gave.
    Discard {
        blocks: Vec<Hash>,
    },
    /// Read these committed blocks and send them, off this thread; see [`crate::LedgerView::sync`].
    ServeSync {
        to: ValidatorIndex,
        range: Range,
    },
    /// Answer this sound request, off this thread and at leisure; see [`crate::Snapshots::answer`].
    ServeSnapshot {
        to: ValidatorIndex,
        request: SnapshotRequest,
    },
    /// All who could send the next block have pruned it: nothing but a snapshot brings this node on.
    NeedsSnapshot {
        /// The lowest block that one of them keeps.
        floor: Height,
    },
    /// To a request of the own RPC: admitted under this hash, or why not.
    Reply {
        request: RequestId,
        answer: Result<Hash, Refusal>,
    },
    /// The rest is for the log and for counters.
    Evidence(Evidence),
    Misbehaviour {
        peer: ValidatorIndex,
        what: &'static str,
    },
    /// This author's batches were missing where they should not be: for a while they are carried, not named.
    Withholder {
        author: ValidatorIndex,
        view: View,
    },
    EnteredView {
        view: View,
        leader: ValidatorIndex,
        after_timeout: bool,
    },
    TimedOut {
        view: View,
        reason: TimeoutReason,
    },
    /// A broken invariant: stop the process and say why.
    Stop {
        reason: String,
    },
}
