//! The simulator's promises, in the short form that every test run plays. The long one is `cargo sim --seeds 1000`.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use attackers::AttackKind;
use quorate_tests::sim::plan::{Fault, Faulty};
use quorate_tests::sim::{Cluster, Plan};

/// Plays seeds of a number of validators.
fn play(validators: usize, seeds: Range<u64>) -> Vec<String> {
    play_plans(|seed| Plan::from_seed(seed, validators), seeds)
}

/// Plays plans on all cores; every violation, with the line that replays it.
fn play_plans(plan: impl Fn(u64) -> Plan + Sync, seeds: Range<u64>) -> Vec<String> {
    let next = AtomicU64::new(seeds.start);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let worker = || {
        let mut failures = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return failures;
            }
            let plan = plan(seed);
            let attack = match plan.faulty {
                Faulty::Attack(kind) => format!(" --attack {kind}"),
                Faulty::Crash | Faulty::Twins => String::new(),
            };
            let replay = format!("--validators {}{attack} --first {seed} --log", plan.validators);
            if let Some(violation) = Cluster::new(plan, false).run().violation {
                failures.push(format!("{}\n  replay: cargo sim {replay}", violation.0));
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker ends")).collect()
    })
}

#[test]
fn four_validators_agree_and_progress_whatever_goes_wrong() {
    assert_eq!(play(4, 0..120), Vec::<String>::new());
}

#[test]
fn seven_validators_agree_with_two_of_them_faulty() {
    assert_eq!(play(7, 10..22), Vec::<String>::new());
}

#[test]
fn one_validator_and_three_validators_work_too() {
    assert_eq!(play(1, 0..8), Vec::<String>::new());
    assert_eq!(play(3, 0..16), Vec::<String>::new());
}

#[test]
fn two_runs_of_a_seed_are_equal_byte_for_byte() {
    for seed in 0..6 {
        let run = || Cluster::new(Plan::from_seed(seed, 4), true).run();
        let (first, second) = (run(), run());
        assert!(first.log.len() > 1_000, "seed {seed} did something");
        assert_eq!(first.log, second.log, "seed {seed}");
        assert_eq!(first.log_hash, second.log_hash, "seed {seed}");
    }
}

/// Each attack, at n = 4 and with two attackers at n = 7.
#[test]
fn the_honest_agree_and_progress_under_every_attack() {
    for kind in AttackKind::ALL {
        let plan = |validators| move |seed| Plan::with_attack(seed, validators, kind);
        assert_eq!(play_plans(plan(4), 0..8), Vec::<String>::new(), "{kind} of four");
        assert_eq!(play_plans(plan(7), 8..10), Vec::<String>::new(), "{kind}, two of seven");
    }
}

/// asonnino/hotstuff's proposer took transactions out of its pool as it proposed them, and lost them with a block that
/// never became final. Half of the clients here send each transaction to one validator only, and each must be executed.
#[test]
fn asonnino_hotstuff_transactions_of_orphaned_blocks_are_not_lost() {
    let mut orphaned = 0;
    for seed in 500..540 {
        let report = Cluster::new(Plan::from_seed(seed, 4), false).run();
        assert_eq!(report.violation, None, "seed {seed}");
        orphaned += report.orphaned;
    }
    assert!(orphaned >= 30, "{orphaned} blocks with transactions were orphaned");
}

/// What f crashed validators may cost: their turns are over at once, and soon taken from them.
#[test]
fn with_f_crashed_four_fifths_of_the_transactions_still_commit() {
    for validators in [4, 7] {
        let committed = |plan: Plan| {
            let plan = Plan { clients: 16, run_ms: Some(40_000), ..plan };
            let report = Cluster::new(plan, false).run();
            assert_eq!(report.violation, None);
            report.committed_transactions
        };
        let good = committed(Plan::calm(1, validators));
        let crashed = committed(Plan::with_f_crashed(1, validators));
        assert!(crashed * 5 >= good * 4, "n = {validators}: {crashed} of {good}");
    }
}

/// A harness that never meets its faults proves nothing.
#[test]
fn the_seeds_meet_crashes_twins_attacks_and_commits() {
    let mut kinds = [false; 3];
    for seed in 0..16 {
        let plan = Plan::from_seed(seed, 4);
        let kind = match plan.faulty {
            Faulty::Crash => 0,
            Faulty::Twins => 1,
            Faulty::Attack(_) => 2,
        };
        kinds[kind] = true;
        assert!(!plan.faults.is_empty(), "seed {seed} has faults");
        let report = Cluster::new(plan, false).run();
        assert!(report.height > 5, "seed {seed} commits blocks: {}", report.height);
        assert!(report.committed_transactions > 5, "seed {seed} commits transactions");
    }
    assert_eq!(kinds, [true; 3]);
    let faults: Vec<Fault> =
        (0..40).flat_map(|seed| Plan::from_seed(seed, 4).faults).map(|(_, fault)| fault).collect();
    assert!(faults.iter().any(|fault| matches!(fault, Fault::LoseLog { .. })));
    assert!(faults.iter().any(|fault| matches!(fault, Fault::FillDisk { .. })));
}
