//! What is looked at after a crash: a store that is not as it should be does not pass.

// These are tests throughout, helpers included.
#![allow(clippy::unwrap_used)]

use primitives::Height;
use quorate_crash::chain::{Chain, key};
use quorate_crash::check::check;
use quorate_crash::workload::{Progress, WORKLOADS, Workload};
use state::State;
use tempfile::TempDir;

fn commits() -> &'static dyn Workload {
    WORKLOADS.into_iter().find(|workload| workload.name() == "commits").unwrap()
}

/// A store with a chain's blocks up to a height.
fn store(chain: &Chain, height: u64) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let state = State::open(&directory.path().join("db"), &chain.genesis).unwrap();
    for height in 1..=height {
        chain.commit_to(&state, Height(height)).unwrap();
    }
    directory
}

/// What is wrong with a store for which so much was said.
fn judged(store: &TempDir, begun: u64, done: Option<u64>) -> Option<String> {
    let outcome = check(commits(), &store.path().join("db"), Progress { begun, done });
    outcome.err().map(|error| format!("{error:#}"))
}

#[test]
fn a_store_stands_at_the_last_block_that_was_done_or_the_one_in_flight() {
    let chain = commits().chain();
    assert_eq!(judged(&store(&chain, 3), 4, Some(3)), None);
    assert_eq!(judged(&store(&chain, 4), 4, Some(3)), None);
    assert_eq!(judged(&store(&chain, 0), 0, None), None);
    let lost = judged(&store(&chain, 2), 4, Some(3)).unwrap();
    assert!(lost.contains("at 2: neither at 3, done last"), "{lost}");
    let unasked = judged(&store(&chain, 5), 4, Some(3)).unwrap();
    assert!(unasked.contains("neither at 3"), "{unasked}");
}

#[test]
fn a_store_with_other_blocks_does_not_pass() {
    let other = Chain::new(vec![[(key(1), Some(vec![9]))].into()]);
    let why = judged(&store(&other, 1), 1, Some(1)).unwrap();
    assert!(why.contains("the head at 1 is another"), "{why}");
}

#[test]
fn what_a_process_said_last_counts() {
    let progress = Progress::read("done 0\nbegin 1\ndone 1\nbegin 2\n");
    assert_eq!(progress, Progress { begun: 2, done: Some(1) });
    assert_eq!(Progress::read(""), Progress { begun: 0, done: None });
}
