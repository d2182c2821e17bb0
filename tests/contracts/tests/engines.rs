//! The product's engine against the second one.

use primitives::receipt::Status;
use quorate_contract_tests::chain::{Chain, Difference, GAS};
use quorate_contract_tests::corpus::{Bound, all};
use quorate_contract_tests::differ::{Differ, Tally};
use quorate_contract_tests::{on_a_big_stack, samples};

/// Gas of an attack in the interpreter, which takes its time.
const GAS_INTERPRETED: u64 = 500_000_000;

fn unwrap<T>(result: Result<T, Difference>) -> T {
    result.unwrap_or_else(|Difference(what)| panic!("{what}"))
}

/// Cases of the fuzzer; `cargo differ` plays as many as one likes.
#[test]
fn random_contracts_run_the_same_in_every_engine() {
    let tally = on_a_big_stack(|| {
        let (mut differ, mut tally) = (unwrap(Differ::new()), Tally::default());
        for seed in 0..60 {
            let played = differ.play(seed, &mut tally);
            played.unwrap_or_else(|Difference(what)| panic!("seed {seed}: {what}"));
        }
        tally
    });
    // The generator does its work: most modules pass, and calls end in all the ways there are.
    assert!(tally.refused * 4 < tally.modules, "{tally}");
    for end in ["success", "revert", "trap", "out of gas", "host misuse"] {
        assert!(tally.ends.contains_key(end), "{tally}");
    }
    assert!(tally.writes > 0, "{tally}");
}

/// A case is all in its seed.
#[test]
fn a_seed_is_the_same_case_again() {
    let play = || {
        let (mut differ, mut tally) = (unwrap(Differ::new()), Tally::default());
        unwrap(differ.play(7, &mut tally));
        tally.to_string()
    };
    assert_eq!(on_a_big_stack(play), on_a_big_stack(play));
}

#[test]
fn there_are_sample_contracts() {
    let names: Vec<String> = samples::all().into_iter().map(|(name, _)| name).collect();
    for name in ["counter", "token"] {
        assert!(names.contains(&name.to_owned()), "{names:?}");
    }
}

/// Every attack that runs is bounded by the same thing at the same gas in every engine.
#[test]
fn attacks_run_the_same_in_every_engine() {
    on_a_big_stack(|| {
        for attack in all() {
            // What only the compiler is to suffer from runs nothing.
            if matches!(attack.bound, Bound::Refused(_)) || attack.name.starts_with("compile_") {
                continue;
            }
            let mut chain = Chain::differential();
            let contract = unwrap(attack.deploy(&mut chain));
            let gas = attack.gas.min(GAS_INTERPRETED);
            let acted = chain.execute(&chain.transaction(2, gas, attack.action(contract)));
            acted.unwrap_or_else(|Difference(what)| panic!("{}: {what}", attack.name));
        }
    });
}

/// The frames that a deep recursion leaves differ between engines; the meter does not.
#[test]
fn an_ordinary_recursion_is_as_deep_in_every_engine() {
    let functions = "(func $f (param i32) (result i32)
        (if (result i32) (local.get 0)
            (then (i32.add (local.get 0) (call $f (i32.sub (local.get 0) (i32.const 1)))))
            (else (i32.const 0))))";
    let body = "(i32.ne (call $f (i32.const 1000)) (i32.const 500500))";
    let code = quorate_contract_tests::text::Text::new(functions, body).module();
    on_a_big_stack(|| {
        let mut chain = Chain::differential();
        let hash = unwrap(chain.upload(&code)).unwrap();
        let contract = unwrap(chain.instantiate(hash, Vec::new())).unwrap();
        let arguments = quorate_contract_tests::text::RUN.to_vec();
        let value = primitives::Amount::ZERO;
        let action = primitives::Action::Call { contract, arguments, value };
        assert_eq!(unwrap(chain.act(1, GAS, action)).status, Status::Success);
    });
}
