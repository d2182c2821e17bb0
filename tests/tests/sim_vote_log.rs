//! Restarts and lost logs in the simulator, where the oracle sees all that a validator signs over all of its lives.

use std::sync::atomic::{AtomicUsize, Ordering};

use quorate_tests::sim::plan::{Fault, SyncCrash, SyncCrashes};
use quorate_tests::sim::{Cluster, Plan};

/// Plays plans on all cores; every violation, with the name of its plan.
fn play_all(plans: &[(String, Plan)]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let worker = || {
        let mut failures = Vec::new();
        while let Some((name, plan)) = plans.get(next.fetch_add(1, Ordering::Relaxed)) {
            let report = Cluster::new(plan.clone(), false).run();
            if let Some(violation) = report.violation {
                failures.push(format!("{name}: {}", violation.0));
            }
        }
        failures
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker ends")).collect()
    })
}

/// The boundaries of one validator's syncs, taken one by one: killed there, with and without what was not synced, it
/// comes back without contradicting itself, and the chain goes on.
#[test]
fn a_restart_at_any_one_sync_boundary_is_harmless() {
    let mut plans = Vec::new();
    for boundary in 0..16 {
        for kind in SyncCrash::ALL {
            let crashes =
                SyncCrashes { instance: 1, boundaries: boundary..boundary + 1, kinds: vec![kind] };
            let name = format!("seed 3, {crashes:?}");
            plans.push((name, Plan::with_sync_crashes(3, 4, crashes)));
        }
    }
    assert_eq!(play_all(&plans), Vec::<String>::new());
}

/// The same at every boundary of one run: the validator is restarted again and again, hundreds of times.
#[test]
fn restarts_at_all_sync_boundaries_of_a_run_are_harmless() {
    let mut plans = Vec::new();
    for seed in 0..4u16 {
        let mut all = vec![SyncCrash::ALL.to_vec()];
        all.extend(SyncCrash::ALL.map(|kind| vec![kind]));
        for kinds in all {
            let crashes =
                SyncCrashes { instance: usize::from(seed), boundaries: 0..u64::MAX, kinds };
            let name = format!("seed {seed}, {crashes:?}");
            plans.push((name, Plan::with_sync_crashes(seed.into(), 4, crashes)));
        }
    }
    assert_eq!(play_all(&plans), Vec::<String>::new());
}

/// A validator loses its vote log again and again, in the middle of views that it has voted in.
#[test]
fn a_validator_without_its_vote_log_comes_back_and_never_signs_twice() {
    let mut plans = Vec::new();
    for seed in 0..16 {
        let mut plan = Plan::calm(seed, 4);
        let instance = usize::try_from(seed % 4).expect("a small number");
        for number in 0..5 {
            let at = 700 + 1_200 * number + 37 * seed;
            plan.faults.push((at, Fault::LoseLog { instance }));
            plan.faults.push((at + 2, Fault::Restart { instance }));
        }
        plans.push((format!("lost logs, seed {seed}"), plan));
    }
    assert_eq!(play_all(&plans), Vec::<String>::new());
}
