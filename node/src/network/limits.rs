//! The caps of the network, all in one place. They are this node's own: none decides what a block
//! may hold.

use std::time::Duration;

use primitives::limits::{BATCH_BYTES_MAX, MESSAGE_BYTES_MAX};

use super::Class;

/// Bytes of one message of [`Class::Vote`]: a certificate of a hundred signatures has about seven
/// thousand.
pub const VOTE_BYTES_MAX: usize = 128 << 10;
/// Bytes of one gossiped message: a batch and what names it.
pub const GOSSIP_BYTES_MAX: usize = BATCH_BYTES_MAX + (1 << 10);

/// Bytes that a message is charged beyond its own, so that a bound on bytes also bounds the count.
pub(super) const MESSAGE_OVERHEAD_BYTES: usize = 256;
/// Received bytes of gossip, from one peer, that wait for the consumer; further ones are dropped.
pub(super) const GOSSIP_BUDGET_BYTES: usize = 8 * (GOSSIP_BYTES_MAX + MESSAGE_OVERHEAD_BYTES);
/// Own messages to gossip that wait for the driver.
pub(super) const GOSSIP_COMMANDS_MAX: usize = 64;
/// Own messages to gossip that wait until a first peer listens.
pub(super) const GOSSIP_UNHEARD_MAX: usize = 64;
/// Gossiped messages that wait for one peer, a second or a few at most.
pub(super) const GOSSIP_PEER_QUEUE_MAX: usize = 64;
/// Events taken by urgency before one is taken from the least urgent.
pub(super) const URGENT_IN_A_ROW_MAX: u32 = 32;

/// Connections to one validator: one in use, one standing by after both had dialed at once.
pub(super) const CONNECTIONS_PER_PEER_MAX: usize = 2;
/// Handshakes with whoever dials in that may be under way.
pub(super) const HANDSHAKES_IN_MAX: u32 = 256;
/// Streams of one connection: three classes and gossip in both directions, ping, and those just
/// replaced.
pub(super) const STREAMS_MAX: u8 = 64;

/// A dial with its whole handshake, in either direction. Short, so that a host that comes back is
/// tried anew instead of waiting for TCP's own growing retries.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(3);
/// Within this time of each other two connections may stem from simultaneous dials: the dialer's
/// part of a handshake and the listener's may each take their timeout.
pub(super) const SIMULTANEITY: Duration = HANDSHAKE_TIMEOUT.saturating_mul(2);
/// Before the first dial after a connection was lost.
pub(super) const REDIAL_DELAY_MIN: Duration = Duration::from_millis(100);
/// Between dials of a peer that does not answer.
pub(super) const REDIAL_DELAY_MAX: Duration = Duration::from_secs(1);
/// How long a peer that broke the protocol is refused.
pub(super) const REFUSAL: Duration = Duration::from_secs(5);
/// Between pings of one connection.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(1);
/// For the answer to a ping. A connection with two in a row unanswered is closed.
pub(super) const PING_TIMEOUT: Duration = Duration::from_secs(3);
/// A QUIC connection over which nothing came for this long is dead.
pub(super) const QUIC_IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a shutdown waits for connections to be closed in order.
pub(super) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// Bytes of one message of a class.
pub(super) const fn message_bytes_max(class: Class) -> usize {
    match class {
        Class::Vote => VOTE_BYTES_MAX,
        Class::Proposal | Class::Bulk => MESSAGE_BYTES_MAX,
    }
}

/// Bytes, with overhead, that wait to be sent to one peer in one class.
pub(super) const fn outbox_bytes_max(class: Class) -> usize {
    match class {
        Class::Vote => 1 << 20,
        Class::Proposal | Class::Bulk => 2 * MESSAGE_BYTES_MAX,
    }
}

/// Bytes, with overhead, of one peer and one class that are being read or wait for the consumer.
pub(super) const fn inbox_bytes_max(class: Class) -> usize {
    match class {
        Class::Vote => 2 * (VOTE_BYTES_MAX + MESSAGE_OVERHEAD_BYTES),
        Class::Proposal | Class::Bulk => MESSAGE_BYTES_MAX + (64 << 10),
    }
}

/// Every buffer that one peer can fill, and the bytes that fit: the whole of what a peer can cost this network in
/// memory.
pub const PEER_BUFFERS: [(&str, usize); 7] = [
    ("votes to be sent", outbox_bytes_max(Class::Vote)),
    ("proposals to be sent", outbox_bytes_max(Class::Proposal)),
    ("bulk to be sent", outbox_bytes_max(Class::Bulk)),
    ("votes received", inbox_bytes_max(Class::Vote)),
    ("proposals received", inbox_bytes_max(Class::Proposal)),
    ("bulk received", inbox_bytes_max(Class::Bulk)),
    ("gossip received", GOSSIP_BUDGET_BYTES),
];
