//! What follows from how full the disk is: a function of what was measured, without a clock.

use crate::config::settings::DiskSettings;

use super::forecast::Forecast;

/// How it stands with the disk, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing to do.
    Plenty,
    /// The operator is warned.
    Low,
    /// Transactions of clients are refused, and none are packed. The node votes and commits.
    Refusing,
    /// The node stops, before the database meets a full disk.
    Stopping,
}

/// The operator's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Bytes free below which transactions are refused.
    pub refuse_below: u64,
    /// A forecast of fewer seconds than this is worth a warning.
    pub warn_below_seconds: u64,
}

impl Policy {
    pub fn of(settings: &DiskSettings) -> Self {
        Self {
            refuse_below: u64::from(settings.free_mib_min.get()) << 20,
            warn_below_seconds: u64::from(settings.warn_hours) * 3_600,
        }
    }

    /// Bytes free below which the node stops. The room up to `refuse_below` is for the blocks of others.
    pub fn stop_below(&self) -> u64 {
        self.refuse_below / 4
    }

    /// Bytes free from which the node starts. Opening the database writes; and closing it gave back room that it takes
    /// again at once, so that a node which is started whenever it stops would do nothing else.
    pub fn start_from(&self) -> u64 {
        self.refuse_below / 2
    }

    /// Bytes free from which transactions are taken again.
    pub fn admit_from(&self) -> u64 {
        left(self.refuse_below)
    }

    /// Bytes free below which the operator is warned whatever the forecast says.
    fn warn_below(&self) -> u64 {
        self.refuse_below.saturating_mul(2)
    }

    /// The level that follows on the one before.
    pub fn level(&self, before: Level, free_bytes: u64, forecast: Forecast) -> Level {
        let crossed = |value: u64, bound: u64, level: Level| {
            value < if before >= level { left(bound) } else { bound }
        };
        let fills_soon = match forecast {
            Forecast::Seconds(seconds) => crossed(seconds, self.warn_below_seconds, Level::Low),
            Forecast::Unknown | Forecast::Never => false,
        };
        if free_bytes < self.stop_below() {
            Level::Stopping
        } else if crossed(free_bytes, self.refuse_below, Level::Refusing) {
            Level::Refusing
        } else if fills_soon || crossed(free_bytes, self.warn_below(), Level::Low) {
            Level::Low
        } else {
            Level::Plenty
        }
    }
}

/// Where a bound that was crossed is left behind: a quarter beyond it, so that a disk at the bound does not make the
/// node take and refuse in turns.
fn left(bound: u64) -> u64 {
    bound.saturating_add(bound / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { refuse_below: 1_000, warn_below_seconds: 100 };
    const LEVELS: [Level; 4] = [Level::Plenty, Level::Low, Level::Refusing, Level::Stopping];

    fn check(before: Level, free_bytes: u64, forecast: Forecast, expected: Level) {
        let level = POLICY.level(before, free_bytes, forecast);
        assert_eq!(level, expected, "{before:?}, {free_bytes} free, {forecast:?}");
    }

    #[test]
    fn a_disk_that_fills_goes_through_all_levels_and_back_a_quarter_later() {
        let mut level = Level::Plenty;
        for (free_bytes, expected) in [
            (9_000, Level::Plenty),
            (2_000, Level::Plenty),
            (1_999, Level::Low),
            (2_499, Level::Low),
            (2_500, Level::Plenty),
            (1_000, Level::Low),
            (999, Level::Refusing),
            (250, Level::Refusing),
            (1_249, Level::Refusing),
            (1_250, Level::Low),
            (249, Level::Stopping),
        ] {
            level = POLICY.level(level, free_bytes, Forecast::Never);
            assert_eq!(level, expected, "{free_bytes} free");
        }
    }

    #[test]
    fn a_forecast_warns_and_no_more() {
        let seconds = Forecast::Seconds;
        check(Level::Plenty, 9_000, seconds(100), Level::Plenty);
        check(Level::Plenty, 9_000, seconds(99), Level::Low);
        check(Level::Low, 9_000, seconds(124), Level::Low);
        check(Level::Low, 9_000, seconds(125), Level::Plenty);
        check(Level::Low, 9_000, Forecast::Never, Level::Plenty);
        check(Level::Low, 9_000, Forecast::Unknown, Level::Plenty);
        check(Level::Plenty, 9_000, seconds(0), Level::Low);
        let silent = Policy { warn_below_seconds: 0, ..POLICY };
        assert_eq!(silent.level(Level::Low, 9_000, seconds(0)), Level::Plenty);
    }

    /// For all levels before and all that can be free: less is never better; a level that was reached stays while
    /// nothing changes; and within a quarter above its bound no disk flaps.
    #[test]
    fn less_room_is_never_better_and_a_disk_at_a_bound_does_not_flap() {
        for before in LEVELS {
            let mut worse = Level::Stopping;
            for free_bytes in 0..4_000 {
                let level = POLICY.level(before, free_bytes, Forecast::Never);
                assert!(level <= worse, "{before:?}: {free_bytes} free is worse than less");
                worse = level;
                let again = POLICY.level(level, free_bytes, Forecast::Never);
                assert_eq!(again, level, "{before:?}, {free_bytes} free");
            }
        }
        for (level, bound) in [(Level::Refusing, 1_000), (Level::Low, 2_000)] {
            let reached = POLICY.level(Level::Plenty, bound - 1, Forecast::Never);
            for free_bytes in bound..POLICY.admit_from() * bound / 1_000 {
                check(reached, free_bytes, Forecast::Never, level);
            }
        }
    }

    #[test]
    fn the_smallest_setting_has_an_order_too() {
        let settings = DiskSettings { free_mib_min: std::num::NonZeroU32::MIN, warn_hours: 1 };
        let policy = Policy::of(&settings);
        assert_eq!((policy.refuse_below, policy.warn_below_seconds), (1 << 20, 3_600));
        let bounds = [
            0,
            policy.stop_below(),
            policy.start_from(),
            policy.refuse_below,
            policy.admit_from(),
            policy.warn_below(),
        ];
        assert!(bounds.is_sorted_by(|less, more| less < more), "{bounds:?}");
    }
}
