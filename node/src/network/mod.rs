//! The validators' network: libp2p over noise-encrypted TCP and over QUIC.
//!
//! Votes, certificates, proposals, requests and their answers travel over direct streams, one for
//! each [`Class`], so that a long answer never stands before a vote. Batches and announcements of
//! blocks go through gossipsub. Only the validators of the set may connect: a peer's id is derived
//! from its ed25519 key, which the handshake proves, and every other connection is closed before it
//! gets a stream.
//!
//! Nothing here is unbounded. Each peer has a queue of messages to it for each class, which drops
//! its oldest when full, and a budget of received bytes for each class, counted from before a
//! message is read until the consumer takes it; at the end of its budget the peer's stream is not
//! read. So a peer that does not read, or floods, harms its own link only.
//!
//! Delivery is not promised: what is sent to a peer that is not connected is dropped, and a lost
//! connection loses what was under way. Consensus sends again while it is stuck, and batches are
//! fetched by digest. What one peer sends in one class over one connection arrives in order.
//!
//! ```text
//! NetworkHandle ─ send ─> Outbox (peer, class) ─> writer ═ stream ═> reader ─> Inbox ─> NetworkEvents
//!               ─ gossip ─> driver: swarm of Direct (connections), gossipsub, ping; Dialer
//! ```

mod behaviour;
mod dialer;
mod driver;
mod frame;
mod gossip;
pub mod handle;
mod handler;
mod inbox;
pub mod limits;
mod outbox;
mod peers;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use libp2p::{Multiaddr, PeerId};
use primitives::{Hash, PublicKey, SecretKey, ValidatorIndex, ValidatorSet};
use thiserror::Error;

pub use self::handle::NetworkHandle;
pub use self::inbox::NetworkEvents;

/// What the network needs to know to start.
#[derive(Debug)]
pub struct NetworkOptions {
    /// The validator's own key; the libp2p identity is the same key.
    pub secret: SecretKey,
    /// The index of `secret` in `validators`.
    pub own: ValidatorIndex,
    /// Who may connect.
    pub validators: ValidatorSet,
    /// The hash of the genesis. It is part of every protocol's name, so that two chains never mix.
    pub chain: Hash,
    /// Where to listen, for example `/ip4/0.0.0.0/tcp/26600` and `/ip4/0.0.0.0/udp/26600/quic-v1`.
    /// Port 0 lets the system choose; [`NetworkEvent::Listening`] tells what it chose.
    pub listen: Vec<Multiaddr>,
    /// Where to dial the other validators. A validator without an address can still dial in.
    pub peers: BTreeMap<ValidatorIndex, Vec<Multiaddr>>,
}

/// The kinds of direct messages, most urgent first. Each has its own stream, queue and budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Votes and certificates: at most [`limits::VOTE_BYTES_MAX`] bytes each.
    Vote,
    /// Proposals: at most `primitives::limits::MESSAGE_BYTES_MAX` bytes each.
    Proposal,
    /// Requests and their answers: at most `primitives::limits::MESSAGE_BYTES_MAX` bytes each.
    Bulk,
}

/// What the network tells its consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkEvent {
    /// The network listens on this address.
    Listening(Multiaddr),
    /// Messages to this validator are sent from now on.
    Connected(ValidatorIndex),
    /// Messages to this validator are dropped from now on.
    Disconnected(ValidatorIndex),
    /// A direct message. It may come shortly before the sender's [`NetworkEvent::Connected`].
    Message {
        /// Who sent it, as proven by the connection's handshake.
        from: ValidatorIndex,
        /// The class of the stream it came over.
        class: Class,
        /// The message.
        bytes: Vec<u8>,
    },
    /// A gossiped message, once for each content within a minute.
    Gossip {
        /// The message.
        bytes: Vec<u8>,
        /// Who forwarded it, which is seldom who made it.
        from: ValidatorIndex,
    },
}

/// Why the network did not start.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// The options contradict each other.
    #[error("the validator key is not that of validator {index} in the genesis")]
    OwnKey {
        /// The index that was given as one's own.
        index: ValidatorIndex,
    },
    /// A validator's key cannot be an identity.
    #[error("the key {key} of validator {name:?} is no ed25519 key: {reason}")]
    Key {
        /// The validator's name.
        name: String,
        /// Its key.
        key: PublicKey,
        /// What libp2p says about it.
        reason: String,
    },
    /// An address is taken, not of this machine, or of an unknown kind.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address as configured.
        address: Multiaddr,
        /// What the system says about it.
        reason: String,
    },
    /// A part of libp2p refuses its settings.
    #[error("cannot set up {part}: {reason}")]
    Setup {
        /// The part.
        part: &'static str,
        /// What it says.
        reason: String,
    },
}

/// Starts the network on the runtime; returns at once, listening. The network ends with
/// [`NetworkHandle::shutdown`], or when the last handle is dropped.
pub fn start(
    options: NetworkOptions,
    runtime: &tokio::runtime::Handle,
) -> Result<(NetworkHandle, NetworkEvents), NetworkError> {
    driver::start(options, runtime)
}

/// The libp2p id of a validator: its key, in libp2p's form. It ends a full address, `/p2p/<id>`.
pub fn peer_id(key: &PublicKey) -> Result<PeerId, libp2p::identity::DecodingError> {
    let key = libp2p::identity::ed25519::PublicKey::try_from_bytes(&key.0)?;
    Ok(libp2p::identity::PublicKey::from(key).to_peer_id())
}
