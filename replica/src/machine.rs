//! What a driver drives.

use std::fmt::Debug;

use consensus::Now;

use crate::action::Action;
use crate::event::Event;
use crate::replica::{Record, Replica};

/// The synchronous machine of one validator, as its driver sees it: a [`Replica`], or in tests what stands around
/// one and changes what it says.
pub trait Machine: Debug + Send {
    /// Takes one event and answers what is to be done, in order.
    fn on_event(&mut self, now: Now, event: Event) -> Vec<Action>;

    /// The next moment at which [`Event::Tick`] may change something; on the uptime clock.
    fn deadline_ms(&self) -> u64;

    /// See [`Replica::compacted`].
    fn compacted(&mut self) -> Option<Vec<Record>>;

    /// For reading.
    fn replica(&self) -> &Replica;
}

impl Machine for Replica {
    fn on_event(&mut self, now: Now, event: Event) -> Vec<Action> {
        Self::on_event(self, now, event)
    }

    fn deadline_ms(&self) -> u64 {
        Self::deadline_ms(self)
    }

    fn compacted(&mut self) -> Option<Vec<Record>> {
        Self::compacted(self)
    }

    fn replica(&self) -> &Replica {
        self
    }
}
