//! The direct streams of one connection.
//!
//! Every connection accepts one inbound stream for each class; a newer one replaces the older, so a
//! peer holds three readers at most. Outbound streams are opened when the connection becomes the
//! one in use. Reading and writing run as tasks that end with the handler.
//!
//! A stream begins with its opener's [`RunId`]. Whoever died without a word is by this known to be
//! back, while its old connection still looks alive.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::io::BufWriter;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use libp2p::swarm::handler::{
    ConnectionEvent, ConnectionHandlerEvent, DialUpgradeError, FullyNegotiatedInbound,
    FullyNegotiatedOutbound,
};
use libp2p::swarm::{
    ConnectionHandler, Stream, StreamProtocol, StreamUpgradeError, SubstreamProtocol,
};
use tokio::task::{AbortHandle, JoinSet};

use super::Class;
use super::frame::{self, StreamError};
use super::inbox::Inbox;
use super::limits::message_bytes_max;
use super::outbox::WriterId;
use super::peers::{Peer, PerClass};

/// Most urgent first: they are opened in this order.
const CLASSES: [Class; 3] = [Class::Vote, Class::Proposal, Class::Bulk];
/// Small frames are gathered up to this before they are written.
const WRITE_BUFFER_BYTES: usize = 16 << 10;

/// Tells the handler that its connection is the one in use, and for which turn of writing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activate(pub(super) WriterId);

/// Which run of a process this is: drawn by chance at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RunId([u8; Self::BYTES]);

impl RunId {
    pub(super) const BYTES: usize = 16;

    pub(super) fn draw() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; Self::BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }
}

/// What a handler tells the behaviour.
#[derive(Debug)]
pub(super) enum Report {
    /// The peer, in this run, has opened a stream.
    Heard(RunId),
    /// The outbound streams are open.
    Ready,
    /// The connection is of no use any more.
    Failed(StreamError),
}

/// The names of the three protocols of one chain, and what their streams begin with.
#[derive(Debug)]
pub(super) struct Protocols {
    names: PerClass<StreamProtocol>,
    own: RunId,
}

impl Protocols {
    pub(super) fn new(
        chain: &primitives::Hash,
        own: RunId,
    ) -> Result<Self, libp2p::swarm::InvalidProtocol> {
        let named = |class| {
            let word = match class {
                Class::Vote => "vote",
                Class::Proposal => "proposal",
                Class::Bulk => "bulk",
            };
            StreamProtocol::try_from_owned(format!("/quorate/{chain}/{word}/2"))
        };
        let (vote, proposal, bulk) =
            (named(Class::Vote)?, named(Class::Proposal)?, named(Class::Bulk)?);
        let names = PerClass::from_fn(|class| match class {
            Class::Vote => vote.clone(),
            Class::Proposal => proposal.clone(),
            Class::Bulk => bulk.clone(),
        });
        Ok(Self { names, own })
    }

