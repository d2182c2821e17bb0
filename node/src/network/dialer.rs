//! When to dial whom: at once, then after a delay that doubles to a cap, for as long as it takes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use primitives::ValidatorIndex;

use super::limits::{REDIAL_DELAY_MAX, REDIAL_DELAY_MIN};

/// The validators that are neither connected nor being dialed, each with the time of its next dial.
#[derive(Debug)]
pub(super) struct Dialer {
    waiting: BTreeMap<ValidatorIndex, Instant>,
    delays: BTreeMap<ValidatorIndex, Duration>,
}

impl Dialer {
    /// All are to be dialed at once.
    pub(super) fn new(peers: impl IntoIterator<Item = ValidatorIndex>, now: Instant) -> Self {
        let waiting = peers.into_iter().map(|peer| (peer, now)).collect();
        Self { waiting, delays: BTreeMap::new() }
    }

    /// Whom to dial now. Each comes back by [`Self::lost`], or is connected.
    pub(super) fn due(&mut self, now: Instant) -> Vec<ValidatorIndex> {
        let due = self.waiting.iter().filter(|(_, at)| **at <= now).map(|(peer, _)| *peer);
        let due = due.collect::<Vec<_>>();
        for peer in &due {
            self.waiting.remove(peer);
        }
        due
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.waiting.values().min().copied()
    }

    /// A dial failed, or the last connection is gone.
    pub(super) fn lost(&mut self, peer: ValidatorIndex, now: Instant) {
        let delay = self.delays.get(&peer).copied().unwrap_or(REDIAL_DELAY_MIN);
        self.waiting.insert(peer, now + delay);
        self.delays.insert(peer, (delay * 2).min(REDIAL_DELAY_MAX));
    }

    /// A connection is there; whether it is of use is not known yet.
    pub(super) fn connected(&mut self, peer: ValidatorIndex) {
        self.waiting.remove(&peer);
    }

    /// The connection is in use, so the next delay is the shortest again.
    pub(super) fn ready(&mut self, peer: ValidatorIndex) {
        self.delays.remove(&peer);
    }

    /// Addresses changed: all that wait are due.
    pub(super) fn hurry(&mut self, now: Instant) {
        for at in self.waiting.values_mut() {
            *at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: ValidatorIndex = ValidatorIndex(3);

    #[test]
    fn delays_double_to_the_cap_and_start_anew_after_success() {
        let now = Instant::now();
        let mut dialer = Dialer::new([PEER], now);
        let mut delays = Vec::new();
        for _ in 0..6 {
            assert_eq!(dialer.due(dialer.next().unwrap_or(now)), [PEER]);
            dialer.lost(PEER, now);
            delays.push((dialer.next().unwrap() - now).as_millis());
        }
        assert_eq!(delays, [100, 200, 400, 800, 1_000, 1_000]);
        dialer.connected(PEER);
        assert_eq!(dialer.next(), None);
        dialer.ready(PEER);
        dialer.lost(PEER, now);
        assert_eq!(dialer.next(), Some(now + REDIAL_DELAY_MIN));
    }

    #[test]
    fn nobody_is_due_before_the_time_unless_hurried() {
        let now = Instant::now();
        let mut dialer = Dialer::new([PEER], now);
        dialer.lost(PEER, now);
        assert_eq!(dialer.due(now), []);
        dialer.hurry(now);
        assert_eq!(dialer.due(now), [PEER]);
        assert_eq!(dialer.due(now + REDIAL_DELAY_MAX), []);
    }
}
