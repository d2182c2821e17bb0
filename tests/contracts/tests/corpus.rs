//! Each attack is held by its bound. Times are told by `cargo corpus`, which nothing here depends on.

use primitives::Gas;
use quorate_contract_tests::calibration::calibrate;
use quorate_contract_tests::corpus::{Bound, all, measure};
use quorate_contract_tests::on_a_big_stack;

/// Memory that an attack may take at its worst moment.
const PEAK_BYTES_MAX: u64 = 1 << 30;

fn check(chosen: impl Fn(&str) -> bool) {
    let attacks = all();
    assert!(attacks.len() > 60);
    for attack in attacks.iter().filter(|attack| chosen(attack.name)) {
        let measured = on_a_big_stack(|| measure(attack));
        let measured = measured.unwrap_or_else(|what| panic!("{}: {what}", attack.name));
        assert_eq!(measured.ran.is_none(), matches!(attack.bound, Bound::Refused(_)));
        let peaks = [measured.compiled.peak_bytes, measured.ran.map_or(0, |ran| ran.peak_bytes)];
        for peak in peaks {
            assert!(peak < PEAK_BYTES_MAX, "{} takes {} MiB", attack.name, peak >> 20);
        }
        let gas = measured.ran.map_or(Gas::ZERO, |ran| ran.gas);
        assert!(gas <= Gas(attack.gas), "{}", attack.name);
    }
}

#[test]
fn compile_bombs_are_bounded() {
    check(|name| name.starts_with("compile_"));
}

#[test]
fn attacks_are_bounded() {
    check(|name| !name.starts_with("compile_"));
}

/// Every unit of the calibration runs, and its price comes out as a number.
#[test]
fn the_calibration_chooses_prices() {
    let calibration = on_a_big_stack(|| calibrate(Some(1_000.0))).unwrap();
    for figure in &calibration.figures {
        let chosen = figure.chosen(1_000.0);
        assert!(chosen.is_finite() && figure.unit_gas > 0.0, "{figure:?}");
    }
}
