//! The specification's suite: `cargo conformance` prints what is counted here.

use quorate_contract_tests::conformance::{Counted, VERSIONS, run};
use quorate_contract_tests::on_a_big_stack;

fn check(number: usize, passed_min: u64) {
    let (version, name) = VERSIONS[number];
    let report = on_a_big_stack(|| run(version, ""));
    assert!(report.failures.is_empty(), "core {name}\n{report}");
    // What passes today; fewer would mean that part of the suite is no longer run.
    assert!(report.passed() >= passed_min, "core {name}\n{report}");
    for column in [Counted::Value, Counted::Trap, Counted::Exhaustion, Counted::Floats] {
        assert!(report.counted(column) > 0, "core {name}\n{report}");
    }
    // Rules that refuse more than they should would make all of the above easy.
    assert!(report.modules > 100, "core {name}\n{report}");
}

#[test]
fn core_1_0_is_the_same_metered() {
    check(0, 0);
}

#[test]
fn core_2_0_is_the_same_metered() {
    check(1, 0);
}

#[test]
fn core_3_0_is_the_same_metered() {
    check(2, 0);
}
