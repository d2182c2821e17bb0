//! Overlays, forks of them, and views that outlive what they were made on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use primitives::StateKey;
use quorate_state::{State, StateView};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::chain::{apply, block, commit, genesis, key, next_block, random_changes, verified};

const KEYS: u32 = 40;

fn contents(view: &StateView) -> BTreeMap<StateKey, Vec<u8>> {
    (0..KEYS).map(key).filter_map(|key| view.get(&key).map(|value| (key, value))).collect()
}

#[test]
fn forks_on_one_parent_do_not_see_each_other() {
    let state = State::in_memory(&genesis());
    let first = next_block(&state, [(key(1), Some(vec![1]))].into());
    let height = first.header.height.next();
    let parent = Some(&first.overlay);
    let left = state.overlay(parent, height, [(key(2), Some(vec![2]))].into());
    let right = state.overlay(parent, height, [(key(1), None)].into());
    assert_ne!(left.root(), right.root());

    let (left_view, right_view) = (state.view(Some(&left)), state.view(Some(&right)));
    let left_block = block(&first.header, left, Vec::new());
    state.commit(vec![first, left_block]).unwrap();
    for _ in 0..3 {
        commit(&state, [(key(1), Some(vec![7])), (key(2), None)].into());
    }
    assert_eq!((left_view.get(&key(1)), left_view.get(&key(2))), (Some(vec![1]), Some(vec![2])));
    assert_eq!((right_view.get(&key(1)), right_view.get(&key(2))), (None, Some(vec![1; 3])));
}

/// Views of the head and of overlays, made at every step, still show what they showed then.
#[test]
fn a_view_never_changes() {
    for seed in 0..20 {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let state = State::in_memory(&genesis());
        let mut model = BTreeMap::new();
        apply(&mut model, &genesis().changes);
        let mut views: Vec<(StateView, BTreeMap<_, _>)> = Vec::new();
        for _ in 0..8 {
            views.push((state.view(None), model.clone()));
            let mut parent = state.head().header;
            let mut below = None;
            let mut blocks = Vec::new();
            for _ in 0..3 {
                let changes = random_changes(&mut random, KEYS, 8);
                apply(&mut model, &changes);
                let overlay = state.overlay(below.as_ref(), parent.height.next(), changes);
                views.push((state.view(Some(&overlay)), model.clone()));
                let next = block(&parent, overlay.clone(), Vec::new());
                (parent, below) = (next.header.clone(), Some(overlay));
                blocks.push(next);
            }
            // Two at once, and the third on its own, upon an overlay that is committed by then.
            let last = blocks.pop().unwrap();
            state.commit(blocks).unwrap();
            state.commit(vec![last]).unwrap();
            for (view, expected) in &views {
                assert_eq!(contents(view), *expected, "seed {seed}");
            }
        }
    }
}

#[test]
fn a_committed_overlay_lets_go_of_those_below() {
    let state = State::in_memory(&genesis());
    let mut parent = state.head().header;
    let mut below = None;
    let mut older = Vec::new();
    for number in 0..10 {
        let changes = [(key(number), Some(vec![2]))].into();
        let overlay = state.overlay(below.as_ref(), parent.height.next(), changes);
        let next = block(&parent, overlay.clone(), Vec::new());
        parent = next.header.clone();
        older.push(Arc::downgrade(&overlay));
        below = Some(overlay);
        state.commit(vec![next]).unwrap();
    }
    let living = older.iter().filter(|overlay| overlay.strong_count() > 0).count();
    assert_eq!(living, 1, "only the last overlay is held, by this test");
    assert_eq!(state.view(below.as_ref()).get(&key(0)), Some(vec![2]));
}

/// Every block writes its height under all keys, so that a reader that sees two heights saw a
/// mixture.
fn readers_see_whole_blocks(state: &State) {
    let done = AtomicBool::new(false);
    let value = |height: u64| Some(height.to_be_bytes().to_vec());
    commit(state, (0..KEYS).map(|number| (key(number), value(1))).collect());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let view = state.view(None);
                    let first = view.get(&key(0));
                    assert!((1..KEYS).all(|number| view.get(&key(number)) == first));
                    let proved = state.prove(&key(KEYS - 1));
                    let height = proved.head.header.height;
                    assert_eq!(proved.value.as_deref(), Some(&height.0.to_be_bytes()[..]));
                    assert_eq!(verified(&proved, &key(KEYS - 1)), Some(height));
                }
            });
        }
        for height in 2..150 {
            commit(state, (0..KEYS).map(|number| (key(number), value(height))).collect());
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn readers_beside_commits_to_memory_see_whole_blocks() {
    readers_see_whole_blocks(&State::in_memory(&genesis()));
}

#[test]
fn readers_beside_commits_to_disk_see_whole_blocks() {
    let directory = tempfile::tempdir().unwrap();
    readers_see_whole_blocks(&State::open(&directory.path().join("state"), &genesis()).unwrap());
}

#[test]
fn a_view_that_slept_through_many_commits_is_dropped_without_harm() {
    let state = State::in_memory(&genesis());
    let view = state.view(None);
    for _ in 0..20_000 {
        commit(&state, [(key(1), Some(vec![1]))].into());
    }
    assert_eq!(view.get(&key(1)), Some(vec![1; 3]));
    let small_stack = std::thread::Builder::new().stack_size(64 << 10);
    small_stack.spawn(move || drop(view)).unwrap().join().unwrap();
}
