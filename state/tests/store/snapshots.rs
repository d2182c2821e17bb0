//! A state put together from pieces is the state that gave them, whoever gives, lies, goes on or is
//! interrupted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use primitives::{Hash, Height, Namespace, StateKey, View};
use quorate_state::{
    Changes, Child, Entry, GenesisBlock, HeightError, Piece, PieceError, Prefix, Restore,
    Retention, Snapshot, SnapshotHead, State, StateOptions, check,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use tempfile::TempDir;

use crate::chain::{commit, genesis, genesis_of, key, random_changes, verified};

/// Small, so that few keys make many pieces.
const PIECE_BYTES: usize = 600;

/// Changes with values of all sizes, up to several pieces' worth, in several namespaces.
fn wild_changes(random: &mut ChaCha20Rng, keys: u32, count: u32) -> Changes {
    let mut changes = random_changes(random, keys, count);
    for (key, value) in &mut changes {
        if let Some(value) = value {
            let size = [0, 1, 8, 40, 40, 300, 3 * PIECE_BYTES];
            *value = vec![value[0]; size[random.next_u32() as usize % size.len()]];
        }
        let _ = key;
    }
    changes.into_iter().map(|(key, value)| (crowded(key), value)).collect()
}

fn first_wanted(restore: &Restore) -> Option<Prefix> {
    restore.wanted().next().copied()
}

/// The key in one of three namespaces.
fn crowded(key: StateKey) -> StateKey {
    let namespace = match key.key[3] % 7 {
        0 => Namespace::Account,
        1 => Namespace::Code,
        _ => Namespace::Storage,
    };
    StateKey { namespace, ..key }
}

fn head_of(state: &State, snapshot: &Snapshot) -> SnapshotHead {
    state.snapshot_head(snapshot.head().header.height, View::ZERO).unwrap()
}

/// The homes of one restoration.
struct Home {
    directory: TempDir,
    database: PathBuf,
    syncing: PathBuf,
}

impl Home {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (database, syncing) =
            (directory.path().join("db"), directory.path().join("db.syncing"));
        Self { directory, database, syncing }
    }

    fn begin(&self) -> Restore {
        Restore::begin(&self.syncing, Some(&self.database)).unwrap()
    }
}

/// What came.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    pieces: usize,
    entries: usize,
}

/// One piece of those wanted, in a random order; before it, all lies about it. False when nothing
/// is wanted.
fn feed(
    restore: &mut Restore,
    snapshot: &Snapshot,
    random: &mut ChaCha20Rng,
    count: &mut Count,
) -> bool {
    let wanted: Vec<Prefix> = restore.wanted().copied().collect();
    if wanted.is_empty() {
        return false;
    }
    let prefix = wanted[random.next_u32() as usize % wanted.len()];
    let piece = snapshot.piece(&prefix, PIECE_BYTES);
    for (lie, what) in lies(&prefix, &piece) {
        let keys = restore.keys();
        let refused = restore.accept(&prefix, lie).unwrap();
        assert!(refused.is_err(), "{what} is taken at {prefix:?}: {piece:?}");
        assert_eq!(restore.keys(), keys, "{what}");
    }
    let below = prefix.children().next().unwrap();
    let refused = restore.accept(&below, Piece::Values(Vec::new())).unwrap();
    assert_eq!(refused, Err(PieceError::NotWanted));
    count.pieces += 1;
    if let Piece::Values(entries) = &piece {
        count.entries += entries.len();
    }
    assert_eq!(restore.accept(&prefix, piece).unwrap(), Ok(()));
    let again = restore.accept(&prefix, Piece::Values(Vec::new())).unwrap();
    assert_eq!(again, Err(PieceError::NotWanted), "a piece is taken once");
    true
}

fn feed_all(restore: &mut Restore, snapshot: &Snapshot, random: &mut ChaCha20Rng) -> Count {
    let mut count = Count::default();
    while feed(restore, snapshot, random, &mut count) {}
    count
}

