//! What the rest of the node holds of the network.

use std::fmt;
use std::sync::Arc;

use libp2p::{Multiaddr, PeerId};
use primitives::{TimestampMs, ValidatorIndex};
use tokio::sync::{mpsc, watch};
use tracing::error;

use super::Class;
use super::limits::{GOSSIP_BYTES_MAX, message_bytes_max};
use super::outbox::Outbox;
use super::peers::{Peer, Peers};

/// Sends, and tells how things are. Cheap to clone; every method but [`Self::shutdown`] returns at
/// once and can be called from any thread.
#[derive(Clone)]
pub struct NetworkHandle {
    pub(super) peers: Arc<Peers>,
    pub(super) gossip: mpsc::Sender<Vec<u8>>,
    pub(super) stop: mpsc::Sender<()>,
    pub(super) stopped: watch::Receiver<bool>,
}

/// The network at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkStatus {
    /// This node's libp2p id.
    pub peer_id: PeerId,
    /// Where it listens, without the id.
    pub listening: Vec<Multiaddr>,
    /// The other validators, by index.
    pub peers: Vec<PeerStatus>,
    /// Connections refused since the start because their peer is no validator or broke the
    /// protocol.
    pub refused_connections: u64,
    /// Messages gossiped by this node since the start.
    pub gossip_sent: u64,
    /// Gossiped messages received since the start, each content once.
    pub gossip_received: u64,
    /// Gossiped messages dropped since the start because a queue was full, or nobody was there to
    /// send to.
    pub gossip_dropped: u64,
}

/// One other validator at one moment. Counts are since the start of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// The validator.
    pub index: ValidatorIndex,
    /// Its name in the genesis.
    pub name: String,
    /// Its libp2p id.
    pub peer_id: PeerId,
    /// Since when it is connected, by this node's clock; nothing when it is not.
    pub connected_since: Option<TimestampMs>,
    /// The other end of the connection in use.
    pub address: Option<Multiaddr>,
    /// Bytes that wait to be sent to it, with overhead.
    pub outbox_bytes: usize,
    /// Bytes from it that are being read or wait for the consumer, with overhead.
    pub inbox_bytes: usize,
    /// Direct messages to it that were dropped: not connected, or its queue was full.
    pub dropped_messages: u64,
    /// Direct messages sent to it.
    pub sent_messages: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Direct messages received from it.
    pub received_messages: u64,
    /// Their bytes.
    pub received_bytes: u64,
}

impl NetworkHandle {
    /// Queues a message to one validator. It is dropped, and counted, when that validator is not
    /// connected; when its queue is full, the oldest messages of this class are.
    pub fn send(&self, to: ValidatorIndex, class: Class, bytes: Arc<[u8]>) {
        let Some(peer) = self.peers.get(to) else { return };
        if fits(class, &bytes) {
            peer.send(class, bytes);
        } else {
            peer.dropped.add(1);
        }
    }

    /// Queues a message to every other validator.
    pub fn broadcast(&self, class: Class, bytes: Arc<[u8]>) {
        let fits = fits(class, &bytes);
        for peer in self.peers.iter() {
            if fits {
                peer.send(class, Arc::clone(&bytes));
            } else {
                peer.dropped.add(1);
            }
        }
    }

    /// Gossips a message of at most [`GOSSIP_BYTES_MAX`] bytes. A content that was gossiped within
    /// the last minute is not gossiped again.
    pub fn gossip(&self, bytes: Vec<u8>) {
        if bytes.len() > GOSSIP_BYTES_MAX {
            error!(bytes = bytes.len(), "a message too long to be gossiped was dropped");
            self.peers.gossip_dropped.add(1);
        } else if self.gossip.try_send(bytes).is_err() {
            self.peers.gossip_dropped.add(1);
        }
    }

    /// How things are.
    pub fn status(&self) -> NetworkStatus {
        let peers = &self.peers;
        NetworkStatus {
            peer_id: peers.own_id,
            listening: peers.listening().clone(),
            peers: peers.iter().map(|peer| PeerStatus::of(peer)).collect(),
            refused_connections: peers.refused.get(),
            gossip_sent: peers.gossip_sent.get(),
            gossip_received: peers.gossip_received.get(),
            gossip_dropped: peers.gossip_dropped.get(),
        }
    }

    /// Replaces the addresses at which a validator is dialed. A connection that stands is kept.
    pub fn set_addresses(&self, peer: ValidatorIndex, addresses: Vec<Multiaddr>) {
        if let Some(peer) = self.peers.get(peer) {
            peer.set_addresses(addresses);
            self.peers.addresses_changed.notify_one();
        }
    }

    /// Closes all connections and listeners, for all clones of this handle, and waits until that is
    /// done: a second at most. Messages that wait are not sent.
    pub async fn shutdown(&self) {
        // Both fail only when the network has ended already.
        let _ = self.stop.try_send(());
        let _ = self.stopped.clone().wait_for(|stopped| *stopped).await;
    }
}

impl fmt::Debug for NetworkHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NetworkHandle(validator {})", self.peers.own.0)
    }
}

impl PeerStatus {
    fn of(peer: &Peer) -> Self {
        let (connected_since, address) = peer.connected().unzip();
        Self {
            index: peer.index,
            name: peer.name.clone(),
            peer_id: peer.id,
            connected_since,
            address,
            outbox_bytes: peer.outboxes.iter().map(Outbox::bytes).sum(),
            inbox_bytes: peer.budgets.bytes(),
            dropped_messages: peer.dropped.get(),
            sent_messages: peer.sent.messages.get(),
            sent_bytes: peer.sent.bytes.get(),
            received_messages: peer.received.messages.get(),
            received_bytes: peer.received.bytes.get(),
        }
    }
}

/// Whether a peer would accept a message of this length. Ours always do, or there is an error in
/// this node.
fn fits(class: Class, bytes: &[u8]) -> bool {
    let fits = bytes.len() <= message_bytes_max(class);
    if !fits {
        error!(?class, bytes = bytes.len(), "a message too long for its class was dropped");
    }
    fits
}
