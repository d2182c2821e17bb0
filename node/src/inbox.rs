//! The way into the replica's thread: answers to its own actions always pass, what comes from outside waits its turn.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use replica::{Event, Replica};

/// Transactions of own clients that wait at once; above it RPC says that the node is overloaded.
const CLIENTS_MAX: usize = 4_096;
/// Bytes from validators that wait at once, or one message; above it the network stops reading. A few turns' worth of
/// votes: what waits here has lost its urgency, and behind it the network keeps votes before the rest, and peers apart.
const NETWORK_BYTES_MAX: usize = 256 << 10;
/// What a message is charged beyond its own bytes.
const EVENT_BYTES: usize = 256;

/// A look at the replica between two events.
type Look = Box<dyn FnOnce(&Replica) + Send>;

/// What the replica's thread is given.
pub enum Command {
    Event { event: Event, _permit: Option<Permit> },
    Look(Look),
    Stop,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Event { event, .. } => f.debug_tuple("Event").field(event).finish(),
            Self::Look(_) => f.write_str("Look"),
            Self::Stop => f.write_str("Stop"),
        }
    }
}

/// Lets in so much at once, in whatever it counts.
#[derive(Debug)]
struct Gate {
    most: usize,
    inside: Mutex<usize>,
    left: Condvar,
}

impl Gate {
    fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, inside: Mutex::default(), left: Condvar::new() })
    }

    fn inside(&self) -> MutexGuard<'_, usize> {
        match self.inside.lock() {
            Ok(inside) => inside,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    /// Whether so much more has room. Whatever its size, one is let in.
    fn has_room(&self, inside: usize, share: usize) -> bool {
        inside == 0 || inside + share <= self.most
    }

    fn enter(self: &Arc<Self>, share: usize) -> Permit {
        let mut inside = self.inside();
        while !self.has_room(*inside, share) {
            inside = match self.left.wait(inside) {
                Ok(inside) => inside,
                Err(poisoned) => poisoned.into_inner(),
            };
        }
        *inside += share;
        Permit { gate: Arc::clone(self), share }
    }

    fn try_enter(self: &Arc<Self>, share: usize) -> Option<Permit> {
        let mut inside = self.inside();
        if !self.has_room(*inside, share) {
            return None;
        }
        *inside += share;
        Some(Permit { gate: Arc::clone(self), share })
    }
}

/// A share of what a gate lets in; dropping it makes room.
#[derive(Debug)]
pub struct Permit {
    gate: Arc<Gate>,
    share: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.gate.inside() -= self.share;
        self.gate.left.notify_one();
    }
}

/// The sending side; cheap to clone.
#[derive(Clone, Debug)]
pub struct Inbox {
    sender: Sender<Command>,
    clients: Arc<Gate>,
    network: Arc<Gate>,
}

/// The replica's thread has ended.
#[derive(Clone, Copy, Debug)]
pub struct Closed;

impl Inbox {
    pub fn new() -> (Self, Receiver<Command>) {
        let (sender, receiver) = channel();
        let (clients, network) = (Gate::new(CLIENTS_MAX), Gate::new(NETWORK_BYTES_MAX));
        (Self { sender, clients, network }, receiver)
    }

    /// The answer to one of the replica's actions. How many there can be is bounded by the actions.
    pub fn answer(&self, event: Event) -> Result<(), Closed> {
        self.sender.send(Command::Event { event, _permit: None }).map_err(|_| Closed)
    }

    /// Something of this node that the replica must know. It happens seldom.
    pub fn notify(&self, event: Event) -> Result<(), Closed> {
        self.answer(event)
    }

    /// An event that came from a validator as so many bytes; waits for room.
    pub fn push(&self, event: Event, bytes: usize) -> Result<(), Closed> {
        self.send(event, self.network.enter(bytes + EVENT_BYTES))
    }

    /// An event of an own client, if there is room now.
    pub fn try_push(&self, event: Event) -> Option<Result<(), Closed>> {
        Some(self.send(event, self.clients.try_enter(1)?))
    }

    fn send(&self, event: Event, permit: Permit) -> Result<(), Closed> {
        let command = Command::Event { event, _permit: Some(permit) };
        self.sender.send(command).map_err(|_| Closed)
    }

    /// Reads something of the replica, between two events.
    pub fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Replica) -> T + Send + 'static,
    ) -> tokio::sync::oneshot::Receiver<T> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let look: Look = Box::new(move |replica| {
            // Whoever asked may have gone.
            let _ = sender.send(look(replica));
        });
        // A closed inbox drops the look and its sender, which the receiver sees.
        let _ = self.sender.send(Command::Look(look));
        receiver
    }

    pub fn stop(&self) {
        let _ = self.sender.send(Command::Stop);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const SMALL: usize = 1_000;

    /// Without a bound in bytes, a peer that sends large messages fills the memory, and votes wait behind them.
    #[test]
    fn what_validators_send_is_bounded_in_bytes_and_passes_in_order() {
        let (inbox, commands) = Inbox::new();
        let fits = NETWORK_BYTES_MAX / (SMALL + EVENT_BYTES);
        for _ in 0..fits {
            assert!(inbox.push(Event::Tick, SMALL).is_ok());
        }
        assert!(inbox.network.try_enter(SMALL + EVENT_BYTES).is_none(), "one more waits");
        assert!(matches!(inbox.try_push(Event::Tick), Some(Ok(()))), "clients have their own room");
        let large = thread::spawn({
            let inbox = inbox.clone();
            move || inbox.push(Event::Start, 10 * NETWORK_BYTES_MAX).is_ok()
        });
        for _ in 0..=fits {
            assert!(matches!(commands.recv(), Ok(Command::Event { event: Event::Tick, .. })));
        }
        let Ok(last) = commands.recv() else { panic!("the large one comes when it is alone") };
        assert!(matches!(&last, Command::Event { event: Event::Start, .. }));
        assert!(large.join().expect("the thread ends"));
        assert!(inbox.network.try_enter(1).is_none(), "and nothing beside it");
        drop(last);
        assert!(inbox.network.try_enter(1).is_some());
    }
}