/// Everything that is not the piece, with its name.
fn lies(prefix: &Prefix, piece: &Piece) -> Vec<(Piece, &'static str)> {
    let mut lies = Vec::new();
    match piece {
        Piece::Values(entries) => {
            let mut lie = |what, change: &dyn Fn(&mut Vec<Entry>)| {
                let mut changed = entries.clone();
                change(&mut changed);
                if changed != *entries {
                    lies.push((Piece::Values(changed), what));
                }
            };
            // No prefix that anybody asks for has values of this namespace.
            let foreign = || {
                let key = StateKey { namespace: Namespace::Evidence, ..key(1) };
                Entry { key, changed: Height(1), value: vec![1] }
            };
            lie("nothing", &|all| all.clear());
            lie("a value too few", &|all| drop(all.pop()));
            lie("the first is missing", &|all| drop(all.drain(..1.min(all.len()))));
            lie("another value", &|all| all.iter_mut().take(1).for_each(|e| e.value.push(0)));
            lie("another height", &|all| all.iter_mut().take(1).for_each(|e| e.changed.0 += 1));
            lie("another key", &|all| all.iter_mut().take(1).for_each(|e| e.key.key.push(0)));
            lie("another order", &|all| all.reverse());
            lie("a value twice", &|all| all.extend(all.first().cloned()));
            lie("a foreign value behind", &|all| all.push(foreign()));
            lie("a foreign value before", &|all| all.insert(0, foreign()));
            lies.push((Piece::Branch([Child::Empty; 16]), "a branch over nothing"));
            if let [entry] = &entries[..] {
                let path = entry.key.path();
                let hash = hash_of(entry);
                let at = nibble(&path, usize::from(prefix.depth));
                let mut lone = [Child::Empty; 16];
                lone[at] = leaf(entry);
                lies.push((Piece::Branch(lone), "a branch over one leaf"));
                lone[at] = Child::Inner(hash);
                lies.push((Piece::Branch(lone), "a branch over one leaf, said to be more"));
            }
        }
        Piece::Branch(children) => {
            let mut lie = |what, change: &dyn Fn(&mut [Child; 16])| {
                let mut changed = *children;
                change(&mut changed);
                if changed != *children {
                    lies.push((Piece::Branch(changed), what));
                }
            };
            let full = children.iter().position(|child| *child != Child::Empty).unwrap();
            lie("a subtree too few", &|all| all[full] = Child::Empty);
            lie("another hash", &|all| all[full] = Child::Inner(Hash([9; 32])));
            lie("subtrees in another order", &|all| all.reverse());
            for at in 0..16 {
                let (here, next) = (children[at], children[at ^ 1]);
                if let Child::Leaf { .. } = here {
                    // Both have the same hash when the neighbour is empty.
                    lie("a leaf at its neighbour's place", &|all| all.swap(at, at ^ 1));
                    if next == Child::Empty {
                        lie("a leaf alone said to be more", &|all| {
                            all[at] = Child::Inner(here.hash());
                        });
                    }
                }
            }
            // What stood for the whole before a leaf's place was said with it.
            lies.push((Piece::Values(Vec::new()), "no values where there are many"));
        }
    }
    lies
}

fn nibble(path: &Hash, depth: usize) -> usize {
    let byte = path.0[depth / 8];
    usize::from(if depth.is_multiple_of(8) { byte >> 4 } else { byte & 15 })
}

fn leaf(entry: &Entry) -> Child {
    let value_hash = primitives::Hash::of_parts(
        primitives::Domain::StateValue,
        &[&entry.changed.0.to_le_bytes(), &entry.value],
    );
    Child::Leaf { path: entry.key.path(), value_hash }
}

fn hash_of(entry: &Entry) -> Hash {
    leaf(entry).hash()
}

