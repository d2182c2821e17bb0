//! A partition among real processes: a validator that does not hear some others.
//!
//! The connections stay, as with a firewall that drops packets. Who is not heard stands in a file that the test
//! rewrites while the process runs: indices, with spaces. Whoever is to be cut off in both directions stands in both
//! files.

use std::collections::BTreeSet;
use std::path::PathBuf;

use consensus::Now;
use primitives::ValidatorIndex;
use replica::{Action, Event, Machine, Record, Replica};

/// How often the file is read at most, in milliseconds.
const READ_MS: u64 = 20;

/// A machine behind such a file.
#[derive(Debug)]
pub struct Cut {
    machine: Box<dyn Machine>,
    file: PathBuf,
    unheard: BTreeSet<ValidatorIndex>,
    read_again_ms: u64,
}

impl Cut {
    /// While the file is not there, everybody is heard.
    pub fn new(machine: Box<dyn Machine>, file: PathBuf) -> Self {
        Self { machine, file, unheard: BTreeSet::new(), read_again_ms: 0 }
    }

    fn read(&mut self, now: Now) {
        if now.uptime_ms < self.read_again_ms {
            return;
        }
        self.read_again_ms = now.uptime_ms.saturating_add(READ_MS);
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let indices = text.split_whitespace().filter_map(|index| index.parse().ok());
        self.unheard = indices.map(ValidatorIndex).collect();
    }
}

impl Machine for Cut {
    fn on_event(&mut self, now: Now, event: Event) -> Vec<Action> {
        self.read(now);
        let speaker = match &event {
            Event::Message { from, .. } => Some(*from),
            Event::Gossip { batch, .. } => Some(batch.batch.author),
            _ => None,
        };
        let event = match speaker {
            Some(speaker) if self.unheard.contains(&speaker) => Event::Tick,
            _ => event,
        };
        self.machine.on_event(now, event)
    }

    fn deadline_ms(&self) -> u64 {
        self.machine.deadline_ms()
    }

    fn compacted(&mut self) -> Option<Vec<Record>> {
        self.machine.compacted()
    }

    fn replica(&self) -> &Replica {
        self.machine.replica()
    }
}
