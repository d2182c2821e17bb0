//! How long the disk takes, told to threads that must not wait for it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::status::Here;

/// For this long a slow write is worth telling, in milliseconds.
const REMEMBERED_MS: u64 = 60_000;

/// Times the writes of the vote log. All times are on the uptime clock.
#[derive(Debug, Default)]
pub struct WriteGauge(Mutex<Writes>);

#[derive(Debug, Default)]
struct Writes {
    since_ms: Option<u64>,
    /// When the slowest one ended, and how long it took.
    slowest: Option<(u64, u64)>,
}

impl WriteGauge {
    pub fn begin(&self, now_ms: u64) {
        self.lock().since_ms = Some(now_ms);
    }

    /// How long the write took that has ended, in milliseconds.
    pub fn end(&self, now_ms: u64) -> u64 {
        let mut writes = self.lock();
        let took = writes.since_ms.take().map_or(0, |since| now_ms.saturating_sub(since));
        let is_slower = writes.slowest.is_none_or(|(at, slowest)| {
            took >= slowest || now_ms.saturating_sub(at) > REMEMBERED_MS
        });
        if is_slower {
            writes.slowest = Some((now_ms, took));
        }
        took
    }

    pub fn here(&self, now_ms: u64) -> Here {
        let writes = self.lock();
        let recent = writes.slowest.filter(|(at, _)| now_ms.saturating_sub(*at) <= REMEMBERED_MS);
        Here {
            writing_ms: writes.since_ms.map(|since| now_ms.saturating_sub(since)),
            slowest_write_ms: recent.map(|(_, took)| took),
            disk: None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Writes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_write_is_told_while_it_lasts_and_for_a_minute() {
        let gauge = WriteGauge::default();
        gauge.begin(1_000);
        assert_eq!(gauge.here(4_000).writing_ms, Some(3_000));
        assert_eq!(gauge.end(5_000), 4_000);
        gauge.begin(6_000);
        assert_eq!(gauge.end(6_001), 1);
        let later = Here { slowest_write_ms: Some(4_000), ..Here::default() };
        assert_eq!(gauge.here(7_000), later);
        assert_eq!(gauge.here(65_001), Here::default());
    }
}
