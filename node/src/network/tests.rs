//! Properties of the whole network, over real libp2p on the loopback, on ports of the system's
//! choosing.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use libp2p::Multiaddr;
use primitives::limits::MESSAGE_BYTES_MAX;
use primitives::{Hash, SecretKey, Validator, ValidatorIndex, ValidatorSet};
use tokio::runtime::{Handle, Runtime};

use super::handle::PeerStatus;
use super::limits::{MESSAGE_OVERHEAD_BYTES, VOTE_BYTES_MAX, inbox_bytes_max, outbox_bytes_max};
use super::*;

mod rogue;

use rogue::Rogue;

const TCP: &str = "/ip4/127.0.0.1/tcp/0";
const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
const CHAIN: Hash = Hash([7; 32]);
const OTHER_CHAIN: Hash = Hash([8; 32]);
const STRANGER: u16 = 99;
const CLASSES: [Class; 3] = [Class::Vote, Class::Proposal, Class::Bulk];
/// Far beyond what anything here takes; only a hang reaches it.
const DEADLINE: Duration = Duration::from_secs(60);

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("nothing happened for a minute")
}

fn secret(index: u16) -> SecretKey {
    SecretKey::from_seed([u8::try_from(index + 1).unwrap(); 32])
}

fn validators(count: u16) -> ValidatorSet {
    let validator = |i: u16| Validator { name: format!("v{i}"), key: secret(i).public_key() };
    ValidatorSet::new((0..count).map(validator).collect()).unwrap()
}

fn options(count: u16, own: u16, listen: &str) -> NetworkOptions {
    NetworkOptions {
        secret: secret(own),
        own: ValidatorIndex(own),
        validators: validators(count),
        chain: CHAIN,
        listen: vec![listen.parse().unwrap()],
        peers: BTreeMap::new(),
    }
}

/// A running network and its consumer.
struct Node {
    index: ValidatorIndex,
    handle: NetworkHandle,
    events: NetworkEvents,
    address: Multiaddr,
}

impl Node {
    async fn start(options: NetworkOptions) -> Self {
        Self::start_on(options, &Handle::current()).await
    }

    async fn start_on(options: NetworkOptions, runtime: &Handle) -> Self {
        let index = options.own;
        let (handle, mut events) = start(options, runtime).unwrap();
        let address = loop {
            if let NetworkEvent::Listening(address) = in_time(events.recv()).await.unwrap() {
                break address;
            }
        };
        Self { index, handle, events, address }
    }

    async fn next(&mut self) -> NetworkEvent {
        in_time(self.events.recv()).await.expect("the network ended")
    }

    async fn until(&mut self, expected: &NetworkEvent) {
        while self.next().await != *expected {}
    }

    async fn until_connected(&mut self, count: usize) {
        let mut connected = BTreeSet::new();
        while connected.len() < count {
            if let NetworkEvent::Connected(peer) = self.next().await {
                connected.insert(peer);
            }
        }
    }

    async fn next_message(&mut self) -> (ValidatorIndex, Class, Vec<u8>) {
        loop {
            if let NetworkEvent::Message { from, class, bytes } = self.next().await {
                return (from, class, bytes);
            }
        }
    }

    fn of_peer(&self, peer: u16) -> PeerStatus {
        let status = self.handle.status();
        status.peers.into_iter().find(|status| status.index.0 == peer).unwrap()
    }
}

/// Networks of all validators, each connected to every other.
async fn network(count: u16, listen: &str) -> Vec<Node> {
    let mut nodes = Vec::new();
    for i in 0..count {
        nodes.push(Node::start(options(count, i, listen)).await);
    }
    for node in &nodes {
        for other in nodes.iter().filter(|other| other.index != node.index) {
            node.handle.set_addresses(other.index, vec![other.address.clone()]);
        }
    }
    for node in &mut nodes {
        node.until_connected(usize::from(count) - 1).await;
    }
    nodes
}

fn number(i: u32) -> Arc<[u8]> {
    i.to_le_bytes().to_vec().into()
}

