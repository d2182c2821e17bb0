//! Events that wait for the consumer: the most urgent first, bounded for each peer by bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use libp2p::Multiaddr;
use primitives::ValidatorIndex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::limits::{
    GOSSIP_BUDGET_BYTES, MESSAGE_OVERHEAD_BYTES, URGENT_IN_A_ROW_MAX, inbox_bytes_max,
};
use super::peers::PerClass;
use super::{Class, NetworkEvent};

/// The consumer's end: takes events one by one, connections and votes before proposals before bulk
/// before gossip. While it does not, peers' streams are not read once their budgets are used up.
#[derive(Debug)]
pub struct NetworkEvents(pub(super) Arc<Inbox>);

impl NetworkEvents {
    /// The next event; nothing when the network has ended and all its events are taken.
    pub async fn recv(&mut self) -> Option<NetworkEvent> {
        loop {
            let arrived = self.0.arrived.notified();
            {
                let mut lanes = self.0.lock();
                if let Some(event) = lanes.pop() {
                    return Some(event);
                }
                if lanes.ended {
                    return None;
                }
            }
            arrived.await;
        }
    }

    /// [`Self::recv`] for a plain thread, which it blocks; not for a task of the runtime.
    pub fn blocking_recv(&mut self) -> Option<NetworkEvent> {
        futures::executor::block_on(self.recv())
    }
}

/// The producers' end.
#[derive(Debug)]
pub(super) struct Inbox {
    lanes: Mutex<Lanes>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Lanes {
    control: VecDeque<NetworkEvent>,
    votes: VecDeque<Paid>,
    proposals: VecDeque<Paid>,
    bulk: VecDeque<Paid>,
    gossip: VecDeque<Paid>,
    urgent_in_a_row: u32,
    ended: bool,
}

/// A message and its share of the sender's budget, given back when the consumer takes the message.
#[derive(Debug)]
struct Paid {
    event: NetworkEvent,
    _share: Share,
}

/// A part of a peer's budget.
pub(super) type Share = OwnedSemaphorePermit;

/// What one peer may have being read and waiting for the consumer, over all its connections.
#[derive(Debug)]
pub(super) struct Budgets {
    classes: PerClass<Budget>,
    gossip: Budget,
}

/// Bytes, with overhead, as permits of a semaphore.
#[derive(Debug)]
struct Budget {
    bytes_max: usize,
    free: Arc<Semaphore>,
}

impl Budgets {
    pub(super) fn new() -> Self {
        Self {
            classes: PerClass::from_fn(|class| Budget::new(inbox_bytes_max(class))),
            gossip: Budget::new(GOSSIP_BUDGET_BYTES),
        }
    }

    /// Waits until the budget of the class has room for a message of this length.
    pub(super) async fn reserve(&self, class: Class, length: usize) -> Option<Share> {
        let budget = self.classes.get(class);
        Arc::clone(&budget.free).acquire_many_owned(cost(length)).await.ok()
    }

    /// A share for a gossiped message, if the budget has room now.
    pub(super) fn reserve_gossip(&self, length: usize) -> Option<Share> {
        Arc::clone(&self.gossip.free).try_acquire_many_owned(cost(length)).ok()
    }

    /// Bytes that are being read or wait, with their overhead.
    pub(super) fn bytes(&self) -> usize {
        let classes = self.classes.iter().map(Budget::used).sum::<usize>();
        classes + self.gossip.used()
    }
}

impl Budget {
    fn new(bytes_max: usize) -> Self {
        Self { bytes_max, free: Arc::new(Semaphore::new(bytes_max)) }
    }

    fn used(&self) -> usize {
        self.bytes_max.saturating_sub(self.free.available_permits())
    }
}

fn cost(length: usize) -> u32 {
    u32::try_from(length + MESSAGE_OVERHEAD_BYTES).unwrap_or(u32::MAX)
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { lanes: Mutex::default(), arrived: Notify::new() }
    }

    pub(super) fn message(&self, from: ValidatorIndex, class: Class, bytes: Vec<u8>, share: Share) {
        let paid = Paid { event: NetworkEvent::Message { from, class, bytes }, _share: share };
        self.change(|lanes| match class {
            Class::Vote => lanes.votes.push_back(paid),
            Class::Proposal => lanes.proposals.push_back(paid),
            Class::Bulk => lanes.bulk.push_back(paid),
        });
    }

    pub(super) fn gossip(&self, from: ValidatorIndex, bytes: Vec<u8>, share: Share) {
        let paid = Paid { event: NetworkEvent::Gossip { bytes, from }, _share: share };
        self.change(|lanes| lanes.gossip.push_back(paid));
    }

    pub(super) fn listening(&self, address: Multiaddr) {
        self.change(|lanes| {
            let event = NetworkEvent::Listening(address);
            if !lanes.control.contains(&event) {
                lanes.control.push_back(event);
            }
        });
    }

    pub(super) fn connected(&self, peer: ValidatorIndex) {
        self.change(|lanes| lanes.turn(peer, NetworkEvent::Connected(peer)));
    }

    pub(super) fn disconnected(&self, peer: ValidatorIndex) {
        self.change(|lanes| lanes.turn(peer, NetworkEvent::Disconnected(peer)));
    }

    /// No event comes after this.
    pub(super) fn end(&self) {
        self.change(|lanes| lanes.ended = true);
    }