    pub(super) fn get(&self, class: Class) -> &StreamProtocol {
        self.names.get(class)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Handler {
    peer: Arc<Peer>,
    inbox: Arc<Inbox>,
    protocols: Arc<Protocols>,
    to_open: VecDeque<Class>,
    opened: usize,
    writer: WriterId,
    reports: VecDeque<Report>,
    readers: PerClass<Option<AbortHandle>>,
    tasks: JoinSet<Result<(), StreamError>>,
}

impl Handler {
    pub(super) fn new(peer: Arc<Peer>, inbox: Arc<Inbox>, protocols: Arc<Protocols>) -> Self {
        Self {
            peer,
            inbox,
            protocols,
            to_open: VecDeque::new(),
            opened: 0,
            writer: WriterId::default(),
            reports: VecDeque::new(),
            readers: PerClass::from_fn(|_| None),
            tasks: JoinSet::new(),
        }
    }

    fn on_inbound(&mut self, class: Class, run: RunId, stream: Stream) {
        self.reports.push_back(Report::Heard(run));
        let (peer, inbox) = (Arc::clone(&self.peer), Arc::clone(&self.inbox));
        let reader = self.tasks.spawn(read_messages(stream, peer, class, inbox));
        if let Some(older) = self.readers.get_mut(class).replace(reader) {
            older.abort();
        }
    }

    fn on_outbound(&mut self, class: Class, writer: WriterId, stream: Stream) {
        // The connection went out of use and came back meanwhile.
        if writer != self.writer {
            return;
        }
        self.peer.outboxes.get(class).attach(writer);
        self.tasks.spawn(write_messages(stream, Arc::clone(&self.peer), class, writer));
        self.opened += 1;
        if self.opened == CLASSES.len() {
            self.reports.push_back(Report::Ready);
        }
    }

    fn on_outbound_error(&mut self, class: Class, error: StreamUpgradeError<io::Error>) {
        self.reports.push_back(Report::Failed(match error {
            StreamUpgradeError::Timeout => StreamError::Negotiation,
            StreamUpgradeError::NegotiationFailed => {
                StreamError::Unsupported(self.protocols.get(class).clone())
            }
            StreamUpgradeError::Io(error) | StreamUpgradeError::Apply(error) => {
                StreamError::Io(error)
            }
        }));
    }
}

/// Hands a stream's messages to the consumer, each only when the peer's budget has room for it.
async fn read_messages(
    mut stream: Stream,
    peer: Arc<Peer>,
    class: Class,
    inbox: Arc<Inbox>,
) -> Result<(), StreamError> {
    while let Some(length) = frame::read_length(&mut stream, message_bytes_max(class)).await? {
        let Some(share) = peer.budgets.reserve(class, length).await else { return Ok(()) };
        let message = frame::read_message(&mut stream, length).await?;
        peer.received.count(&message);
        inbox.message(peer.index, class, message, share);
    }
    Ok(())
}

/// Sends what is queued, until another connection's writer takes over.
async fn write_messages(
    stream: Stream,
    peer: Arc<Peer>,
    class: Class,
    writer: WriterId,
) -> Result<(), StreamError> {
    let outbox = peer.outboxes.get(class);
    let mut stream = BufWriter::with_capacity(WRITE_BUFFER_BYTES, stream);
    while let Some(first) = outbox.next(writer).await {
        let mut next = Some(first);
        while let Some(message) = next {
            frame::write(&mut stream, &message).await?;
            peer.sent.count(&message);
            next = outbox.next_now(writer);
        }
        stream.flush().await?;
    }
    stream.close().await?;
    Ok(())
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Activate;
    type ToBehaviour = Report;
    type InboundProtocol = AnyClass;
    type OutboundProtocol = OneClass;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = (Class, WriterId);

    fn listen_protocol(&self) -> SubstreamProtocol<AnyClass> {
        SubstreamProtocol::new(AnyClass(Arc::clone(&self.protocols)), ())
    }

    /// For as long as the peer is a validator.
    fn connection_keep_alive(&self) -> bool {
        true
    }

    fn on_behaviour_event(&mut self, Activate(writer): Activate) {
        self.writer = writer;
        self.opened = 0;
        self.to_open = CLASSES.into();
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<OneClass, (Class, WriterId), Report>> {
        if let Some(report) = self.reports.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(report));
        }
        if let Some(class) = self.to_open.pop_front() {
            let protocol = OneClass(class, Arc::clone(&self.protocols));
            let protocol = SubstreamProtocol::new(protocol, (class, self.writer));
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        while let Poll::Ready(Some(ended)) = self.tasks.poll_join_next(context) {
            // A task that was replaced, or whose stream ended between messages, is no failure.
            if let Ok(Err(error)) = ended {
                return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(Report::Failed(error)));
            }
        }
        Poll::Pending
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, AnyClass, OneClass, (), (Class, WriterId)>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (class, run, stream),
                info: (),
            }) => self.on_inbound(class, run, stream),
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol: stream,
                info: (class, writer),
            }) => self.on_outbound(class, writer, stream),
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info: (class, _), error }) => {
                self.on_outbound_error(class, error);
            }
            _ => {}
        }
    }
}

/// Accepts a stream of whichever class the peer names.
#[derive(Clone, Debug)]
pub(super) struct AnyClass(Arc<Protocols>);

impl UpgradeInfo for AnyClass {
    type Info = StreamProtocol;
    type InfoIter = [StreamProtocol; 3];

    fn protocol_info(&self) -> Self::InfoIter {
        CLASSES.map(|class| self.0.get(class).clone())
    }
}

impl InboundUpgrade<Stream> for AnyClass {
    type Output = (Class, RunId, Stream);
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Output>>;

    fn upgrade_inbound(self, mut stream: Stream, name: StreamProtocol) -> Self::Future {
        // Only the three names above are ever negotiated.
        let class = CLASSES.into_iter().find(|class| *self.0.get(*class) == name);
        Box::pin(async move {
            let mut run = RunId([0; RunId::BYTES]);
            stream.read_exact(&mut run.0).await?;
            Ok((class.unwrap_or(Class::Bulk), run, stream))
        })
    }
}

/// Opens a stream of one class.
#[derive(Clone, Debug)]
pub(super) struct OneClass(Class, Arc<Protocols>);

impl UpgradeInfo for OneClass {
    type Info = StreamProtocol;
    type InfoIter = [StreamProtocol; 1];

    fn protocol_info(&self) -> Self::InfoIter {
        [self.1.get(self.0).clone()]
    }
}

impl OutboundUpgrade<Stream> for OneClass {
    type Output = Stream;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Stream>>;

    fn upgrade_outbound(self, mut stream: Stream, _: StreamProtocol) -> Self::Future {
        Box::pin(async move {
            stream.write_all(&self.1.own.0).await?;
            stream.flush().await?;
            Ok(stream)
        })
    }
}
