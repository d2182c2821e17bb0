//! Consensus, mempool and ledger as one synchronous machine: `on_event(now, event) → actions`.
//!
//! [`Replica`] decides on one thread; [`Ledger`] executes and commits on another, asked by [`Action::Execute`] and
//! [`Action::Commit`] and answering with events. Neither knows sockets, clocks or threads: the node drives them, and
//! so does the simulator.
//!
//! The way of a transaction: [`Event::Transaction`] → [`mempool`] → a signed batch ([`Action::Gossip`]) →
//! [`batches`] of every validator → a block's payload → [`Action::Execute`] → commit votes → [`Action::Commit`] →
//! [`Event::Committed`].

mod action;
mod batches;
mod catch_up;
mod event;
mod evidence;
mod ledger;
mod machine;
mod mempool;
mod message;
mod ordering;
mod payloads;
mod replay;
mod replica;
mod snapshots;
mod state_sync;
mod sync;
mod verifying;
mod vote_log;
mod withholders;

pub use action::Action;
pub use consensus::Now;
pub use event::{CommittedReceipts, Event, RequestId};
pub use ledger::{Ledger, LedgerView, genesis_block};
pub use machine::Machine;
pub use mempool::{Limits, Refusal};
pub use message::{BatchList, Class, Message, Range, SnapshotAnswer, SnapshotRequest, SyncBlocks};
pub use replay::{Replayed, replay};
pub use replica::{Options, Record, Replica};
pub use snapshots::{Offers, PackedPieces, Snapshots};
pub use state_sync::{Happening, Outcome, Progress, StateSync, StateSyncOptions, Step, Urgency};
pub use vote_log::{LogFiles, VoteLog, VoteLogError, VoteLogOptions};