    fn change(&self, change: impl FnOnce(&mut Lanes)) {
        change(&mut self.lock());
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    fn pop(&mut self) -> Option<NetworkEvent> {
        if self.urgent_in_a_row >= URGENT_IN_A_ROW_MAX {
            // So that a flood of votes cannot keep a node from catching up.
            self.urgent_in_a_row = 0;
            let least = [&mut self.gossip, &mut self.bulk, &mut self.proposals];
            let rotated = least.into_iter().find_map(VecDeque::pop_front);
            if let Some(paid) = rotated {
                return Some(paid.event);
            }
        }
        self.urgent_in_a_row += 1;
        if let Some(event) = self.control.pop_front() {
            return Some(event);
        }
        let lanes = [&mut self.votes, &mut self.proposals, &mut self.bulk, &mut self.gossip];
        let paid = lanes.into_iter().find_map(VecDeque::pop_front)?;
        Some(paid.event)
    }

    /// Queues a turn of a peer's connection. Turns alternate, so when two of a peer already wait,
    /// the new one and the last cancel each other: the consumer sees the final state, and the queue
    /// stays bounded.
    fn turn(&mut self, peer: ValidatorIndex, event: NetworkEvent) {
        let of_peer = |event: &NetworkEvent| match event {
            NetworkEvent::Connected(other) | NetworkEvent::Disconnected(other) => *other == peer,
            _ => false,
        };
        let waiting = self.control.iter().filter(|event| of_peer(event)).count();
        match self.control.iter().rposition(of_peer) {
            Some(last) if waiting >= 2 => drop(self.control.remove(last)),
            _ => self.control.push_back(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::network::limits::{PEER_BUFFERS, VOTE_BYTES_MAX};

    const PEER: ValidatorIndex = ValidatorIndex(1);

    fn put(inbox: &Inbox, budgets: &Budgets, class: Class, tag: u8) {
        let share = budgets.reserve(class, 1).now_or_never().unwrap().unwrap();
        inbox.message(PEER, class, vec![tag], share);
    }

    fn classes(events: &mut NetworkEvents, count: usize) -> Vec<Class> {
        let next = || match events.recv().now_or_never() {
            Some(Some(NetworkEvent::Message { class, .. })) => Some(class),
            _ => None,
        };
        std::iter::from_fn(next).take(count).collect()
    }

    #[test]
    fn votes_come_before_what_arrived_earlier() {
        let (inbox, budgets) = (Arc::new(Inbox::new()), Budgets::new());
        for class in [Class::Bulk, Class::Proposal, Class::Vote] {
            put(&inbox, &budgets, class, 0);
        }
        let order = classes(&mut NetworkEvents(inbox), 3);
        assert_eq!(order, [Class::Vote, Class::Proposal, Class::Bulk]);
        assert_eq!(budgets.bytes(), 0);
    }

    #[test]
    fn bulk_comes_through_a_flood_of_votes() {
        let (inbox, budgets) = (Arc::new(Inbox::new()), Budgets::new());
        put(&inbox, &budgets, Class::Bulk, 0);
        (0..100).for_each(|i| put(&inbox, &budgets, Class::Vote, i));
        let order = classes(&mut NetworkEvents(inbox), 50);
        assert!(order.contains(&Class::Bulk), "{order:?}");
    }

    #[test]
    fn a_used_up_budget_waits_for_the_consumer() {
        let (inbox, budgets) = (Arc::new(Inbox::new()), Budgets::new());
        let mut events = NetworkEvents(Arc::clone(&inbox));
        for _ in 0..2 {
            let share = budgets.reserve(Class::Vote, VOTE_BYTES_MAX).now_or_never().unwrap();
            inbox.message(PEER, Class::Vote, vec![], share.unwrap());
        }
        let mut third = Box::pin(budgets.reserve(Class::Vote, VOTE_BYTES_MAX));
        assert!(third.as_mut().now_or_never().is_none());
        assert!(events.recv().now_or_never().is_some());
        assert!(third.now_or_never().is_some());
    }

    /// A peer's memory, summed: with a hundred validators a node must still fit into its machine.
    #[test]
    fn one_peer_costs_a_known_amount_of_memory() {
        let sum: usize = PEER_BUFFERS.iter().map(|(_, bytes)| bytes).sum();
        assert!(sum <= 80 << 20, "{sum} bytes for one peer");
        let budgets = Budgets::new();
        let budgeted = budgets.classes.iter().map(|budget| budget.bytes_max).sum::<usize>();
        let received = PEER_BUFFERS.iter().filter(|(name, _)| name.ends_with("received"));
        let received: usize = received.map(|(_, bytes)| bytes).sum();
        assert_eq!(received, budgeted + budgets.gossip.bytes_max, "the table names every budget");
    }

    #[test]
    fn turns_of_a_connection_collapse_to_the_final_state() {
        let inbox = Arc::new(Inbox::new());
        let mut events = NetworkEvents(Arc::clone(&inbox));
        for _ in 0..1_000 {
            inbox.connected(PEER);
            inbox.disconnected(PEER);
        }
        inbox.connected(PEER);
        inbox.end();
        assert_eq!(events.blocking_recv(), Some(NetworkEvent::Connected(PEER)));
        assert_eq!(events.blocking_recv(), None);
    }
}
