//! A validator that has nothing catches up with a net that does not wait for it. The long form is `cargo catch-up`.

use std::time::Duration;

use quorate_tests::catch_up::{self, Plan};

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_with_nothing_catches_up_while_the_net_is_under_load() {
    let plan = Plan { blocks: 2_000, before: Duration::from_secs(3) };
    let report = catch_up::run(plan).await.unwrap();
    println!("{report}");
    assert!(report.throughput.1 > 0.0, "the net stood still meanwhile:\n{report}");
    assert!(report.blocks_per_second() > 50.0, "{report}");
}
