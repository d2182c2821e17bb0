//! The way into the replica's thread: answers to its own actions always pass, what comes from outside waits its turn.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use replica::{Event, Replica};

/// Events from outside that wait at once; the network stops reading above it, RPC says that it is overloaded.
const OUTSIDE_MAX: usize = 4_096;

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

#[derive(Debug, Default)]
struct Gate {
    inside: Mutex<usize>,
    left: Condvar,
}

impl Gate {
    fn inside(&self) -> MutexGuard<'_, usize> {
        match self.inside.lock() {
            Ok(inside) => inside,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}

/// One place among the events from outside; dropping it makes room.
#[derive(Debug)]
pub struct Permit(Arc<Gate>);

impl Drop for Permit {
    fn drop(&mut self) {
        *self.0.inside() -= 1;
        self.0.left.notify_one();
    }
}

/// The sending side; cheap to clone.
#[derive(Clone, Debug)]
pub struct Inbox {
    sender: Sender<Command>,
    gate: Arc<Gate>,
}

/// The replica's thread has ended.
#[derive(Clone, Copy, Debug)]
pub struct Closed;

impl Inbox {
    pub fn new() -> (Self, Receiver<Command>) {
        let (sender, receiver) = channel();
        (Self { sender, gate: Arc::default() }, receiver)
    }

    /// The answer to one of the replica's actions. How many there can be is bounded by the actions.
    pub fn answer(&self, event: Event) -> Result<(), Closed> {
        self.sender.send(Command::Event { event, _permit: None }).map_err(|_| Closed)
    }

    /// An event from outside; waits for room.
    pub fn push(&self, event: Event) -> Result<(), Closed> {
        let mut inside = self.gate.inside();
        while *inside >= OUTSIDE_MAX {
            inside = match self.gate.left.wait(inside) {
                Ok(inside) => inside,
                Err(poisoned) => poisoned.into_inner(),
            };
        }
        *inside += 1;
        drop(inside);
        self.send_with_permit(event)
    }

    /// An event from outside, if there is room now.
    pub fn try_push(&self, event: Event) -> Option<Result<(), Closed>> {
        {
            let mut inside = self.gate.inside();
            if *inside >= OUTSIDE_MAX {
                return None;
            }
            *inside += 1;
        }
        Some(self.send_with_permit(event))
    }

    fn send_with_permit(&self, event: Event) -> Result<(), Closed> {
        let permit = Some(Permit(Arc::clone(&self.gate)));
        self.sender.send(Command::Event { event, _permit: permit }).map_err(|_| Closed)
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
