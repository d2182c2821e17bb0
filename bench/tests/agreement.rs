//! The contenders do the same work: they are given the same batches, and hold the same values.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::path::Path;

use primitives::StateKey;
use quorate_bench::contenders::{Contender, Kind, Settings};
use quorate_bench::model::{Model, Step};
use quorate_bench::workload::{Cursor, Workload, key, written_by};

const SEED: u64 = 7;
const KEYS: u64 = 2_000;

/// A load, then some of everything, and again.
const STEPS: [Step; 8] = [
    Step { workload: None, size: 1_500, batches: 1 },
    Step { workload: None, size: 500, batches: 1 },
    Step { workload: Some(Workload::Uniform), size: 300, batches: 3 },
    Step { workload: Some(Workload::Mix), size: 400, batches: 3 },
    Step { workload: Some(Workload::Zipf), size: 100, batches: 3 },
    Step { workload: Some(Workload::Mix), size: 1, batches: 2 },
    Step { workload: Some(Workload::Mix), size: 1_000, batches: 4 },
    Step { workload: Some(Workload::Uniform), size: 10, batches: 3 },
];

fn open(kind: Kind, directory: &Path) -> Box<dyn Contender> {
    kind.open(directory, &Settings { keys_max: KEYS, cache_mib: 8 }).unwrap()
}

/// Those that this machine can run.
fn contenders() -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(|kind| {
        let obstacle = kind.obstacle();
        obstacle.inspect(|why| eprintln!("{} is left out: {why}", kind.name()));
        obstacle.is_none()
    })
}

#[test]
fn all_hold_what_a_plain_map_holds() {
    for kind in contenders() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = open(kind, directory.path());
        let mut model = Model::new(SEED);
        for step in STEPS {
            for batch in 0..step.batches {
                let applied = store.apply(model.step(&step).unwrap()).unwrap();
                assert_eq!(applied.root.is_some(), kind.is_authenticated(), "{kind:?}");
                let checked = model.check(kind, store.as_mut(), 10);
                checked.unwrap_or_else(|why| panic!("{kind:?}, {step:?}, batch {batch}: {why:#}"));
            }
        }
        drop(store);
        let mut again = open(kind, directory.path());
        let checked = model.check(kind, again.as_mut(), 1);
        checked.unwrap_or_else(|why| panic!("{kind:?}, opened again: {why:#}"));
        again.apply(model.step(&STEPS[3]).unwrap()).unwrap();
        let checked = model.check(kind, again.as_mut(), 10);
        checked.unwrap_or_else(|why| panic!("{kind:?}, opened again and changed: {why:#}"));
    }
}

#[test]
fn a_proof_of_another_value_is_refused() {
    for kind in contenders().filter(|kind| kind.is_authenticated()) {
        let directory = tempfile::tempdir().unwrap();
        let mut store = open(kind, directory.path());
        let mut cursor = Cursor::new(SEED);
        store.apply(cursor.load(KEYS)).unwrap();
        let (present, absent) = (key(5), key(KEYS));
        let refused = |store: &mut Box<dyn Contender>, key: &StateKey, value: Option<Vec<u8>>| {
            let proof = store.prove(key).unwrap().unwrap();
            store.verify(key, &proof).unwrap_or_else(|why| panic!("{kind:?}: {why:#}"));
            let lie = quorate_bench::contenders::Proof { value, ..proof };
            assert!(store.verify(key, &lie).is_err(), "{kind:?} takes a lie for the truth");
        };
        refused(&mut store, &present, Some(vec![1; 32]));
        refused(&mut store, &present, None);
        refused(&mut store, &absent, Some(vec![1; 32]));
        let old = store.prove(&present).unwrap().unwrap();
        store.apply(cursor.batch(Workload::Uniform, KEYS / 2).unwrap()).unwrap();
        assert!(store.verify(&present, &old).is_err(), "{kind:?} takes the old root's proof");
    }
}

#[test]
fn one_seed_gives_the_same_batches_from_any_point_on() {
    let steps = || STEPS.into_iter().flat_map(|step| (0..step.batches).map(move |_| step));
    let next = |cursor: &mut Cursor, step: Step| match step.workload {
        None => cursor.load(step.size),
        Some(workload) => cursor.batch(workload, step.size).unwrap(),
    };
    let mut cursor = Cursor::new(SEED);
    for step in steps() {
        // As another process gets it.
        let sent = serde_json::to_string(&cursor).unwrap();
        let mut other: Cursor = serde_json::from_str(&sent).unwrap();
        assert_eq!(next(&mut cursor, step), next(&mut other, step), "{step:?} from {sent}");
        assert_eq!(cursor, other);
    }
    let (mut one, mut another) = (Cursor::new(SEED), Cursor::new(SEED + 1));
    assert_ne!(one.load(10), another.load(10), "two seeds");
}

#[test]
fn batches_are_what_they_are_called() {
    let mut cursor = Cursor::new(SEED);
    cursor.load(KEYS);
    for (workload, size) in [
        (Workload::Uniform, 1_000),
        (Workload::Zipf, 1_000),
        (Workload::Mix, 1_000),
        (Workload::Mix, 3),
    ] {
        let before = cursor;
        let batch = cursor.batch(workload, size).unwrap();
        assert_eq!(batch.len() as u64, size, "{workload:?}: distinct keys");
        let is_live = |number: &u64| batch.contains_key(&key(*number));
        let (quarter, removed) = (size / 4, batch.values().filter(|value| value.is_none()).count());
        let expected = if workload == Workload::Mix { quarter } else { 0 };
        assert_eq!(removed as u64, expected, "{workload:?}: removed");
        assert_eq!(cursor.oldest - before.oldest, expected, "{workload:?}: the oldest are gone");
        assert_eq!(cursor.next - before.next, expected, "{workload:?}: new");
        assert!((before.next..cursor.next).all(|number| is_live(&number)), "{workload:?}");
        for number in (cursor.oldest..cursor.next).filter(is_live) {
            let value = batch[&key(number)].as_ref().unwrap();
            assert_eq!(written_by(number, value), Some(cursor.batches), "{workload:?}, {number}");
            assert_eq!(written_by(number + 1, value), None);
        }
    }
    assert!(cursor.batch(Workload::Uniform, KEYS).is_err(), "more than half of the keys");
}
