//! The disk in words that a person on call understands, and as the interface gives it.

use rpc::types::{DiskLevel, DiskStatus};

use super::{Forecast, Level, Outlook};

const MEBIBYTE: u64 = 1 << 20;

impl Outlook {
    /// How it stands and what to do, in a sentence or two; `None` while there is plenty.
    pub fn warning(&self) -> Option<String> {
        let free = size(self.free_bytes);
        let (floor, stop) = (size(self.policy.refuse_below), size(self.policy.stop_below()));
        let sentence = match (self.level, self.forecast) {
            (Level::Plenty, _) => return None,
            (Level::Low, Forecast::Seconds(seconds)) => format!(
                "This node's disk has {free} free; at the present rate {floor} are left in {}, and then it takes no \
                 transactions from clients. Free space or enlarge the disk.",
                span(seconds)
            ),
            (Level::Low, Forecast::Unknown | Forecast::Never) => format!(
                "This node's disk has {free} free; with less than {floor} it takes no transactions from clients. Free \
                 space or enlarge the disk."
            ),
            (Level::Refusing, _) => format!(
                "This node's disk has {free} free: it takes no transactions from clients until there are {}, goes on \
                 voting, and stops below {stop}. Free space, enlarge the disk, or lower disk.free_mib_min.",
                size(self.policy.admit_from())
            ),
            (Level::Stopping, _) => format!(
                "This node's disk has {free} free, and below {stop} it stops, before its database meets a full disk. \
                 What was committed is safe. Free space, enlarge the disk, or lower disk.free_mib_min; then start it \
                 again."
            ),
        };
        Some(sentence)
    }

    /// Why the node does not start.
    pub fn too_little_to_start(&self) -> String {
        format!(
            "This node's disk has {} free, and it starts only with {}: opening its database takes room. Free space, \
             enlarge the disk, or lower disk.free_mib_min.",
            size(self.free_bytes),
            size(self.policy.start_from())
        )
    }

    /// As the interface gives it.
    pub fn view(&self) -> DiskStatus {
        DiskStatus {
            level: match self.level {
                Level::Plenty => DiskLevel::Plenty,
                Level::Low => DiskLevel::Low,
                Level::Refusing => DiskLevel::Refusing,
                Level::Stopping => DiskLevel::Stopping,
            },
            warning: self.warning(),
            free_bytes: self.free_bytes,
            refuse_below_bytes: self.policy.refuse_below,
            stop_below_bytes: self.policy.stop_below(),
            database_bytes: self.used.database_bytes,
            votes_bytes: self.used.votes_bytes,
            growth_bytes_a_day: self.rates.map(|rates| u64::try_from(rates.growth).unwrap_or(0)),
            forecast_seconds: match self.forecast {
                Forecast::Seconds(seconds) => Some(seconds),
                Forecast::Unknown | Forecast::Never => None,
            },
        }
    }
}

/// Bytes in the unit that people would choose, with a decimal below ten.
pub fn size(bytes: u64) -> String {
    let units = [("TiB", MEBIBYTE << 20), ("GiB", MEBIBYTE << 10)];
    let fits = units.into_iter().find(|(_, unit)| bytes >= *unit);
    let (name, unit) = fits.unwrap_or(("MiB", MEBIBYTE));
    let (whole, tenths) = (bytes / unit, bytes % unit / (unit / 10));
    match whole {
        0..10 if tenths > 0 => format!("{whole}.{} {name}", tenths.min(9)),
        _ => format!("{whole} {name}"),
    }
}

/// A time in the unit that people would choose.
pub fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        172_800..63_072_000 => format!("{} days", seconds / 86_400),
        _ => "more than two years".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Policy, Rates};
    use super::*;

    const GIBIBYTE: u64 = MEBIBYTE << 10;

    fn check(free_bytes: u64, rates: Option<Rates>, expected: Option<&str>) {
        let policy = Policy { refuse_below: GIBIBYTE, warn_below_seconds: 86_400 };
        let outlook = Outlook::unseen(policy).then(free_bytes, Default::default(), rates);
        assert_eq!(outlook.warning().as_deref(), expected);
    }

    #[test]
    fn each_level_is_told_with_what_to_do() {
        let a_day =
            |bytes: u64| Some(Rates { growth: i64::try_from(bytes).unwrap_or(i64::MAX), free: 0 });
        check(50 * GIBIBYTE, None, None);
        check(50 * GIBIBYTE, a_day(2 * GIBIBYTE), None);
        check(
            13 * GIBIBYTE,
            a_day(24 * GIBIBYTE),
            Some(
                "This node's disk has 13 GiB free; at the present rate 1 GiB are left in 12 h, and then it takes no \
                 transactions from clients. Free space or enlarge the disk.",
            ),
        );
        check(
            GIBIBYTE + GIBIBYTE / 2,
            None,
            Some(
                "This node's disk has 1.5 GiB free; with less than 1 GiB it takes no transactions from clients. Free \
                 space or enlarge the disk.",
            ),
        );
        check(
            812 * MEBIBYTE,
            None,
            Some(
                "This node's disk has 812 MiB free: it takes no transactions from clients until there are 1.2 GiB, \
                 goes on voting, and stops below 256 MiB. Free space, enlarge the disk, or lower disk.free_mib_min.",
            ),
        );
        check(
            5 * MEBIBYTE + MEBIBYTE / 2,
            None,
            Some(
                "This node's disk has 5.5 MiB free, and below 256 MiB it stops, before its database meets a full disk. \
                 What was committed is safe. Free space, enlarge the disk, or lower disk.free_mib_min; then start it \
                 again.",
            ),
        );
    }

    #[test]
    fn a_node_that_does_not_start_says_from_when_on_it_does() {
        let policy = Policy { refuse_below: GIBIBYTE, warn_below_seconds: 0 };
        let outlook = Outlook::unseen(policy).then(300 * MEBIBYTE, Default::default(), None);
        let expected = "This node's disk has 300 MiB free, and it starts only with 512 MiB: opening its database takes \
                        room. Free space, enlarge the disk, or lower disk.free_mib_min.";
        assert_eq!(outlook.too_little_to_start(), expected);
    }

    #[test]
    fn sizes_and_times_are_short() {
        for (bytes, text) in [
            (0, "0 MiB"),
            (1, "0 MiB"),
            (MEBIBYTE / 2, "0.5 MiB"),
            (10 * MEBIBYTE - 1, "9.9 MiB"),
            (1_023 * MEBIBYTE, "1023 MiB"),
            (GIBIBYTE, "1 GiB"),
            (5 * GIBIBYTE / 4, "1.2 GiB"),
            (42 * GIBIBYTE + 7, "42 GiB"),
            (3 << 40, "3 TiB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
        for (seconds, text) in [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (172_799, "47 h"),
            (172_800, "2 days"),
            (63_072_000, "more than two years"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }
}
