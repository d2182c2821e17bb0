//! Who may connect, and which of a validator's connections is in use.
//!
//! Both sides dial while they are not connected, so two connections between the same two may come
//! up at once; both are alive, and each side keeps using the one it saw first, while the other
//! stands by. A new connection is taken and the old ones closed, so that a peer that returns is
//! heard at once, not when a dead connection times out, when
//!
//! * the one in use is older than a handshake can take: the peer dialed again, so it holds the old
//!   one for lost, since the line broke silently;
//! * the peer speaks over the new one in another run than before: it died and is back.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished};
use libp2p::swarm::{
    CloseConnection, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler,
    ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use primitives::ValidatorIndex;
use thiserror::Error;
use tracing::{debug, info, warn};

use super::handler::{Activate, Handler, Protocols, Report, RunId};
use super::inbox::Inbox;
use super::limits::{CONNECTIONS_PER_PEER_MAX, REFUSAL, SIMULTANEITY};
use super::outbox::WriterId;
use super::peers::{Peer, Peers};

/// Connections and direct streams to the other validators.
#[derive(Debug)]
pub(super) struct Direct {
    peers: Arc<Peers>,
    inbox: Arc<Inbox>,
    protocols: Arc<Protocols>,
    links: HashMap<PeerId, Link>,
    actions: VecDeque<ToSwarm<Ready, Activate>>,
}

/// A validator's streams are open: the dialer may forget its failures.
#[derive(Debug)]
pub(super) struct Ready(pub(super) ValidatorIndex);

#[derive(Debug, Error)]
enum Refusal {
    #[error("{0} is no validator of this chain")]
    Stranger(PeerId),
    #[error("{0} broke the protocol a moment ago")]
    Violator(String),
}

/// The connections to one validator.
#[derive(Debug, Default)]
struct Link {
    open: Vec<Connection>,
    current: Option<ConnectionId>,
    writer: WriterId,
    ready: bool,
    /// Of the peer, as it was heard last over the connections that are open.
    run: Option<RunId>,
    refused_until: Option<Instant>,
}

#[derive(Debug)]
struct Connection {
    id: ConnectionId,
    since: Instant,
    address: Multiaddr,
}

/// What is to be done after a connection opened or closed.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Activate(ConnectionId, WriterId),
    Close(ConnectionId),
    Disconnected(WriterId),
}

impl Link {
    fn opened(&mut self, connection: Connection) -> Vec<Step> {
        let (id, now) = (connection.id, connection.since);
        self.open.push(connection);
        let current = self.open.iter().find(|other| Some(other.id) == self.current);
        let Some(current) = current else { return self.activate(id) };
        if now.duration_since(current.since) > SIMULTANEITY {
            return self.replace(id);
        }
        if self.open.len() <= CONNECTIONS_PER_PEER_MAX {
            return vec![];
        }
        let spare = self.open.iter().find(|other| Some(other.id) != self.current);
        spare.map(|spare| Step::Close(spare.id)).into_iter().collect()
    }

    /// The peer has spoken over a connection. Its runs are told apart by the connections that are
    /// open, in the order of their coming: an older one may be read late.
    fn heard(&mut self, id: ConnectionId, run: RunId) -> Vec<Step> {
        let place = |id| self.open.iter().position(|connection| Some(connection.id) == id);
        if place(Some(id)) < place(self.current) {
            return vec![];
        }
        let before = self.run.replace(run);
        let is_back = self.current != Some(id) && before.is_some_and(|before| before != run);
        if is_back { self.replace(id) } else { vec![] }
    }

    /// Takes this connection, and closes those that came before it.
    fn replace(&mut self, id: ConnectionId) -> Vec<Step> {
        let older = self.open.iter().map(|connection| connection.id).take_while(|one| *one != id);
        let older = older.map(Step::Close).collect::<Vec<_>>();
        self.activate(id).into_iter().chain(older).collect()
    }

    fn closed(&mut self, id: ConnectionId) -> Vec<Step> {
        self.open.retain(|connection| connection.id != id);
        if self.open.is_empty() {
            self.run = None;
        }
        if self.current != Some(id) {
            return vec![];
        }
        self.current = None;
        match self.open.last() {
            Some(newest) => self.activate(newest.id),
            None => self.end_use().into_iter().collect(),
        }
    }

