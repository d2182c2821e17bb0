//! What the state proves, the verifier accepts, and nothing else.

use std::collections::BTreeMap;

use primitives::StateKey;
use proof::{Prefix, Tiling};
use quorate_state::{State, StateOptions, claim};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::chain::{apply, commit, genesis, key, random_changes};

/// A state of some blocks, and what it holds. Without memory for pages, each proof reads them.
fn grown(seed: u64, keys: u32, tree_bytes: usize) -> (State, BTreeMap<StateKey, Vec<u8>>) {
    let mut random = ChaCha20Rng::seed_from_u64(seed);
    let options = StateOptions { tree_bytes, ..StateOptions::default() };
    let state = State::in_memory_with(&genesis(), options);
    let mut model = BTreeMap::new();
    apply(&mut model, &genesis().changes);
    for _ in 0..12 {
        let changes = random_changes(&mut random, keys, keys / 4);
        apply(&mut model, &changes);
        commit(&state, changes);
    }
    (state, model)
}

#[test]
fn many_keys_are_proved_by_one_proof() {
    for seed in 0..8 {
        let (state, model) = grown(seed, 3_000, if seed % 2 == 0 { 0 } else { usize::MAX });
        let root = state.head().result.state_root.0;
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        for count in [1, 2, 50, 900] {
            let numbers: std::collections::BTreeSet<u32> =
                (0..count).map(|_| random.next_u32() % 3_500).collect();
            let keys: Vec<StateKey> = numbers.into_iter().map(key).collect();
            let proved = state.prove_batch(&keys);
            let expected: Vec<_> = keys.iter().map(|key| model.get(key).cloned()).collect();
            assert_eq!(proved.values, expected, "seed {seed}");
            let claims: Vec<_> = keys
                .iter()
                .zip(&proved.values)
                .map(|(key, value)| claim(key, value.as_deref()))
                .collect();
            let heights = proved.proof.verify(&root, &claims).unwrap();
            for (key, height) in keys.iter().zip(heights) {
                let alone = state.prove(key);
                let of_one = alone.proof.verify(&root, &claim(key, alone.value.as_deref()));
                assert_eq!(Ok(height), of_one, "seed {seed}");
            }
            let mut lie = claims.clone();
            let last = lie.last_mut().unwrap();
            last.value = if last.value.is_none() { Some(b"made up") } else { None };
            assert!(proved.proof.verify(&root, &lie).is_err(), "seed {seed}");
        }
    }
}

#[test]
fn a_listing_of_a_namespace_is_proved_to_be_all_of_it() {
    for (seed, limit) in [(0, 1), (1, 7), (2, 100), (3, 100_000)] {
        let (state, model) = grown(seed, 1_500, 50_000);
        let root = state.head().result.state_root.0;
        let namespace = key(0).namespace as u8;
        let mut tiling = Tiling::of(Prefix::of_namespace(namespace));
        let mut found = BTreeMap::new();
        while let Some(next) = tiling.next_prefix() {
            let page = state.prove_page(&next, limit);
            assert!(page.entries.len() <= limit.max(1), "seed {seed}: {}", page.entries.len());
            let entry = |entry: &quorate_state::Entry| proof::Entry {
                namespace: entry.key.namespace as u8,
                key: entry.key.key.clone().leak(),
                changed: entry.changed.0,
                value: entry.value.clone().leak(),
            };
            let entries: Vec<_> = page.entries.iter().map(entry).collect();
            assert_eq!(page.proof.verify_entries(&root, &page.prefix, &entries), Ok(()));
            for hidden in 0..entries.len().min(3) {
                let mut fewer = entries.clone();
                fewer.remove(hidden);
                assert!(page.proof.verify_entries(&root, &page.prefix, &fewer).is_err());
            }
            tiling.push(&page.prefix).unwrap();
            found.extend(page.entries.into_iter().map(|entry| (entry.key, entry.value)));
        }
        assert_eq!(found, model, "seed {seed}");
        let other = state.prove_page(&Prefix::of_namespace(200), limit);
        assert_eq!(other.entries, []);
        assert_eq!(other.proof.verify_entries(&root, &other.prefix, &[]), Ok(()));
    }
}
