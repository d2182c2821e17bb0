//! Ordered scans.

use std::collections::BTreeMap;

use primitives::{Address, StateKey};
use quorate_state::{State, StateView};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::chain::{apply, commit, genesis, key, random_changes};

/// All pages of a scan, one after the other.
fn pages(view: &StateView, prefix: &StateKey, limit: usize) -> Vec<(StateKey, Vec<u8>)> {
    let mut found: Vec<(StateKey, Vec<u8>)> = Vec::new();
    loop {
        let after = found.last().map(|(key, _)| key.clone());
        let page = view.scan(prefix, after.as_ref(), limit);
        assert!(page.len() <= limit);
        if page.is_empty() {
            return found;
        }
        found.extend(page);
    }
}

#[test]
fn scans_go_through_overlays_and_old_views_in_order() {
    for seed in 0..30 {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let state = State::in_memory(&genesis());
        let mut model = BTreeMap::new();
        apply(&mut model, &genesis().changes);
        let committed = random_changes(&mut random, 600, 200);
        apply(&mut model, &committed);
        commit(&state, committed);
        let changes = random_changes(&mut random, 600, 200);
        let head = (state.view(None), model.clone());
        apply(&mut model, &changes);
        let overlay = state.overlay(None, state.head().header.height.next(), changes);
        let above = (state.view(Some(&overlay)), model);
        for _ in 0..3 {
            commit(&state, random_changes(&mut random, 600, 300));
        }
        let limit = 1 + usize::try_from(random.next_u32() % 50).unwrap();
        for (view, model) in [head, above] {
            // The keys are big-endian, so the first three bytes are those of a number's upper part.
            for prefix in [&[][..], &[0, 0, 1], &[0, 0, 2, 7], &[9]] {
                let prefix = StateKey { key: prefix.to_vec(), ..key(0) };
                let begins = |key: &StateKey| key.key.starts_with(&prefix.key);
                let expected: Vec<_> =
                    model.clone().into_iter().filter(|(key, _)| begins(key)).collect();
                assert_eq!(pages(&view, &prefix, limit), expected, "seed {seed}, limit {limit}");
            }
        }
    }
}

#[test]
fn a_scan_stays_in_its_namespace() {
    let account = StateKey::account(&Address([1; 32]));
    let state = State::in_memory(&genesis());
    commit(&state, [(account.clone(), Some(vec![5]))].into());
    let prefix = StateKey { key: Vec::new(), ..account.clone() };
    let view = state.view(None);
    assert_eq!(view.scan(&prefix, None, 100), [(account.clone(), vec![5])]);
    assert_eq!(view.scan(&prefix, Some(&account), 100), []);
    assert_eq!(view.scan(&prefix, None, 0), []);
}
