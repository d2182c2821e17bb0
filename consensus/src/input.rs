//! What happens to the core.

use primitives::{
    CommitCertificate, ExecutionResult, Hash, Header, TimestampMs, ValidatorIndex, View,
};

use crate::effect::Payload;
use crate::message::Message;

/// The time of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The wall clock, for block timestamps; may jump.
    pub wall: TimestampMs,
    /// Milliseconds on a clock that never goes back, for timers.
    pub uptime_ms: u64,
}

/// One event. Everything that the core learns comes through one of these.
#[derive(Clone, Debug)]
pub enum Input {
    /// The first input after construction: sends what recovery found.
    Start,
    /// A message from a validator; the transport has made sure who sent it.
    Message { from: ValidatorIndex, message: Message },
    /// A validator became reachable or unreachable.
    Peer { peer: ValidatorIndex, connected: bool },
    /// Answer to [`crate::Effect::CheckPayload`]: every batch is held, valid, and will be in the log before what
    /// this step persists.
    PayloadReady { block: Hash },
    /// Answer to [`crate::Effect::CheckPayload`], and again when it changes: a batch of this author is missing, and
    /// fetched.
    PayloadMissing { block: Hash, author: ValidatorIndex },
    /// Answer to [`crate::Effect::CheckPayload`]: a batch is invalid, so the block can never be prepared.
    PayloadInvalid { block: Hash },
    /// Answer to [`crate::Effect::Execute`].
    Executed { block: Hash, result: ExecutionResult },
    /// Answer to [`crate::Effect::BuildPayload`].
    Payload { view: View, payload: Payload },
    /// Whether the mempool holds something that no block of the current chain orders.
    Work(bool),
    /// Blocks from catch-up, ascending, and the certificate of the last. Their batches are held.
    Chain { headers: Vec<Header>, certificate: CommitCertificate },
    /// A validator sent what no honest one sends, in a message that is not for consensus.
    Misbehaved { peer: ValidatorIndex, what: &'static str },
    /// The moment that [`crate::Core::deadline_ms`] named has come.
    Tick,
}