/// Everybody sends numbers to everybody in every class, and gets all others' numbers, in order.
async fn check_exchange(listen: &str) {
    const COUNT: u32 = 200;
    let mut nodes = network(4, listen).await;
    for i in 0..COUNT {
        for node in &nodes {
            for class in CLASSES {
                node.handle.broadcast(class, number(i));
            }
        }
    }
    for node in &mut nodes {
        let mut got = BTreeMap::<_, Vec<_>>::new();
        for _ in 0..COUNT as usize * CLASSES.len() * 3 {
            let (from, class, bytes) = node.next_message().await;
            got.entry((from, class)).or_default().push(bytes);
        }
        let expected = (0..COUNT).map(|i| number(i).to_vec()).collect::<Vec<_>>();
        assert_eq!(got.len(), 9, "three senders, three classes");
        for (stream, messages) in got {
            assert!(messages == expected, "{stream:?} at {:?}: {messages:?}", node.index);
        }
    }
}

#[tokio::test]
async fn four_validators_exchange_all_classes_in_order_over_tcp() {
    check_exchange(TCP).await;
}

#[tokio::test]
async fn four_validators_exchange_all_classes_in_order_over_quic() {
    check_exchange(QUIC).await;
}

#[tokio::test]
async fn the_largest_message_arrives_and_a_larger_one_is_not_sent() {
    for listen in [TCP, QUIC] {
        let mut nodes = network(2, listen).await;
        let to = ValidatorIndex(1);
        let largest: Arc<[u8]> = vec![5; MESSAGE_BYTES_MAX].into();
        nodes[0].handle.send(to, Class::Vote, vec![1; VOTE_BYTES_MAX + 1].into());
        nodes[0].handle.send(to, Class::Proposal, vec![2; MESSAGE_BYTES_MAX + 1].into());
        assert_eq!(nodes[0].of_peer(1).dropped_messages, 2);
        nodes[0].handle.send(to, Class::Proposal, Arc::clone(&largest));
        let (from, class, bytes) = nodes[1].next_message().await;
        assert_eq!((from, class), (ValidatorIndex(0), Class::Proposal));
        assert!(*bytes == *largest);
    }
}

#[tokio::test]
async fn gossip_reaches_everybody_once() {
    for listen in [TCP, QUIC] {
        let mut nodes = network(4, listen).await;
        for node in &nodes {
            let message = node.index.0.to_le_bytes().repeat(50_000);
            node.handle.gossip(message.clone());
            node.handle.gossip(message);
        }
        for node in &mut nodes {
            let mut got = Vec::new();
            while got.len() < 3 {
                if let NetworkEvent::Gossip { bytes, .. } = node.next().await {
                    got.push(u16::from_le_bytes([bytes[0], bytes[1]]));
                }
            }
            got.sort_unstable();
            let others = (0..4).filter(|i| *i != node.index.0).collect::<Vec<_>>();
            assert_eq!(got, others);
        }
    }
}

#[tokio::test]
async fn a_stranger_cannot_connect_nor_deliver() {
    let mut node = Node::start(options(2, 0, TCP)).await;
    let mut stranger = Rogue::new(secret(STRANGER), &node.address, node.handle.status().peer_id);
    stranger.send_in_background(&CHAIN, Class::Vote, vec![1, 1, 0, 0, 0, 9]);
    stranger.until_refused().await;

    let mut honest = options(2, 1, TCP);
    honest.peers.insert(node.index, vec![node.address.clone()]);
    let mut honest = Node::start(honest).await;
    honest.until_connected(1).await;
    honest.handle.send(node.index, Class::Vote, number(1));
    let (from, bytes) = (honest.index, number(1).to_vec());
    let expected =
        [NetworkEvent::Connected(from), NetworkEvent::Message { from, class: Class::Vote, bytes }];
    let first = [node.next().await, node.next().await];
    assert!(expected.iter().all(|event| first.contains(event)), "{first:?}");
    assert!(node.handle.status().refused_connections >= 1);
}

