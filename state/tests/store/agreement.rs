//! Memory, RocksDB, overlays and a plain map agree, before and after a restart.

use std::collections::BTreeMap;

use primitives::StateKey;
use quorate_state::State;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::chain::{apply, block, commit, genesis, key, random_changes, verified};

/// Everything a reader can ask of the head is as in the plain map, and proved.
fn check(state: &State, model: &BTreeMap<StateKey, Vec<u8>>, keys: u32, context: &str) {
    let head = state.head();
    for key in (0..keys).map(key) {
        let expected = model.get(&key);
        assert_eq!(state.get(&key).as_ref(), expected, "{context}, {key:?}");
        let proved = state.prove(&key);
        assert_eq!(proved.head, head, "{context}");
        assert_eq!(proved.value.as_ref(), expected, "{context}, {key:?}");
        assert_eq!(verified(&proved, &key).is_some(), expected.is_some(), "{context}, {key:?}");
    }
}

#[test]
fn memory_and_rocksdb_agree_with_a_plain_map_over_restarts() {
    for seed in 0..4 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let mut memory = State::in_memory(&genesis());
        let mut disk = State::open(&path, &genesis()).unwrap();
        let mut model = BTreeMap::new();
        apply(&mut model, &genesis().changes);
        for round in 0..12 {
            let context = format!("seed {seed}, round {round}");
            let changes = random_changes(&mut random, 60, 25);
            apply(&mut model, &changes);
            commit(&memory, changes.clone());
            commit(&disk, changes);
            assert_eq!(memory.head(), disk.head(), "{context}");
            check(&memory, &model, 60, &context);
            if random.next_u32() % 3 == 0 {
                let before = disk.head();
                drop(disk);
                disk = State::open(&path, &genesis()).unwrap();
                memory = memory.memory_restart();
                assert_eq!(disk.head(), before, "{context}");
                assert_eq!(memory.head(), before, "{context}");
            }
            check(&disk, &model, 60, &context);
        }
    }
}

#[test]
fn a_value_says_since_when_it_stands() {
    let state = State::in_memory(&genesis());
    commit(&state, [(key(1), Some(vec![9]))].into());
    commit(&state, [(key(2), Some(vec![9]))].into());
    let changed =
        |number| verified(&state.prove(&key(number)), &key(number)).map(|height| height.0);
    assert_eq!(
        (changed(0), changed(1), changed(2), changed(99)),
        (Some(0), Some(1), Some(2), None)
    );
}

#[test]
fn blocks_committed_together_leave_what_they_leave_one_by_one() {
    for seed in 0..20 {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let (single, together) = (State::in_memory(&genesis()), State::in_memory(&genesis()));
        let (mut blocks, mut parent, mut below) = (Vec::new(), together.head().header, None);
        for _ in 0..6 {
            let changes = random_changes(&mut random, 30, 10);
            commit(&single, changes.clone());
            let overlay = together.overlay(below.as_ref(), parent.height.next(), changes);
            let next = block(&parent, overlay.clone(), Vec::new());
            (parent, below) = (next.header.clone(), Some(overlay));
            blocks.push(next);
        }
        together.commit(blocks).unwrap();
        assert_eq!(single.head(), together.head(), "seed {seed}");
        for key in (0..30).map(key) {
            assert_eq!(single.prove(&key), together.prove(&key), "seed {seed}");
        }
        assert_eq!(together.memory_restart().head(), single.head(), "seed {seed}");
    }
}