/// The restored database is whole, is the giver's at the snapshot, and goes on as the giver did,
/// which has committed these changes since.
fn check_restored(
    database: &Path,
    genesis: &GenesisBlock,
    giver: &State,
    snapshot: &Snapshot,
    since: &[Changes],
) {
    let report = check(database).unwrap();
    assert!(report.is_whole(), "{report}");
    let restored = State::open(database, genesis).unwrap();
    let (head, height) = (snapshot.head(), snapshot.head().header.height);
    assert_eq!(restored.head(), *head);
    assert_eq!(restored.floor(), height);
    let everything = |namespace| StateKey { namespace, key: Vec::new() };
    let then = giver.view_at(height).unwrap();
    for namespace in [Namespace::Account, Namespace::Storage, Namespace::Code] {
        let (own, others) = (restored.view(None), &then);
        let all = |view: &quorate_state::StateView| view.scan(&everything(namespace), None, 10_000);
        assert_eq!(all(&own), all(others));
        let usage: BTreeMap<_, _> = restored.usage().into_iter().collect();
        let usage = usage.get(&namespace).copied().unwrap_or_default();
        let bytes: usize = all(others).iter().map(|(key, value)| key.key.len() + value.len()).sum();
        let expected = (all(others).len() as u64, bytes as u64);
        assert_eq!((usage.keys, usage.bytes), expected, "{namespace:?}");
    }
    for number in (0..400).step_by(13) {
        let key = crowded(key(number));
        let proved = restored.prove(&key);
        assert_eq!(verified(&proved, &key).is_some(), proved.value.is_some());
    }
    if height > Height::ZERO {
        let below = Height(height.0 - 1);
        let refused = restored.view_at(below).map(|_| ());
        assert_eq!(refused, Err(HeightError::Pruned { height: below, floor: height }));
        assert_eq!(restored.header(below), giver.header(below), "who leads is decided by it");
    }
    for changes in since {
        commit(&restored, changes.clone());
        let head = restored.head();
        assert_eq!(head.hash, giver.block(head.header.height).unwrap().hash);
        assert_eq!(head.result, giver.block(head.header.height).unwrap().result);
    }
    drop(restored);
    assert!(check(database).unwrap().is_whole());
    let again = State::open(database, genesis).unwrap();
    assert_eq!(again.head().header.height.0, height.0 + since.len() as u64);
    assert_eq!(again.usage(), giver.usage());
}

/// A chain with some blocks; pruned as it goes when the seed says so.
fn giver(random: &mut ChaCha20Rng, seed: u64, directory: &Path) -> (State, GenesisBlock) {
    let genesis = if seed.is_multiple_of(5) {
        genesis_of(b"an empty chain", Changes::new())
    } else {
        genesis()
    };
    let retention = if seed.is_multiple_of(2) { Retention::All } else { Retention::Blocks(3) };
    let tree_bytes = if seed.is_multiple_of(3) { 0 } else { usize::MAX };
    let options = StateOptions { retention, tree_bytes };
    let state = match seed % 4 {
        3 => State::open_with(&directory.join("giver"), &genesis, options).unwrap(),
        _ => State::in_memory_with(&genesis, options),
    };
    for _ in 0..=random.next_u32() % 6 {
        let (keys, size) = (1 + random.next_u32() % 400, random.next_u32() % 300);
        commit(&state, wild_changes(random, keys, size));
    }
    (state, genesis)
}

#[test]
fn a_restored_state_is_the_one_that_gave_it() {
    for seed in 0..6 {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let home = Home::new();
        let (state, genesis) = giver(&mut random, seed, home.directory.path());
        let (snapshot, mut since) = (state.snapshot(), Vec::new());
        let head = head_of(&state, &snapshot);
        let mut restore = home.begin();
        restore.aim(head.clone()).unwrap();
        let mut count = Count::default();
        while feed(&mut restore, &snapshot, &mut random, &mut count) {
            // The giver goes on, overwrites, deletes and prunes.
            if random.next_u32().is_multiple_of(4) {
                let changes = wild_changes(&mut random, 400, 60);
                since.push(changes.clone());
                commit(&state, changes);
                state.compact().unwrap();
            }
            // The taker is killed.
            if random.next_u32().is_multiple_of(6) {
                let keys = restore.keys();
                drop(restore);
                restore = home.begin();
                assert_eq!(restore.keys(), keys, "seed {seed}: what came is kept");
                restore.aim(head.clone()).unwrap();
            }
        }
        restore.finish(&home.database, genesis.genesis_hash).unwrap();
        assert!(!home.syncing.exists());
        check_restored(&home.database, &genesis, &state, &snapshot, &since);
    }
}

