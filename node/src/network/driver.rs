//! The task that runs libp2p's swarm: it dials, listens, gossips, and ends dead connections.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::gossipsub::{self, IdentTopic, PublishError};
use libp2p::identity::Keypair;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{PeerId, Swarm, SwarmBuilder, noise, ping, quic, tcp, yamux};
use primitives::{SecretKey, ValidatorIndex};
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};

use super::behaviour::{Direct, Ready};
use super::dialer::Dialer;
use super::gossip::{self, Gossip};
use super::handle::NetworkHandle;
use super::handler::{Protocols, RunId};
use super::inbox::{Inbox, NetworkEvents};
use super::limits::{
    GOSSIP_COMMANDS_MAX, GOSSIP_UNHEARD_MAX, HANDSHAKE_TIMEOUT, HANDSHAKES_IN_MAX, PEER_BUFFERS,
    PING_INTERVAL, PING_TIMEOUT, QUIC_IDLE_TIMEOUT, SHUTDOWN_TIMEOUT, STREAMS_MAX,
};
use super::peers::Peers;
use super::{NetworkError, NetworkOptions};

/// All that runs on a connection. The first field is asked first, so a stranger is refused before
/// anything else is set up for it.
#[derive(NetworkBehaviour)]
struct Behaviour {
    direct: Direct,
    limits: connection_limits::Behaviour,
    gossip: Gossip,
    ping: ping::Behaviour,
}

/// See [`super::start`].
pub(super) fn start(
    options: NetworkOptions,
    runtime: &tokio::runtime::Handle,
) -> Result<(NetworkHandle, NetworkEvents), NetworkError> {
    let peers = Arc::new(Peers::new(&options)?);
    let peer_bytes_max: usize = PEER_BUFFERS.iter().map(|(_, bytes)| bytes).sum();
    debug!(peer_bytes_max, "what one peer's messages may take of this node's memory");
    let inbox = Arc::new(Inbox::new());
    // The transports register their sockets with the runtime that is entered.
    let entered = runtime.enter();
    let mut swarm = swarm(&options, &peers, &inbox)?;
    for address in &options.listen {
        swarm.listen_on(address.clone()).map_err(|error| NetworkError::Listen {
            address: address.clone(),
            reason: cause(&error),
        })?;
    }
    drop(entered);

    let (gossip, gossip_commands) = mpsc::channel(GOSSIP_COMMANDS_MAX);
    let (stop, stop_commands) = mpsc::channel(1);
    let (stopped_sender, stopped) = watch::channel(false);
    let driver = Driver {
        swarm,
        topic: gossip::topic(&options.chain),
        unheard: VecDeque::new(),
        dialer: Dialer::new(peers.iter().map(|peer| peer.index), Instant::now()),
        peers: Arc::clone(&peers),
        inbox: Arc::clone(&inbox),
    };
    runtime.spawn(async move {
        driver.run(gossip_commands, stop_commands).await;
        stopped_sender.send_replace(true);
    });
    Ok((NetworkHandle { peers, gossip, stop, stopped }, NetworkEvents(inbox)))
}

/// What the innermost error says; libp2p's own wrappers say nothing.
fn cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), cause)
}

/// libp2p's identity is the validator's own key.
fn keypair(secret: &SecretKey) -> Result<Keypair, NetworkError> {
    Keypair::ed25519_from_bytes(secret.seed())
        .map_err(|error| NetworkError::Setup { part: "the identity", reason: error.to_string() })
}

fn swarm(
    options: &NetworkOptions,
    peers: &Arc<Peers>,
    inbox: &Arc<Inbox>,
) -> Result<Swarm<Behaviour>, NetworkError> {
    let failed = |part| move |reason: String| NetworkError::Setup { part, reason };
    let run = RunId::draw().map_err(|e| failed("a random number")(e.to_string()))?;
    let protocols =
        Protocols::new(&options.chain, run).map_err(|e| failed("protocol names")(e.to_string()))?;
    let behaviour = Behaviour {
        direct: Direct::new(Arc::clone(peers), Arc::clone(inbox), protocols),
        limits: connection_limits::Behaviour::new(
            ConnectionLimits::default().with_max_pending_incoming(Some(HANDSHAKES_IN_MAX)),
        ),
        gossip: gossip::behaviour(&options.chain)?,
        ping: ping::Behaviour::new(
            ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT),
        ),
    };
    let swarm = SwarmBuilder::with_existing_identity(keypair(&options.secret)?)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux)
        .map_err(|error| failed("noise")(error.to_string()))?
        .with_quic_config(quic)
        .with_behaviour(|_| behaviour)
        .map_err(|error| failed("the behaviour")(error.to_string()))?
        .with_swarm_config(|config| config.with_max_negotiating_inbound_streams(STREAMS_MAX.into()))
        .with_connection_timeout(HANDSHAKE_TIMEOUT)
        .build();
    Ok(swarm)
}

fn yamux() -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(usize::from(STREAMS_MAX));
    config
}

