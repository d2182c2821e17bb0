//! The node's figures for Prometheus: `/metrics`, in its text format, version 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>). Base units, one family a name.

use std::fmt::{Display, Write as _};

use primitives::Namespace;
use state::Usage;

use crate::disk::{Forecast, Outlook};

/// A label and its value. Both are words of ours, in which nothing has to be escaped.
type Label = (&'static str, &'static str);

/// The whole page.
pub fn page(disk: &Outlook, usage: &[(Namespace, Usage)]) -> String {
    let mut page = Page::default();
    page.gauge(
        "quorate_disk_free_bytes",
        "Bytes that the node may still write to the disk of its data.",
        [(None, disk.free_bytes)],
    );
    let used = [("db", disk.used.database_bytes), ("votes", disk.used.votes_bytes)];
    page.gauge(
        "quorate_disk_used_bytes",
        "Bytes on the disk that the node's data takes: the database, the vote log.",
        used.map(|(part, bytes)| (Some(("part", part)), bytes)),
    );
    let forecast = match disk.forecast {
        Forecast::Unknown => None,
        Forecast::Never => Some("+Inf".to_owned()),
        Forecast::Seconds(seconds) => Some(seconds.to_string()),
    };
    page.gauge(
        "quorate_disk_forecast_seconds",
        "Seconds until the node refuses transactions if the disk fills as in the last hour; absent while unknown.",
        forecast.map(|seconds| (None, seconds)),
    );
    let by_namespace =
        |(namespace, number): (&Namespace, u64)| (Some(("namespace", namespace.name())), number);
    page.gauge(
        "quorate_state_keys",
        "Keys in the state, by namespace.",
        usage.iter().map(|(namespace, usage)| by_namespace((namespace, usage.keys))),
    );
    page.gauge(
        "quorate_state_bytes",
        "Bytes of keys and values in the state, by namespace.",
        usage.iter().map(|(namespace, usage)| by_namespace((namespace, usage.bytes))),
    );
    page.0
}

#[derive(Debug, Default)]
struct Page(String);

impl Page {
    /// A family of figures that go up and down.
    fn gauge<V: Display>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Option<Label>, V)>,
    ) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (label, value) in samples {
            let _ = match label {
                Some((key, word)) => writeln!(self.0, "{name}{{{key}=\"{word}\"}} {value}"),
                None => writeln!(self.0, "{name} {value}"),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Level, Policy, Used};

    fn check(forecast: Forecast, usage: &[(Namespace, Usage)], expected: &[&str]) {
        let disk = Outlook {
            level: Level::Plenty,
            free_bytes: 7,
            used: Used { database_bytes: 5, votes_bytes: 3 },
            rates: None,
            forecast,
            policy: Policy { refuse_below: 1, warn_below_seconds: 1 },
        };
        let page = page(&disk, usage);
        let samples: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(samples, expected);
        assert!(page.ends_with('\n'), "the last line ends, as the format asks");
        for sample in samples {
            let name = sample.split(['{', ' ']).next().unwrap();
            let described = page.find(&format!("# HELP {name} ")).unwrap();
            let typed = page.find(&format!("# TYPE {name} gauge\n")).unwrap();
            assert!(described < typed && typed < page.find(sample).unwrap(), "{page}");
        }
    }

    #[test]
    fn every_figure_stands_below_its_description() {
        let held = |keys, bytes| Usage { keys, bytes };
        let usage = [(Namespace::Account, held(2, 90)), (Namespace::Storage, held(1, u64::MAX))];
        let expected = [
            "quorate_disk_free_bytes 7",
            "quorate_disk_used_bytes{part=\"db\"} 5",
            "quorate_disk_used_bytes{part=\"votes\"} 3",
            "quorate_disk_forecast_seconds 86400",
            "quorate_state_keys{namespace=\"account\"} 2",
            "quorate_state_keys{namespace=\"storage\"} 1",
            "quorate_state_bytes{namespace=\"account\"} 90",
            "quorate_state_bytes{namespace=\"storage\"} 18446744073709551615",
        ];
        check(Forecast::Seconds(86_400), &usage, &expected);
    }

    #[test]
    fn an_unknown_forecast_is_absent_and_none_is_infinite() {
        let [free, db, votes] = [
            "quorate_disk_free_bytes 7",
            "quorate_disk_used_bytes{part=\"db\"} 5",
            "quorate_disk_used_bytes{part=\"votes\"} 3",
        ];
        check(Forecast::Unknown, &[], &[free, db, votes]);
        check(Forecast::Never, &[], &[free, db, votes, "quorate_disk_forecast_seconds +Inf"]);
    }
}
