//! What the core wants done.

use primitives::{BatchRef, CommitCertificate, Hash, Header, SignedBatch, ValidatorIndex, View};

use crate::evidence::Evidence;
use crate::message::{Message, TimeoutReason};
use crate::record::Record;

/// What a new block orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// In the order of execution.
    pub batches: Vec<BatchRef>,
    /// Those small enough to ride inside the proposal.
    pub inline: Vec<SignedBatch>,
}

/// One thing to do. The order in which a step returns them is the order in which they take effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Append to the vote log. Nothing after it may leave before it is synced.
    Persist(Record),
    Send {
        to: ValidatorIndex,
        message: Message,
    },
    /// To every other validator.
    Broadcast(Message),
    /// See that the block's batches are held and valid; fetch what is missing from its author, its proposer and
    /// then others. `inline` came with the proposal.
    CheckPayload {
        header: Header,
        inline: Vec<SignedBatch>,
    },
    /// Choose what a block on `parent` orders, at once.
    BuildPayload {
        view: View,
        parent: Hash,
    },
    /// Execute on the parent's result. Parents come before children.
    Execute {
        header: Header,
    },
    /// Final: commit these, ascending, each executed. The certificate is the last one's.
    Commit {
        blocks: Vec<Header>,
        certificate: CommitCertificate,
    },
    /// These blocks can never be committed; forget their results.
    Discard {
        blocks: Vec<Hash>,
    },
    /// A commit certificate is known whose block does not connect to what is held: fetch the range.
    CatchUp {
        certificate: CommitCertificate,
    },
    /// A validator signed two things that no honest one signs together.
    Evidence(Evidence),
    /// A peer sent what no honest validator sends, and is banned; for the log.
    Misbehaviour {
        peer: ValidatorIndex,
        what: &'static str,
    },
    /// For the log.
    EnteredView {
        view: View,
        leader: ValidatorIndex,
        after_timeout: bool,
    },
    /// f+1 validators, so an honest one, gave the view up because they lacked a batch of this author.
    BatchWithheld {
        view: View,
        leader: ValidatorIndex,
        author: ValidatorIndex,
    },
    /// For the log: this node gave the view up.
    TimedOut {
        view: View,
        reason: TimeoutReason,
    },
    /// A broken invariant: stop the process and say why.
    Stop {
        reason: String,
    },
}
