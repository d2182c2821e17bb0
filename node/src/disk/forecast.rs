//! How fast a disk fills, and when it has: functions of what was measured, without a clock.
//!
//! A store grows in jumps: its logs are laid out ahead and dropped, its files are merged. A rate between two moments
//! says little, and a least-squares line follows the largest jump. The rate here is the estimator of Theil (1950) and
//! Sen (1968), the median of the slopes between all pairs of samples: it stays right while up to 29 of 100 samples
//! lie anywhere.

use std::collections::VecDeque;

/// Milliseconds that are looked back. A change of load shows after a third of it.
const WINDOW_MS: u64 = 3_600_000;
/// Milliseconds that samples must span before a rate is told: a node that has just started moves its files about.
const SPAN_MS_MIN: u64 = 300_000;
/// Samples kept; their pairs are what a look costs.
const SAMPLES_MAX: usize = 241;
const SECONDS_A_DAY: u64 = 86_400;
const MS_A_DAY: i128 = 1_000 * SECONDS_A_DAY as i128;

/// What was measured at one moment of the uptime clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub at_ms: u64,
    /// Bytes free on the disk.
    pub free_bytes: u64,
    /// Bytes that the node's data takes.
    pub used_bytes: u64,
}

/// How fast things change, in bytes a day; below zero when they shrink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Of the node's data.
    pub growth: i64,
    /// Of what is free on the disk, to which others may write too.
    pub free: i64,
}

/// When the disk has filled up to its floor at the present rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forecast {
    /// Too little has been measured.
    Unknown,
    /// It does not fill.
    Never,
    /// In so many seconds.
    Seconds(u64),
}

/// The samples of the last hour, oldest first.
#[derive(Debug, Default)]
pub struct History {
    samples: VecDeque<Sample>,
}

impl History {
    /// Adds a sample that is later than all before, and forgets those that are too old.
    pub fn add(&mut self, sample: Sample) {
        self.samples.push_back(sample);
        let oldest_ms = sample.at_ms.saturating_sub(WINDOW_MS);
        while self.samples.len() > SAMPLES_MAX
            || self.samples.front().is_some_and(|first| first.at_ms < oldest_ms)
        {
            self.samples.pop_front();
        }
    }

    /// How fast things change; `None` when too little was measured.
    pub fn rates(&self) -> Option<Rates> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        if last.at_ms - first.at_ms < SPAN_MS_MIN {
            return None;
        }
        let of = |bytes: fn(&Sample) -> u64| {
            let points: Vec<_> = self.samples.iter().map(|one| (one.at_ms, bytes(one))).collect();
            slope(&points)
        };
        Some(Rates { growth: of(|one| one.used_bytes)?, free: of(|one| one.free_bytes)? })
    }
}

/// When no more than `floor_bytes` are free. What fills the disk faster counts: the node's own data, or everything that
/// is written to it.
pub fn forecast(free_bytes: u64, floor_bytes: u64, rates: Option<Rates>) -> Forecast {
    let Some(rates) = rates else { return Forecast::Unknown };
    let loss = u64::try_from(rates.growth.max(rates.free.saturating_neg())).unwrap_or(0);
    if loss == 0 {
        return Forecast::Never;
    }
    let left = u128::from(free_bytes.saturating_sub(floor_bytes)) * u128::from(SECONDS_A_DAY);
    Forecast::Seconds(u64::try_from(left / u128::from(loss)).unwrap_or(u64::MAX))
}