/// The windows leave room for votes when the streams of proposals and bulk are full and not read.
fn quic(mut config: quic::Config) -> quic::Config {
    config.handshake_timeout = HANDSHAKE_TIMEOUT;
    config.max_idle_timeout = u32::try_from(QUIC_IDLE_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
    config.keep_alive_interval = PING_INTERVAL;
    config.max_concurrent_stream_limit = u32::from(STREAMS_MAX);
    config.max_stream_data = 4 << 20;
    config.max_connection_data = 32 << 20;
    config
}

struct Driver {
    swarm: Swarm<Behaviour>,
    topic: IdentTopic,
    unheard: VecDeque<Vec<u8>>,
    dialer: Dialer,
    peers: Arc<Peers>,
    inbox: Arc<Inbox>,
}

impl Driver {
    /// Runs until it is told to stop, or until nobody can tell it anything any more.
    async fn run(mut self, mut gossip: mpsc::Receiver<Vec<u8>>, mut stop: mpsc::Receiver<()>) {
        let peers = Arc::clone(&self.peers);
        loop {
            let next_dial = self.dialer.next();
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                Some(message) = gossip.recv() => self.publish(message),
                () = until(next_dial) => self.dial(),
                () = peers.addresses_changed.notified() => self.dialer.hurry(Instant::now()),
                _ = stop.recv() => break,
            }
        }
        self.inbox.end();
        // A peer that does not let go is left to find out by itself.
        let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, self.close()).await;
    }

    fn dial(&mut self) {
        let now = Instant::now();
        for index in self.dialer.due(now) {
            let Some(peer) = self.peers.get(index) else { continue };
            // A new port each time: with the listening port for both ends of two simultaneous TCP
            // dials, the two would become one connection on which both speak first.
            let dial = DialOpts::peer_id(peer.id)
                .condition(PeerCondition::DisconnectedAndNotDialing)
                .addresses(peer.addresses())
                .allocate_new_port()
                .build();
            if let Err(error) = self.swarm.dial(dial)
                && !self.swarm.is_connected(&peer.id)
            {
                debug!(peer = peer.name, %error, "cannot dial");
                self.dialer.lost(index, now);
            }
        }
    }

    /// Gossips a message, or keeps it until somebody listens: at the start subscriptions may still
    /// be under way when the first messages come.
    fn publish(&mut self, message: Vec<u8>) {
        let topic = self.topic.hash();
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        if !gossip.all_peers().any(|(_, topics)| topics.contains(&&topic)) {
            self.unheard.push_back(message);
            if self.unheard.len() > GOSSIP_UNHEARD_MAX {
                self.unheard.pop_front();
                self.peers.gossip_dropped.add(1);
            }
            return;
        }
        match gossip.publish(topic, message) {
            Ok(_) => self.peers.gossip_sent.add(1),
            Err(PublishError::Duplicate) => {}
            Err(error) => {
                debug!(%error, "a message was not gossiped");
                self.peers.gossip_dropped.add(1);
            }
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event),
            SwarmEvent::ConnectionEstablished { peer_id, .. } => {
                if let Some(index) = self.index(&peer_id) {
                    self.dialer.connected(index);
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established, cause, .. } => {
                debug!(peer = %peer_id, ?cause, "connection closed");
                if let Some(index) = self.index(&peer_id)
                    && num_established == 0
                {
                    self.dialer.lost(index, Instant::now());
                }
            }
            SwarmEvent::OutgoingConnectionError { peer_id, error, .. } => {
                debug!(peer = ?peer_id, %error, "dial failed");
                if let Some(index) = peer_id.and_then(|id| self.index(&id))
                    && !peer_id.is_some_and(|id| self.swarm.is_connected(&id))
                {
                    self.dialer.lost(index, Instant::now());
                }
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                debug!(address = %send_back_addr, %error, "refused a connection");
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                self.peers.listening().push(address.clone());
                self.inbox.listening(address);
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.peers.listening().retain(|listening| *listening != address);
            }
            SwarmEvent::ListenerClosed { addresses, reason, .. } => {
                warn!(?addresses, ?reason, "no longer listening");
            }
            SwarmEvent::ListenerError { error, .. } => warn!(%error, "a listener has trouble"),
            _ => {}
        }
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Direct(Ready(index)) => self.dialer.ready(index),
            BehaviourEvent::Gossip(gossipsub::Event::Message {
                propagation_source,
                message,
                ..
            }) => self.on_gossip(&propagation_source, message.data),
            BehaviourEvent::Gossip(gossipsub::Event::Subscribed { .. }) => {
                for message in std::mem::take(&mut self.unheard) {
                    self.publish(message);
                }
            }
            BehaviourEvent::Ping(ping::Event { peer, connection, result: Err(error) }) => {
                debug!(%peer, %error, "no answer to a ping");
                self.swarm.close_connection(connection);
            }
            _ => {}
        }
    }

    /// The swarm must not wait for the consumer, so gossip beyond a peer's budget is dropped;
    /// whoever needs it fetches it by its digest.
    fn on_gossip(&mut self, from: &PeerId, message: Vec<u8>) {
        let Some(peer) = self.peers.by_id(from) else { return };
        match peer.budgets.reserve_gossip(message.len()) {
            Some(share) => {
                self.peers.gossip_received.add(1);
                self.inbox.gossip(peer.index, message, share);
            }
            None => self.peers.gossip_dropped.add(1),
        }
    }

    fn index(&self, id: &PeerId) -> Option<ValidatorIndex> {
        self.peers.by_id(id).map(|peer| peer.index)
    }

    /// Closes all connections, so that the peers learn at once that this node is gone.
    async fn close(mut self) {
        let connected = self.swarm.connected_peers().copied().collect::<Vec<_>>();
        for peer in connected {
            // An error means that it is disconnected already.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        while self.swarm.network_info().num_peers() > 0 {
            self.swarm.select_next_some().await;
        }
    }
}

/// Ends at the time; never without one.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
