//! A libp2p peer that keeps to no rule: it opens what streams it likes and writes what bytes it
//! likes.

use futures::{AsyncWriteExt, StreamExt};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, SwarmBuilder, noise, ping, tcp, yamux};
use libp2p_stream::{Control, OpenStreamError};
use primitives::{Hash, SecretKey};
use tokio::sync::mpsc;

use super::{CLASSES, Class, in_time};
use crate::network::handler::{Protocols, RunId};

#[derive(NetworkBehaviour)]
struct Behaviour {
    streams: libp2p_stream::Behaviour,
    ping: ping::Behaviour,
}

/// Its swarm runs as a task.
pub(super) struct Rogue {
    victim: PeerId,
    control: Control,
    dials: mpsc::UnboundedSender<()>,
    refusals: mpsc::UnboundedReceiver<()>,
}

impl Rogue {
    /// Dials the victim at once.
    pub(super) fn new(secret: SecretKey, address: &Multiaddr, victim: PeerId) -> Self {
        let keypair = libp2p::identity::Keypair::ed25519_from_bytes(secret.seed()).unwrap();
        let streams = libp2p_stream::Behaviour::new();
        let control = streams.new_control();
        let behaviour = Behaviour { streams, ping: ping::Behaviour::default() };
        let mut swarm = SwarmBuilder::with_existing_identity(keypair)
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(|_| behaviour)
            .unwrap()
            .with_swarm_config(|c| c.with_idle_connection_timeout(super::DEADLINE))
            .build();
        let address = address.clone().with_p2p(victim).unwrap();
        let (dials, mut to_dial) = mpsc::unbounded_channel();
        let (refused, refusals) = mpsc::unbounded_channel();
        dials.send(()).unwrap();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(()) = to_dial.recv() => swarm.dial(address.clone()).unwrap(),
                    event = swarm.select_next_some() => match event {
                        SwarmEvent::ConnectionClosed { .. }
                        | SwarmEvent::OutgoingConnectionError { .. } => {
                            let _ = refused.send(());
                        }
                        _ => {}
                    },
                }
            }
        });
        Self { victim, control, dials, refusals }
    }

    pub(super) fn dial(&self) {
        self.dials.send(()).unwrap();
    }

    /// Until a connection was refused or closed.
    pub(super) async fn until_refused(&mut self) {
        in_time(self.refusals.recv()).await.unwrap();
    }

    /// Accepts the direct streams of a chain, without reading them.
    pub(super) fn accept(&mut self, chain: &Hash) {
        for class in CLASSES {
            let mut incoming = self.control.accept(name(chain, class)).unwrap();
            tokio::spawn(async move {
                let mut kept = Vec::new();
                while let Some(stream) = incoming.next().await {
                    kept.push(stream);
                }
            });
        }
    }

    /// Opens a direct stream and writes these bytes, as far as the victim lets it.
    pub(super) fn send_in_background(&self, chain: &Hash, class: Class, bytes: Vec<u8>) {
        let (mut control, victim, name) = (self.control.clone(), self.victim, name(chain, class));
        tokio::spawn(async move {
            let mut stream = control.open_stream(victim, name).await?;
            stream.write_all(&[0; RunId::BYTES]).await?;
            stream.write_all(&bytes).await?;
            stream.flush().await?;
            std::future::pending::<()>().await;
            Ok::<_, OpenStreamError>(())
        });
    }
}

fn name(chain: &Hash, class: Class) -> StreamProtocol {
    Protocols::new(chain, RunId::draw().unwrap()).unwrap().get(class).clone()
}
