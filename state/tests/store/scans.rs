//! Ordered scans.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use primitives::state_key::Direction;
use primitives::{Address, Hash, StateKey};
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

/// The first keys of a range that a walk shows, with their values.
fn walked(
    view: &StateView,
    range: &Range<StateKey>,
    direction: Direction,
    limit: usize,
) -> Vec<(StateKey, Vec<u8>)> {
    let mut found = Vec::new();
    view.walk(range, direction, &mut |key, value| {
        found.push((key, value));
        if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    found
}

/// What a map has of a range, in this order.
fn ranged(
    model: &BTreeMap<StateKey, Vec<u8>>,
    range: &Range<StateKey>,
    direction: Direction,
    limit: usize,
) -> Vec<(StateKey, Vec<u8>)> {
    if range.is_empty() {
        return Vec::new();
    }
    let entries = model.range(range.clone()).map(|(key, value)| (key.clone(), value.clone()));
    match direction {
        Direction::Ascending => entries.take(limit).collect(),
        Direction::Descending => entries.rev().take(limit).collect(),
    }
}

/// Ranges that begin and end at keys, between them and beyond them; one that is empty, and one that
/// is the wrong way round.
fn ranges(random: &mut ChaCha20Rng) -> Vec<Range<StateKey>> {
    let whole = StateKey { key: Vec::new(), ..key(0) };
    let mut some = || key(random.next_u32() % 700);
    let mut ranges = vec![whole.clone()..whole.prefix_end(), whole..some(), key(9)..key(9)];
    for _ in 0..4 {
        ranges.push(some()..some());
        ranges.push(some().next()..some().next());
    }
    ranges
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
        let height = state.head().header.height;
        for _ in 0..3 {
            commit(&state, random_changes(&mut random, 600, 300));
        }
        let past = (state.view_at(height).unwrap(), head.1.clone());
        let limit = 1 + usize::try_from(random.next_u32() % 50).unwrap();
        for (view, model) in [head, above, past] {
            for range in ranges(&mut random) {
                for direction in [Direction::Ascending, Direction::Descending] {
                    for limit in [limit, usize::MAX] {
                        let expected = ranged(&model, &range, direction, limit);
                        let found = walked(&view, &range, direction, limit);
                        assert_eq!(found, expected, "seed {seed}, {range:?} {direction:?} {limit}");
                    }
                }
            }
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

/// A walk of a range that spans namespaces sees all of them; so what a contract may scan is for its
/// caller to bound.
#[test]
fn a_walk_goes_where_its_range_goes() {
    let (account, code) = (StateKey::account(&Address([1; 32])), StateKey::code(&Hash([2; 32])));
    let state = State::in_memory(&genesis());
    commit(&state, [(account.clone(), Some(vec![5])), (code.clone(), Some(vec![6]))].into());
    let range = account.clone()..code.next();
    let view = state.view(None);
    for direction in [Direction::Ascending, Direction::Descending] {
        let mut found: Vec<_> = walked(&view, &range, direction, usize::MAX);
        if direction == Direction::Descending {
            found.reverse();
        }
        assert_eq!(found.len(), 22, "the genesis' 20 keys stand between the two");
        assert_eq!(found.first(), Some(&(account.clone(), vec![5])));
        assert_eq!(found.last(), Some(&(code.clone(), vec![6])));
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