/// Nothing that is right is fetched, be it from before an interruption or from an old database.
#[test]
fn only_what_differs_is_fetched() {
    let mut random = ChaCha20Rng::seed_from_u64(1);
    let home = Home::new();
    let state = State::in_memory(&genesis());
    let own = State::open(&home.database, &genesis()).unwrap();
    for number in 0..8 {
        let changes = wild_changes(&mut random, 4_000, 800);
        if number < 6 {
            commit(&own, changes.clone());
        }
        commit(&state, changes);
    }
    drop(own);
    let snapshot = state.snapshot();
    let head = head_of(&state, &snapshot);
    let elsewhere = Home::new();
    let mut whole = elsewhere.begin();
    whole.aim(head.clone()).unwrap();
    let all = feed_all(&mut whole, &snapshot, &mut random);

    let few = wild_changes(&mut random, 4_000, 3);
    commit(&state, few.clone());
    let later = state.snapshot();
    whole.aim(head_of(&state, &later)).unwrap();
    let moved = feed_all(&mut whole, &later, &mut random);
    assert!(moved.entries * 10 < all.entries, "{moved:?} of {all:?} for three keys");
    whole.finish(&elsewhere.database, genesis().genesis_hash).unwrap();
    check_restored(&elsewhere.database, &genesis(), &state, &later, &[]);

    let mut restore = home.begin();
    assert!(restore.keys() > 0, "it begins with the old database");
    restore.aim(head.clone()).unwrap();
    let mut first = Count::default();
    for _ in 0..all.pieces / 4 {
        feed(&mut restore, &snapshot, &mut random, &mut first);
    }
    drop(restore);
    let mut restore = home.begin();
    restore.aim(head).unwrap();
    let rest = feed_all(&mut restore, &snapshot, &mut random);
    let fetched = first.entries + rest.entries;
    assert!(fetched <= all.entries, "{fetched} of {} again", all.entries);
    restore.finish(&home.database, genesis().genesis_hash).unwrap();
    check_restored(&home.database, &genesis(), &state, &snapshot, &[few]);
}

/// The head proves itself as a whole.
#[test]
fn a_head_that_does_not_hold_together_is_refused() {
    let state = State::in_memory(&genesis());
    for _ in 0..4 {
        commit(&state, Changes::new());
    }
    let head = state.snapshot_head(Height(4), View(2)).unwrap();
    assert_eq!(head.below.len(), 3, "down to the first block of an earlier view");
    let home = Home::new();
    let mut restore = home.begin();
    let mut refuse = |what, change: &dyn Fn(&mut SnapshotHead)| {
        let mut changed = head.clone();
        change(&mut changed);
        assert!(restore.aim(changed).is_err(), "{what}");
    };
    refuse("another root", &|head| head.result.state_root = Hash([1; 32]));
    refuse("another header", &|head| head.header.timestamp.0 += 1);
    refuse("another block's certificate", &|head| head.certificate.block = Hash([1; 32]));
    refuse("other receipts", &|head| {
        head.receipts = vec![crate::chain::receipt(1, primitives::Status::Success)];
    });
    refuse("a header too few", &|head| drop(head.below.pop()));
    refuse("another header below", &|head| head.below[0].timestamp.0 += 1);
    assert_eq!(restore.aim(head.clone()), Ok(()));
}

/// A first lie of a liar must not make an honest giver look like one. Which of two places a lone
/// leaf stands at does not show in any hash around it.
#[test]
fn no_lie_that_is_taken_makes_the_truth_look_like_a_lie() {
    for seed in 20..26 {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let home = Home::new();
        let (state, _) = giver(&mut random, 1, home.directory.path());
        let snapshot = state.snapshot();
        let mut restore = home.begin();
        restore.aim(head_of(&state, &snapshot)).unwrap();
        while let Some(prefix) = first_wanted(&restore) {
            let piece = snapshot.piece(&prefix, PIECE_BYTES);
            // Whatever of these is taken, the honest answers after it must be.
            if let Piece::Branch(children) = &piece {
                for at in 0..16 {
                    let mut swapped = *children;
                    swapped.swap(at, at ^ 1);
                    if swapped != *children {
                        let refused = restore.accept(&prefix, Piece::Branch(swapped)).unwrap();
                        assert!(refused.is_err(), "seed {seed}, {prefix:?}, {at}");
                    }
                }
            }
            assert_eq!(restore.accept(&prefix, piece).unwrap(), Ok(()), "seed {seed}");
        }
    }
}