    fn activate(&mut self, id: ConnectionId) -> Vec<Step> {
        let ended = self.end_use();
        self.current = Some(id);
        self.writer = self.writer.next();
        ended.into_iter().chain([Step::Activate(id, self.writer)]).collect()
    }

    /// What was under way over the connection in use is lost, and the consumer is to know it, even
    /// when another connection takes over at once.
    fn end_use(&mut self) -> Option<Step> {
        std::mem::take(&mut self.ready).then_some(Step::Disconnected(self.writer))
    }
}

impl Direct {
    pub(super) fn new(peers: Arc<Peers>, inbox: Arc<Inbox>, protocols: Protocols) -> Self {
        Self {
            links: peers.iter().map(|peer| (peer.id, Link::default())).collect(),
            peers,
            inbox,
            protocols: Arc::new(protocols),
            actions: VecDeque::new(),
        }
    }

    /// The validator with this id, unless it is to be refused.
    fn admit(&self, id: PeerId) -> Result<&Arc<Peer>, ConnectionDenied> {
        let refuse = |refusal| {
            self.peers.refused.add(1);
            ConnectionDenied::new(refusal)
        };
        let Some(peer) = self.peers.by_id(&id) else {
            return Err(refuse(Refusal::Stranger(id)));
        };
        let refused_until = self.links.get(&id).and_then(|link| link.refused_until);
        if refused_until.is_some_and(|until| Instant::now() < until) {
            return Err(refuse(Refusal::Violator(peer.name.clone())));
        }
        Ok(peer)
    }

    fn handler(&self, id: PeerId) -> Result<Handler, ConnectionDenied> {
        let peer = Arc::clone(self.admit(id)?);
        Ok(Handler::new(peer, Arc::clone(&self.inbox), Arc::clone(&self.protocols)))
    }

    fn follow(&mut self, peer_id: PeerId, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Activate(id, writer) => self.actions.push_back(ToSwarm::NotifyHandler {
                    peer_id,
                    handler: NotifyHandler::One(id),
                    event: Activate(writer),
                }),
                Step::Close(id) => self.close(peer_id, id),
                Step::Disconnected(writer) => {
                    if let Some(peer) = self.peers.by_id(&peer_id) {
                        info!(peer = peer.name, "disconnected");
                        peer.set_disconnected(writer);
                        self.inbox.disconnected(peer.index);
                    }
                }
            }
        }
    }

    fn close(&mut self, peer_id: PeerId, id: ConnectionId) {
        let connection = CloseConnection::One(id);
        self.actions.push_back(ToSwarm::CloseConnection { peer_id, connection });
    }

    fn on_ready(&mut self, peer_id: PeerId, id: ConnectionId) {
        let (Some(peer), Some(link)) = (self.peers.by_id(&peer_id), self.links.get_mut(&peer_id))
        else {
            return;
        };
        let current = link.open.iter().find(|open| open.id == id && link.current == Some(id));
        let Some(current) = current else { return };
        peer.set_connected(current.address.clone());
        self.actions.push_back(ToSwarm::GenerateEvent(Ready(peer.index)));
        if !link.ready {
            link.ready = true;
            info!(peer = peer.name, address = %current.address, "connected");
            self.inbox.connected(peer.index);
        }
    }
}

