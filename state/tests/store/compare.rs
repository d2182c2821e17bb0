//! A state compared with another one: exactly what differs is found, and little else is fetched.

use std::collections::BTreeSet;

use primitives::StateKey;
use quorate_state::{
    Child, Comparison, Divergence, Entry, HeightError, Piece, PieceError, Prefix, Snapshot,
    SnapshotError, State,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::chain::{commit, genesis, height, key, random_changes};

/// All that differs, and the pieces that it took.
fn differences(mut comparison: Comparison, other: &Snapshot) -> (Vec<Divergence>, usize) {
    let (mut found, mut pieces) = (Vec::new(), 0);
    loop {
        let wanted = comparison.wanted().next().copied();
        let Some(prefix) = wanted else { break };
        let piece = other.piece(&prefix, 1 << 10);
        found.extend(comparison.accept(&prefix, &piece).unwrap().unwrap());
        pieces += 1;
    }
    found.sort_by(|one, next| one.key.cmp(&next.key));
    (found, pieces)
}

/// What a snapshot holds, from the root down.
fn entries(snapshot: &Snapshot) -> Vec<Entry> {
    let (mut found, mut waiting) = (Vec::new(), vec![Prefix::ROOT]);
    while let Some(prefix) = waiting.pop() {
        match snapshot.piece(&prefix, 1 << 10) {
            Piece::Values(entries) => found.extend(entries),
            Piece::Branch(children) => {
                let below = prefix.children().zip(children);
                waiting.extend(
                    below.filter(|(_, child)| *child != Child::Empty).map(|(prefix, _)| prefix),
                );
            }
        }
    }
    found.sort_by(|one, next| one.key.cmp(&next.key));
    found
}

#[test]
fn a_state_of_the_past_is_handed_out_as_it_was() {
    for seed in 0..4 {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let state = State::in_memory(&genesis());
        let mut then = vec![(state.head(), entries(&state.snapshot()))];
        for _ in 0..8 {
            commit(&state, random_changes(&mut random, 3_000, 600));
            then.push((state.head(), entries(&state.snapshot())));
        }
        for (head, expected) in &then {
            let snapshot = state.snapshot_at(head.header.height).unwrap();
            assert_eq!(snapshot.head(), head, "seed {seed}");
            assert_eq!(&entries(&snapshot), expected, "seed {seed}, {}", head.header.height);
        }
        let above = state.snapshot_at(height(99)).map(|_| ()).unwrap_err();
        let (height, head) = (height(99), height(8));
        assert_eq!(above, SnapshotError::Height(HeightError::AboveHead { height, head }));
    }
}

#[test]
fn a_comparison_finds_exactly_what_differs() {
    for seed in 0..8 {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        let own = State::open(&path, &genesis()).unwrap();
        let healthy = State::in_memory(&genesis());
        for _ in 0..3 {
            let changes = random_changes(&mut random, 20_000, 4_000);
            commit(&own, changes.clone());
            commit(&healthy, changes);
        }
        // One key of many: executed otherwise here.
        let changes = random_changes(&mut random, 20_000, 300);
        let mut wrong = changes.clone();
        let odd = key(random.next_u32() % 20_000);
        wrong.insert(odd.clone(), Some(b"odd".to_vec()));
        commit(&healthy, changes);
        let root = healthy.head().result.state_root;
        let overlay = own.overlay(None, height(4), wrong.clone());
        let (found, pieces) = differences(own.compare(&overlay, root), &healthy.snapshot());
        let keys: Vec<&StateKey> = found.iter().map(|one| &one.key).collect();
        assert_eq!(keys, [&odd], "seed {seed}");
        assert_eq!(found[0].own.as_ref().unwrap().value, b"odd");
        assert_eq!(found[0].other.as_ref().map(|other| &other.value), healthy.get(&odd).as_ref());
        assert!(pieces < 10, "{pieces} pieces for one key");

        // The same on the disk, with what more went wrong, while the healthy one went on.
        commit(&own, wrong);
        drop(own);
        commit(&healthy, random_changes(&mut random, 20_000, 500));
        let comparison = Comparison::of_values(&path, root).unwrap();
        let past = healthy.snapshot_at(height(4)).unwrap();
        let (found, _) = differences(comparison, &past);
        assert_eq!(found.iter().map(|one| &one.key).collect::<Vec<_>>(), [&odd], "seed {seed}");
        let right = healthy.snapshot_at(height(3)).unwrap().head().result.state_root;
        let comparison = Comparison::of_values(&path, right).unwrap();
        let (found, _) = differences(comparison, &healthy.snapshot_at(height(3)).unwrap());
        let found: BTreeSet<_> = found.iter().map(|one| &one.key).collect();
        assert!(found.len() > 200 && found.contains(&odd), "seed {seed}");
    }
}

#[test]
fn equal_states_ask_for_nothing_and_a_liar_is_known() {
    let (own, healthy) = (State::in_memory(&genesis()), State::in_memory(&genesis()));
    commit(&own, [(key(1), Some(vec![1]))].into());
    commit(&healthy, [(key(1), Some(vec![2]))].into());
    let overlay = own.overlay(None, height(2), [].into());
    let equal = own.compare(&overlay, own.head().result.state_root);
    assert_eq!(equal.wanted().count(), 0);
    let mut comparison = own.compare(&overlay, healthy.head().result.state_root);
    let mut piece = healthy.snapshot().piece(&Prefix::ROOT, 1 << 20);
    if let Piece::Values(entries) = &mut piece {
        entries[0].value.push(0);
    }
    let lie = comparison.accept(&Prefix::ROOT, &piece).unwrap();
    assert!(matches!(lie, Err(PieceError::Hash { .. })), "{lie:?}");
}
