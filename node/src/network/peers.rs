//! The other validators, as the network knows them: who they are, where they are, what was
//! exchanged.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use libp2p::{Multiaddr, PeerId};
use primitives::{TimestampMs, ValidatorIndex};
use tokio::sync::Notify;

use super::inbox::Budgets;
use super::outbox::{Outbox, WriterId};
use super::{Class, NetworkError, NetworkOptions};

/// One value for each class.
#[derive(Debug)]
pub(super) struct PerClass<T> {
    vote: T,
    proposal: T,
    bulk: T,
}

impl<T> PerClass<T> {
    pub(super) fn from_fn(mut value: impl FnMut(Class) -> T) -> Self {
        Self {
            vote: value(Class::Vote),
            proposal: value(Class::Proposal),
            bulk: value(Class::Bulk),
        }
    }

    pub(super) fn get(&self, class: Class) -> &T {
        match class {
            Class::Vote => &self.vote,
            Class::Proposal => &self.proposal,
            Class::Bulk => &self.bulk,
        }
    }

    pub(super) fn get_mut(&mut self, class: Class) -> &mut T {
        match class {
            Class::Vote => &mut self.vote,
            Class::Proposal => &mut self.proposal,
            Class::Bulk => &mut self.bulk,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        [&self.vote, &self.proposal, &self.bulk].into_iter()
    }
}

/// All validators but this one.
#[derive(Debug)]
pub(super) struct Peers {
    pub(super) own: ValidatorIndex,
    pub(super) own_id: PeerId,
    by_index: BTreeMap<ValidatorIndex, Arc<Peer>>,
    by_id: HashMap<PeerId, Arc<Peer>>,
    listening: Mutex<Vec<Multiaddr>>,
    /// Told when addresses were set, so that they are dialed at once.
    pub(super) addresses_changed: Notify,
    /// Connections refused since the start because their peer is no validator, or is refused for a
    /// while.
    pub(super) refused: Count,
    /// Messages handed to gossipsub.
    pub(super) gossip_sent: Count,
    /// Gossiped messages that reached the consumer's queue.
    pub(super) gossip_received: Count,
    /// Gossiped messages dropped, in either direction.
    pub(super) gossip_dropped: Count,
}

/// One other validator.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) index: ValidatorIndex,
    pub(super) name: String,
    pub(super) id: PeerId,
    pub(super) outboxes: PerClass<Outbox>,
    pub(super) budgets: Budgets,
    pub(super) sent: Traffic,
    pub(super) received: Traffic,
    pub(super) dropped: Count,
    state: Mutex<PeerState>,
}

#[derive(Debug, Default)]
struct PeerState {
    addresses: Vec<Multiaddr>,
    connected: Option<(TimestampMs, Multiaddr)>,
}

/// A counter that only grows.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Messages and their bytes in one direction.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) messages: Count,
    pub(super) bytes: Count,
}

impl Traffic {
    pub(super) fn count(&self, message: &[u8]) {
        self.messages.add(1);
        self.bytes.add(message.len() as u64);
    }
}

impl Peers {
    pub(super) fn new(options: &NetworkOptions) -> Result<Self, NetworkError> {
        let own = options.own;
        let own_key = options.secret.public_key();
        if options.validators.index_of(&own_key) != Some(own) {
            return Err(NetworkError::OwnKey { index: own });
        }
        let mut peers = Self {
            own,
            own_id: id_of("own", own_key)?,
            by_index: BTreeMap::new(),
            by_id: HashMap::new(),
            listening: Mutex::default(),
            addresses_changed: Notify::new(),
            refused: Count::default(),
            gossip_sent: Count::default(),
            gossip_received: Count::default(),
            gossip_dropped: Count::default(),
        };
        for (index, validator) in options.validators.iter().filter(|(index, _)| *index != own) {
            let id = id_of(&validator.name, validator.key)?;
            let addresses = options.peers.get(&index).cloned().unwrap_or_default();
            let peer = Arc::new(Peer::new(index, validator.name.clone(), id, addresses));
            peers.by_id.insert(id, Arc::clone(&peer));
            peers.by_index.insert(index, peer);
        }
        Ok(peers)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Peer>> {
        self.by_index.values()
    }

    pub(super) fn get(&self, index: ValidatorIndex) -> Option<&Arc<Peer>> {
        self.by_index.get(&index)
    }

    pub(super) fn by_id(&self, id: &PeerId) -> Option<&Arc<Peer>> {
        self.by_id.get(id)
    }

    /// The addresses that this node listens on now.
    pub(super) fn listening(&self) -> MutexGuard<'_, Vec<Multiaddr>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Peer {
    fn new(index: ValidatorIndex, name: String, id: PeerId, addresses: Vec<Multiaddr>) -> Self {
        Self {
            index,
            name,
            id,
            outboxes: PerClass::from_fn(Outbox::new),
            budgets: Budgets::new(),
            sent: Traffic::default(),
            received: Traffic::default(),
            dropped: Count::default(),
            state: Mutex::new(PeerState { addresses, connected: None }),
        }
    }

    /// Queues a message, or drops it or older ones.
    pub(super) fn send(&self, class: Class, message: Arc<[u8]>) {
        let dropped = self.outboxes.get(class).push(message);
        self.dropped.add(dropped);
    }

    pub(super) fn addresses(&self) -> Vec<Multiaddr> {
        self.state().addresses.clone()
    }

    pub(super) fn set_addresses(&self, addresses: Vec<Multiaddr>) {
        self.state().addresses = addresses;
    }

    pub(super) fn connected(&self) -> Option<(TimestampMs, Multiaddr)> {
        self.state().connected.clone()
    }

    pub(super) fn set_connected(&self, address: Multiaddr) {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let since = TimestampMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        self.state().connected = Some((since, address));
    }

    /// Forgets the connection, and drops what waits for it.
    pub(super) fn set_disconnected(&self, last: WriterId) {
        self.state().connected = None;
        for outbox in self.outboxes.iter() {
            self.dropped.add(outbox.close(last));
        }
    }

    fn state(&self) -> MutexGuard<'_, PeerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn id_of(name: &str, key: primitives::PublicKey) -> Result<PeerId, NetworkError> {
    super::peer_id(&key).map_err(|error| NetworkError::Key {
        name: name.to_owned(),
        key,
        reason: error.to_string(),
    })
}