/// The median of the slopes between all pairs of points (milliseconds, bytes), in bytes a day; of an even number of
/// pairs the upper one. `None` without two points at different times.
fn slope(points: &[(u64, u64)]) -> Option<i64> {
    let mut slopes = Vec::with_capacity(points.len().saturating_sub(1) * points.len() / 2);
    for (number, (from_ms, from)) in points.iter().enumerate() {
        for (to_ms, to) in points.iter().skip(number + 1).filter(|(to_ms, _)| to_ms > from_ms) {
            let bytes = i128::from(*to) - i128::from(*from);
            slopes.push(bytes * MS_A_DAY / i128::from(to_ms - from_ms));
        }
    }
    if slopes.is_empty() {
        return None;
    }
    let middle = slopes.len() / 2;
    let (_, median, _) = slopes.select_nth_unstable(middle);
    Some(i64::try_from(*median).unwrap_or(if *median < 0 { i64::MIN } else { i64::MAX }))
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_core::{Rng, SeedableRng};

    use super::*;

    const MINUTE_MS: u64 = 60_000;
    const MEBIBYTE: u64 = 1 << 20;
    const DISK: u64 = 1 << 40;

    fn history(samples: impl IntoIterator<Item = Sample>) -> History {
        let mut history = History::default();
        samples.into_iter().for_each(|sample| history.add(sample));
        history
    }

    /// Data that grows by so many bytes a minute on a disk that holds nothing else.
    fn steady(minute: u64, a_minute: u64) -> Sample {
        let used_bytes = minute * a_minute;
        Sample { at_ms: minute * MINUTE_MS, free_bytes: DISK - used_bytes, used_bytes }
    }

    fn check(history: &History, growth: u64, free: i64) {
        let growth = i64::try_from(growth).unwrap();
        assert_eq!(history.rates(), Some(Rates { growth, free }));
    }

    #[test]
    fn a_line_has_its_slope() {
        let a_day = 1_440 * MEBIBYTE;
        let free = -i64::try_from(a_day).unwrap();
        check(&history((0..30).map(|minute| steady(minute, MEBIBYTE))), a_day, free);
        check(&history((0..30).map(|minute| steady(minute, 0))), 0, 0);
    }

    #[test]
    fn too_short_a_time_tells_no_rate() {
        let mut short = history((0..5).map(|minute| steady(minute, MEBIBYTE)));
        assert_eq!(short.rates(), None);
        short.add(steady(5, MEBIBYTE));
        assert!(short.rates().is_some());
        assert_eq!(History::default().rates(), None);
    }

    #[test]
    fn what_was_long_ago_is_forgotten_and_the_number_of_samples_is_bounded() {
        let wild = |minute| steady(minute, if minute < 60 { 9 * MEBIBYTE } else { 0 });
        check(&history((0..=120).map(wild)), 0, 0);
        let second = |second: u64| Sample { at_ms: second * 1_000, ..steady(0, 0) };
        assert_eq!(history((0..10_000).map(second)).samples.len(), SAMPLES_MAX);
    }

    /// A log of 70 MiB is laid out at once: nobody is told that the disk fills by gigabytes a day. (While it is in the
    /// middle of the window it cannot be told from growth.)
    #[test]
    fn a_jump_is_no_rate() {
        for jump in (1..26).chain(35..60) {
            let jumped = |minute| {
                let Sample { at_ms, .. } = steady(minute, 0);
                let used_bytes = if minute < jump { 0 } else { 70 * MEBIBYTE };
                Sample { at_ms, free_bytes: DISK - used_bytes, used_bytes }
            };
            check(&history((0..60).map(jumped)), 0, 0);
        }
    }

    /// The property of the estimator: however a quarter of the samples lie, the rate is one that the others have.
    #[test]
    fn a_quarter_of_the_samples_may_lie_anywhere() {
        for seed in 0..500 {
            let mut chance = ChaCha8Rng::seed_from_u64(seed);
            let mut below = |bound: u64| chance.next_u64() % bound;
            let (a_minute, mut minute) = (below(64 * MEBIBYTE), 0);
            let mut points = Vec::new();
            for _ in 0..10 {
                let liar = below(4);
                for number in 0..4 {
                    minute += 1 + below(3);
                    let bytes = if number == liar { below(u64::MAX) } else { minute * a_minute };
                    points.push((minute * MINUTE_MS, bytes));
                }
            }
            let expected = i64::try_from(a_minute * 1_440).unwrap();
            assert_eq!(slope(&points), Some(expected), "seed {seed}");
        }
    }

    #[test]
    fn the_faster_of_growth_and_loss_decides() {
        let rates = |growth, free| Some(Rates { growth, free });
        let a_day = i64::try_from(SECONDS_A_DAY).unwrap();
        for (rates, expected) in [
            (None, Forecast::Unknown),
            (rates(0, 0), Forecast::Never),
            (rates(-5, 7), Forecast::Never),
            (rates(a_day, 0), Forecast::Seconds(900)),
            (rates(0, -a_day), Forecast::Seconds(900)),
            (rates(a_day, -2 * a_day), Forecast::Seconds(450)),
            (rates(2 * a_day, a_day), Forecast::Seconds(450)),
            (rates(1, i64::MIN), Forecast::Seconds(0)),
        ] {
            assert_eq!(forecast(1_000, 100, rates), expected, "{rates:?}");
        }
        assert_eq!(forecast(100, 1_000, rates(1, 0)), Forecast::Seconds(0));
    }
}
