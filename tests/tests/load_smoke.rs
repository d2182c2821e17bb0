//! The load driver against a fresh net: all of a light load commits, and the report adds up.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use quorate_tests::load::Report;
use quorate_tests::net::Net;
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn a_light_load_commits_and_is_reported() {
    let net = Net::started(4).await.unwrap();
    let run = |rate: &str| {
        let mut load = Command::new(env!("CARGO_BIN_EXE_load"));
        load.args(["--rate", rate, "--seconds", "3", "--accounts", "24", "--json", "--dir"]);
        load.arg(net.directory().root()).kill_on_drop(true);
        load
    };
    // The second run finds the accounts of the first, funded and with used nonces.
    for (rate, due) in [("100", 300), ("50", 150)] {
        let output = run(rate).output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        let report: Report = serde_json::from_slice(&output.stdout).unwrap();
        println!("{report}");
        assert!(report.refused.is_empty(), "{report}");
        assert_eq!((report.due, report.sent, report.committed), (due, due, due), "{report}");
        assert_eq!(report.executed, due, "{report}");
        assert_eq!((report.lost, report.unsent), (0, 0));
        assert!(report.latency.p50_ms > 0.0 && report.latency.p50_ms <= report.latency.max_ms);
        assert!(report.machine.signature_bound > 0.0 && report.cpu.us_per_transaction > 0.0);
        assert_eq!(report.cpu.validator_seconds.len(), 4);
    }
}
