//! What a run costs: messages, bytes, and processor time.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Sums over all instances.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meter {
    /// Direct messages, one for each receiver; gossip of batches is not among them.
    pub messages: u64,
    pub bytes: u64,
    /// Processor time of replicas and ledgers. It is the machine's, so it differs from run to run.
    pub cpu: Duration,
}

impl Meter {
    pub fn sent(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }

    pub fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let began = now();
        let done = work();
        self.cpu += now().saturating_sub(began);
        done
    }
}

/// The processor time of this thread.
fn now() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
