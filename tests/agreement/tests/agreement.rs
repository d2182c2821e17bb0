//! The short forms of what `cargo agreement` plays.

use quorate_agreement::campaign::{Kind, Totals, play, play_all};
use quorate_agreement::mutation;
use quorate_agreement::plan::{Plan, Role};
use quorate_agreement::twins::Scenarios;

fn check(totals: &Totals, replay: impl Fn(u64) -> String) {
    let failures: Vec<String> = totals
        .failures
        .iter()
        .map(|(number, found)| format!("{}: {}\n  {}", found.oracle, found.text, replay(*number)))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn sample(kind: Kind, seeds: u64) {
    check(&play_all(0, seeds, |seed| kind.plan(seed)), |seed| kind.replay(seed, None));
}

#[test]
fn four_validators_agree_and_progress_whatever_goes_wrong() {
    sample(Kind::Chance { validators: 4 }, 1_500);
}

/// Also where n is not 3f + 1.
#[test]
fn other_numbers_of_validators_agree_too() {
    for validators in [1, 2, 3, 5, 6, 7, 10] {
        sample(Kind::Chance { validators }, 100);
    }
}

#[test]
fn twins_cannot_split_four_validators_in_two_views() {
    let all = Scenarios::new(2);
    let totals = play_all(0, all.count(), |number| all.plan(number));
    check(&totals, |number| format!("cargo agreement twins --views 2 --first {number} --log"));
}

#[test]
fn twins_with_loss_and_restarts_split_nobody() {
    for validators in [4, 7, 10] {
        sample(Kind::SampledTwins { validators }, 200);
    }
}

/// One number decides everything.
#[test]
fn two_runs_of_a_seed_are_equal_byte_for_byte() {
    for kind in [Kind::Chance { validators: 4 }, Kind::SampledTwins { validators: 7 }] {
        for seed in 0..30 {
            let (first, second) =
                (play(kind.plan(seed), None, true), play(kind.plan(seed), None, true));
            assert!(first.log.len() > 500, "seed {seed} did something");
            assert_eq!(first, second, "seed {seed}");
        }
    }
}

/// A harness that never meets its faults proves nothing.
#[test]
fn seeds_meet_every_kind_of_validator_and_commit() {
    let mut roles = Vec::new();
    for seed in 0..60 {
        let plan = Plan::from_seed(seed, 4);
        roles.extend(plan.places.iter().map(|place| place.role));
        let report = play(plan, None, false);
        assert!(report.height > 0, "seed {seed} commits blocks");
    }
    for role in [Role::Honest, Role::Twin, Role::Byzantine, Role::Diverging] {
        assert!(roles.contains(&role), "{role:?}");
    }
}

/// The rest of the rules: `cargo agreement mutations`.
#[test]
fn rules_that_are_removed_are_missed() {
    use consensus::Rule;
    for rule in [Rule::OnePrepare, Rule::Quorum, Rule::NoCommitAfterTimeout, Rule::FlagsKept] {
        let score = mutation::hunt(rule, 200);
        assert!(score.caught.is_some(), "nobody misses {rule:?}");
    }
}