#[tokio::test]
async fn another_chain_cannot_talk() {
    let mut node = Node::start(options(2, 0, TCP)).await;
    // The key is that of validator 1; only the chain differs.
    let mut other = Rogue::new(secret(1), &node.address, node.handle.status().peer_id);
    other.accept(&OTHER_CHAIN);
    other.send_in_background(&OTHER_CHAIN, Class::Vote, vec![1, 1, 0, 0, 0, 9]);
    other.until_refused().await;
    assert_eq!(node.events.recv().now_or_never(), None);
    assert_eq!(node.of_peer(1).connected_since, None);
}

#[tokio::test]
async fn an_oversized_frame_ends_the_connection_and_bars_the_peer() {
    let mut node = Node::start(options(2, 0, TCP)).await;
    let mut rogue = Rogue::new(secret(1), &node.address, node.handle.status().peer_id);
    rogue.accept(&CHAIN);
    node.until(&NetworkEvent::Connected(ValidatorIndex(1))).await;
    let length = u32::try_from(VOTE_BYTES_MAX + 1).unwrap().to_le_bytes();
    let head = [&[1][..], &length].concat();
    rogue.send_in_background(&CHAIN, Class::Vote, head);
    rogue.until_refused().await;
    node.until(&NetworkEvent::Disconnected(ValidatorIndex(1))).await;

    let before = node.handle.status().refused_connections;
    rogue.dial();
    rogue.until_refused().await;
    assert!(node.handle.status().refused_connections > before);
    assert_eq!(node.of_peer(1).received_messages, 0);
}

#[tokio::test]
async fn a_peer_that_does_not_read_blocks_nobody_and_costs_bounded_memory() {
    const COUNT: u32 = 64;
    for listen in [TCP, QUIC] {
        let mut nodes = network(3, listen).await;
        let [sender, deaf, reader] = nodes.as_mut_slice() else { panic!("three nodes") };
        for i in 0..COUNT {
            let mut bytes = number(i).to_vec();
            bytes.resize(1 << 20, 0);
            sender.handle.broadcast(Class::Bulk, bytes.into());
            let (_, _, bytes) = reader.next_message().await;
            assert_eq!(bytes[..4], i.to_le_bytes());
            assert!(sender.of_peer(1).outbox_bytes <= outbox_bytes_max(Class::Bulk));
            assert!(deaf.of_peer(0).inbox_bytes <= inbox_bytes_max(Class::Bulk));
        }
        assert!(sender.of_peer(1).dropped_messages > 0);
        assert_eq!(sender.of_peer(2).dropped_messages, 0);

        // A vote overtakes the bulk that still waits, and the newest bulk was kept.
        sender.handle.send(deaf.index, Class::Vote, number(COUNT));
        let (_, first, _) = deaf.next_message().await;
        let mut classes = vec![first];
        loop {
            let (_, class, bytes) = deaf.next_message().await;
            classes.push(class);
            if bytes[..4] == (COUNT - 1).to_le_bytes() {
                break;
            }
        }
        assert!(classes.contains(&Class::Vote), "the vote came after all bulk");
    }
}