impl NetworkBehaviour for Direct {
    type ConnectionHandler = Handler;
    type ToSwarm = Ready;

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        if let Some(peer) = peer {
            self.admit(peer)?;
        }
        Ok(vec![])
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        self.handler(peer)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        self.handler(peer)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        let (peer_id, steps) = match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id,
                connection_id: id,
                endpoint,
                ..
            }) => {
                let address = endpoint.get_remote_address().clone();
                let connection = Connection { id, since: Instant::now(), address };
                (peer_id, self.links.get_mut(&peer_id).map(|link| link.opened(connection)))
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, connection_id, .. }) => {
                (peer_id, self.links.get_mut(&peer_id).map(|link| link.closed(connection_id)))
            }
            _ => return,
        };
        self.follow(peer_id, steps.unwrap_or_default());
    }

    fn on_connection_handler_event(&mut self, peer_id: PeerId, id: ConnectionId, report: Report) {
        match report {
            Report::Ready => self.on_ready(peer_id, id),
            Report::Heard(run) => {
                let link = self.links.get_mut(&peer_id);
                let steps = link.map(|link| link.heard(id, run)).unwrap_or_default();
                self.follow(peer_id, steps);
            }
            Report::Failed(error) => {
                let name = self.peers.by_id(&peer_id).map_or("", |peer| &peer.name);
                if error.is_violation() {
                    warn!(peer = name, %error, "the peer broke the protocol");
                    if let Some(link) = self.links.get_mut(&peer_id) {
                        link.refused_until = Some(Instant::now() + REFUSAL);
                    }
                } else {
                    debug!(peer = name, %error, "a direct stream failed");
                }
                self.close(peer_id, id);
            }
        }
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Ready, Activate>> {
        // The swarm polls after every call above, so no waker is needed.
        self.actions.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn open(link: &mut Link, id: usize, since: Instant) -> Vec<Step> {
        let id = ConnectionId::new_unchecked(id);
        link.opened(Connection { id, since, address: Multiaddr::empty() })
    }

    fn id(id: usize) -> ConnectionId {
        ConnectionId::new_unchecked(id)
    }

    fn writer(turn: usize) -> WriterId {
        (0..turn).fold(WriterId::default(), |writer, _| writer.next())
    }

    #[test]
    fn a_simultaneous_connection_stands_by_and_takes_over() {
        let (mut link, now) = (Link::default(), Instant::now());
        assert_eq!(open(&mut link, 1, now), [Step::Activate(id(1), writer(1))]);
        link.ready = true;
        assert_eq!(open(&mut link, 2, now + SIMULTANEITY), []);
        let expected = [Step::Disconnected(writer(1)), Step::Activate(id(2), writer(2))];
        assert_eq!(link.closed(id(1)), expected);
        link.ready = true;
        assert_eq!(link.closed(id(2)), [Step::Disconnected(writer(2))]);
    }

    #[test]
    fn a_connection_long_after_the_current_one_replaces_it() {
        let (mut link, now) = (Link::default(), Instant::now());
        open(&mut link, 1, now);
        let later = now + SIMULTANEITY + Duration::from_millis(1);
        let expected = [Step::Activate(id(2), writer(2)), Step::Close(id(1))];
        assert_eq!(open(&mut link, 2, later), expected);
        assert_eq!(link.closed(id(1)), []);
    }

    fn run() -> RunId {
        RunId::draw().unwrap()
    }

    #[test]
    fn a_peer_that_is_back_is_taken_over_its_new_connection_however_young_the_old_one_is() {
        let (mut link, now, before, after) = (Link::default(), Instant::now(), run(), run());
        open(&mut link, 1, now);
        open(&mut link, 2, now);
        assert_eq!(link.heard(id(2), before), [], "both have dialed at once");
        assert_eq!(link.heard(id(1), before), []);
        assert_eq!(open(&mut link, 3, now), [Step::Close(id(2))]);
        assert_eq!(link.closed(id(2)), []);
        let expected = [Step::Activate(id(3), writer(2)), Step::Close(id(1))];
        assert_eq!(link.heard(id(3), after), expected);
        assert_eq!(link.heard(id(1), before), [], "what it had sent before comes late");
        assert_eq!(link.heard(id(3), after), []);
        assert_eq!(link.closed(id(1)), []);
        assert_eq!(link.closed(id(3)), []);
        open(&mut link, 4, now);
        assert_eq!(link.heard(id(4), run()), [], "it was gone in between");
    }

    #[test]
    fn spare_connections_are_bounded() {
        let (mut link, now) = (Link::default(), Instant::now());
        for i in 0..10 {
            for step in open(&mut link, i, now) {
                if let Step::Close(spare) = step {
                    assert_eq!(link.closed(spare), []);
                }
            }
            assert!(link.open.len() <= CONNECTIONS_PER_PEER_MAX);
        }
        assert_eq!(link.current, Some(id(0)));
    }
}
