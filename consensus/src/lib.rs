//! Chained PBFT: PBFT's two voting phases (prepare, commit) on a HotStuff-style chain of certificates, in the
//! Simplex form (Chan & Pass 2023, eprint 2023/463).
//!
//! # The protocol
//!
//! n validators, f = ⌊(n−1)/3⌋ of them faulty, quorum q = n − f. Views are attempts; each has one leader.
//!
//! * **Propose(b, v).** leader(v) broadcasts a block with its justification: the parent's certificate, and a
//!   timeout certificate for every view between the parent's and v. ([`Core`], `propose.rs`)
//! * **Prepare(b, v).** Signed when v is the current view, b the first proposal of leader(v), its justification
//!   verifies, its timestamp is after the parent's and not ahead of the own clock by more than the drift allowed,
//!   the whole valid payload is held, and neither prepare nor timeout was signed in v. (`prepare.rs`, [`safety`])
//! * **Prepare certificate**: q prepares. Enter v+1. Execute b on its parent's result. (`certify.rs`)
//! * **Commit(b, v, result).** After executing, unless timeout(v) was signed. It may be signed after v was left:
//!   timeout(v) is never signed for a view that was left. (`commit.rs`)
//! * **Commit certificate**: q commits over one result. Final: b and all its ancestors, oldest first, each once.
//! * **Timeout(v, prepared or none).** When the leader or the view is late, the leader is silent while a quorum is
//!   active, or f+1 others timed out. Never after commit(v). q of them: timeout certificate, enter v+1. (`view.rs`)
//!
//! # Why it is safe
//!
//! No honest validator signs both commit(v) and timeout(v), so a view with a commit certificate has no timeout
//! certificate and cannot be skipped by a justification. Two prepare certificates in one view would share an honest
//! voter, who signs one prepare a view. So every later justified block extends the committed one. No lock outlives
//! a view: what a validator must never forget is what it signed in the views above the last committed one, and
//! that is on disk before it leaves ([`Record`]). Who has lost that comes back by `rejoin.rs`.
//!
//! # Deviations from the paper
//!
//! * Commit votes sign the execution's result with the block, so a certificate proves the state too.
//! * f+1 timeouts for the current view are joined at once (Bracha amplification). A timeout can always be signed
//!   when commit was not, so this is safe; it spares a recovered quorum the slowest member's timer.
//! * Certificates are not rebroadcast. A timeout for a view that was left is answered with what lets its sender
//!   leave it too, and a timeout vote tells the sender's last committed view, so that a missed commit certificate
//!   is answered as well.
//! * A leader without anything to order waits; timers run only while something is to be ordered or finished.
//!
//! # Shape
//!
//! [`Core::step`] is the only way in: `(now, input) → effects`, without sockets, clock, threads, disk or chance.
//! Effects are in order: what follows a [`Effect::Persist`] may leave only after that record is synced.
//!
//! Another validator set would be another epoch ([`primitives::SigningContext`]); today there is one.

mod certify;
mod commit;
mod conduct;
mod core;
mod effect;
pub mod evidence;
mod fetch;
mod input;
pub mod leader;
mod message;
mod pacemaker;
mod prepare;
mod propose;
mod record;
mod recovery;
mod rejoin;
mod resend;
mod round;
pub mod rules;
pub mod safety;
mod status;
mod tree;
mod view;
mod votes;
mod witness;

pub use crate::core::{Config, Core};
pub use conduct::{Ban, Cost};
pub use effect::{Effect, Payload};
pub use evidence::Evidence;
pub use input::{Input, Now};
pub use message::{Certificate, Message, TimeoutReason};
pub use record::Record;
pub use recovery::{Committed, Memory};
pub use rejoin::Rejoin;
pub use rules::Rule;
pub use status::{ResultGroup, Status, TimedOut, Waiting};