/// Yields to the networks until something of their status holds.
async fn until(condition: impl Fn() -> bool) {
    in_time(async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// One peer sends as fast as its streams take it, in one class after the other. What another sends waits behind no more
/// than what the first may have waiting in the same class, and a vote behind nothing of the other classes.
#[tokio::test]
async fn a_flood_of_any_class_costs_the_others_nothing() {
    for (listen, class) in [TCP, QUIC].into_iter().flat_map(|one| CLASSES.map(|class| (one, class)))
    {
        let mut nodes = network(3, listen).await;
        let [flooder, honest, reader] = nodes.as_mut_slice() else { panic!("three nodes") };
        let length = if class == Class::Vote { 1 << 10 } else { 128 << 10 };
        let charged = length + MESSAGE_OVERHEAD_BYTES;
        let flood: Arc<[u8]> = vec![0; length].into();
        let full = inbox_bytes_max(class) - 2 * charged;
        until(|| {
            flooder.handle.send(reader.index, class, Arc::clone(&flood));
            reader.of_peer(0).inbox_bytes >= full
        })
        .await;
        honest.handle.send(reader.index, Class::Vote, number(1));
        until(|| reader.of_peer(1).inbox_bytes > 0).await;
        assert!(reader.of_peer(0).inbox_bytes <= inbox_bytes_max(class));
        let mut before = 0;
        while reader.next_message().await.0 != honest.index {
            before += 1;
        }
        let most = if class == Class::Vote { inbox_bytes_max(class) / charged } else { 0 };
        assert!(before <= most, "{before} messages of a {class:?} flood came first over {listen}");
        assert_eq!(honest.of_peer(2).dropped_messages, 0);
    }
}

/// A validator that returns at its old address is connected within two seconds, although it does
/// not dial.
async fn check_restart(listen: &str, crash: bool) {
    let mut node = Node::start(options(2, 0, TCP)).await;
    let runtime = Runtime::new().unwrap();
    let other = Node::start_on(options(2, 1, listen), runtime.handle()).await;
    node.handle.set_addresses(other.index, vec![other.address.clone()]);
    node.until(&NetworkEvent::Connected(other.index)).await;

    if !crash {
        in_time(other.handle.shutdown()).await;
    }
    // As the end of a process does: returns when every task is dropped, and with it every socket.
    // Another thread waits, because a runtime may not block one of its own.
    std::thread::spawn(move || runtime.shutdown_timeout(DEADLINE)).join().unwrap();
    node.until(&NetworkEvent::Disconnected(other.index)).await;

    let start = Instant::now();
    let mut returned = Node::start(options(2, 1, &other.address.to_string())).await;
    node.until(&NetworkEvent::Connected(other.index)).await;
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    node.handle.send(other.index, Class::Vote, number(1));
    assert_eq!(returned.next_message().await.2, number(1).to_vec());
}

#[tokio::test]
async fn a_crashed_validator_is_reconnected_within_two_seconds() {
    check_restart(TCP, true).await;
}

#[tokio::test]
async fn a_stopped_validator_is_reconnected_within_two_seconds() {
    check_restart(TCP, false).await;
    check_restart(QUIC, false).await;
}

/// Its old QUIC connection, over which nothing says that it is gone, takes none of what is sent to it.
#[tokio::test]
async fn a_validator_that_died_and_is_back_at_once_is_spoken_to_at_once() {
    let mut node = Node::start(options(2, 0, QUIC)).await;
    let runtime = Runtime::new().unwrap();
    let mut other = Node::start_on(options(2, 1, QUIC), runtime.handle()).await;
    node.handle.set_addresses(other.index, vec![other.address.clone()]);
    node.until(&NetworkEvent::Connected(other.index)).await;
    other.until(&NetworkEvent::Connected(node.index)).await;
    other.handle.send(node.index, Class::Vote, number(0));
    assert_eq!(node.next_message().await.2, number(0).to_vec());
    std::thread::spawn(move || runtime.shutdown_timeout(DEADLINE)).join().unwrap();

    let start = Instant::now();
    let mut returned = Node::start(options(2, 1, QUIC)).await;
    returned.handle.set_addresses(node.index, vec![node.address.clone()]);
    node.until(&NetworkEvent::Disconnected(other.index)).await;
    node.until(&NetworkEvent::Connected(other.index)).await;
    node.handle.send(other.index, Class::Vote, number(1));
    assert_eq!(returned.next_message().await.2, number(1).to_vec());
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn events_end_after_shutdown() {
    let mut nodes = network(2, TCP).await;
    in_time(nodes[0].handle.shutdown()).await;
    in_time(async { while nodes[0].events.recv().await.is_some() {} }).await;
    nodes[1].until(&NetworkEvent::Disconnected(ValidatorIndex(0))).await;
    in_time(nodes[0].handle.shutdown()).await;
}

#[tokio::test]
async fn wrong_options_are_named() {
    let runtime = Handle::current();
    let own = NetworkOptions { secret: secret(1), ..options(2, 0, TCP) };
    assert!(matches!(start(own, &runtime), Err(NetworkError::OwnKey { .. })));
    for listen in ["/ip4/192.0.2.1/tcp/0", "/ip4/192.0.2.1/udp/0/quic-v1"] {
        let error = start(options(2, 0, listen), &runtime).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot listen on {listen}: Cannot assign requested address (os error 99)")
        );
    }
}
