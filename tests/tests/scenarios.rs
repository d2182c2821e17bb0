//! The scenarios of the repository hold, in the simulator and on real processes, and what is wrong with one is said.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::path::PathBuf;

use quorate_tests::scenario::{self, Scenario};

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn load(name: &str) -> Scenario {
    Scenario::load(&directory().join(name)).unwrap()
}

/// What a scenario expects and does not get under a seed.
fn unmet(scenario: &Scenario, seed: u64) -> Vec<String> {
    let (outcome, _) = scenario::run_simulated(scenario, seed, false).unwrap();
    outcome.unmet(scenario).iter().map(ToString::to_string).collect()
}

#[test]
fn every_scenario_of_the_repository_holds_in_the_simulator() {
    let mut count = 0;
    for entry in std::fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let scenario = Scenario::load(&path).unwrap();
            for seed in 0..3 {
                assert_eq!(unmet(&scenario, seed), Vec::<String>::new(), "{path:?}, seed {seed}");
            }
            count += 1;
        }
    }
    assert!(count >= 3, "{count} scenarios");
}

/// Whatever kept a quorum apart, and for however long: the next block comes within two seconds of its end.
#[test]
fn the_first_block_comes_within_two_seconds_of_an_outage_of_any_length() {
    for (validators, outage) in [
        (4, r#"partition = [["v1", "v2"], ["v3", "v4"]]"#),
        (4, r#"crash = ["v2", "v3"]"#),
        (4, r#"crash = ["v1", "v2", "v3", "v4"]"#),
        (4, r#"freeze = ["v1", "v4"]"#),
        (7, r#"partition = [["v1", "v3", "v5"], ["v2", "v4"], ["v6", "v7"]]"#),
        (7, r#"crash = ["v1", "v2", "v3", "v4", "v5", "v6", "v7"]"#),
    ] {
        for for_ms in [300, 3_000, 30_000, 110_000] {
            let run_ms = for_ms + 6_000;
            let text = format!(
                "about = \"x\"\nvalidators = {validators}\nrun_ms = {run_ms}\n\
                 [[fault]]\nat_ms = 2_000\nfor_ms = {for_ms}\n{outage}\n\
                 [expect]\nprogress_within_ms = 2_000"
            );
            let scenario: Scenario = toml::from_str(&text).unwrap();
            assert_eq!(unmet(&scenario, for_ms), Vec::<String>::new(), "{outage} for {for_ms} ms");
        }
    }
}

/// Three of four go on, so a chain that should stand still does not.
#[test]
fn an_expectation_that_is_not_met_is_named() {
    let mut scenario = load("partition.toml");
    let text = r#"[["v1", "v2", "v3"], ["v4"]]"#;
    let groups: toml::Table = toml::from_str(&format!("groups = {text}")).unwrap();
    scenario.faults[0].partition = Some(groups["groups"].clone().try_into().unwrap());
    let unmet = unmet(&scenario, 0);
    assert!(unmet.iter().any(|words| words.contains("should stand still")), "{unmet:?}");

    let mut scenario = load("equivocator.toml");
    scenario.byzantine.clear();
    scenario.expect.transactions_min = 1_000_000;
    let unmet = self::unmet(&scenario, 0);
    assert!(unmet.iter().any(|words| words.contains("proof against v4")), "{unmet:?}");
    assert!(unmet.iter().any(|words| words.contains("at least 1000000")), "{unmet:?}");
}

#[test]
fn what_is_wrong_with_a_scenario_is_said() {
    let check = |lines: &str, words: &str| {
        let text = format!("about = \"x\"\nvalidators = 4\nrun_ms = 1_000\n{lines}");
        let error = match toml::from_str::<Scenario>(&text) {
            Ok(scenario) => scenario.check().unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(words), "{words:?} is not in {error:?}");
    };
    check("[byzantine]\nv1 = \"sleepy\"", "there is no attack \"sleepy\"");
    check("[byzantine]\nv1 = \"mute\"\nv2 = \"mute\"", "2 of 4 validators are Byzantine");
    check("[byzantine]\nv5 = \"mute\"", "there is no v5");
    check("[[fault]]\nat_ms = 1\nfor_ms = 1", "exactly one of");
    check(
        "[[fault]]\nat_ms = 1\nfor_ms = 1\ncrash = [\"v1\"]\nfreeze = [\"v1\"]",
        "exactly one of",
    );
    check("[[fault]]\nat_ms = 1\nfor_ms = 1_000\ncrash = [\"v1\"]", "ends after the run");
    check("[[fault]]\ncrash = [\"bob\"]", "\"bob\" names no validator");
    check("[[fault]]\nfor_ms = 9\npartition = [[\"v1\"], [\"v1\"]]", "v1 is in two groups");
    let cut = "[[fault]]\nfor_ms = 9\none_way = [\"v1\", \"v2\"]\n";
    check(&cut.repeat(2), "overlap");
    check("vaildators = 4", "unknown field");
}

/// The same file, on real processes: kills, a partition and an attacker.
#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_holds_on_real_processes() {
    let scenario = load("equivocator.toml");
    let outcome = scenario::run_live(&scenario).await.unwrap();
    assert_eq!(outcome.unmet(&scenario), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_of_real_processes_stops_both_halves() {
    let scenario = load("partition.toml");
    let outcome = scenario::run_live(&scenario).await.unwrap();
    assert_eq!(outcome.unmet(&scenario), []);
}
