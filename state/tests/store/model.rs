//! Any sequence of blocks, restarts, prunes and rollbacks gives what a plain list of maps gives:
//! values, roots, proofs, scans and differences, at every height that is kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use primitives::{Hash, Height, StateKey};
use quorate_state::{Difference, HeightError, Retention, State, StateOptions, check, rollback};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::chain::{apply, block, commit, genesis, key, random_changes, verified};

const KEYS: u32 = 400;

type Map = BTreeMap<StateKey, Vec<u8>>;

/// The states after every block, from the genesis on, and their roots.
#[derive(Default)]
struct Model {
    states: Vec<(Map, Hash)>,
    /// Which blocks have certificates of their own.
    certified: Vec<bool>,
}

impl Model {
    fn head(&self) -> &Map {
        &self.states.last().unwrap().0
    }

    fn height(&self) -> u64 {
        self.states.len() as u64 - 1
    }

    fn at(&self, height: u64) -> &Map {
        &self.states[usize::try_from(height).unwrap()].0
    }
}

struct Run {
    random: ChaCha20Rng,
    path: PathBuf,
    options: StateOptions,
    state: Option<State>,
    model: Model,
    context: String,
}

impl Run {
    fn state(&self) -> &State {
        self.state.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        self.state = None;
        self.state = Some(State::open_with(&self.path, &genesis(), self.options).unwrap());
    }

    /// One block, or several in one commit of which the last is certified.
    fn commit(&mut self) {
        let count = if self.random.next_u32().is_multiple_of(4) { 3 } else { 1 };
        let state = self.state.clone().unwrap();
        let (mut blocks, mut parent, mut below) = (Vec::new(), state.head().header, None);
        for number in 0..count {
            let size = 1 + self.random.next_u32() % 80;
            let changes = random_changes(&mut self.random, KEYS, size);
            let overlay = state.overlay(below.as_ref(), parent.height.next(), changes.clone());
            let mut next = block(&parent, overlay.clone(), Vec::new());
            if number + 1 < count {
                next.certificate = None;
            }
            let mut map = self.model.head().clone();
            apply(&mut map, &changes);
            self.model.states.push((map, overlay.root()));
            self.model.certified.push(number + 1 == count);
            (parent, below) = (next.header.clone(), Some(overlay));
            blocks.push(next);
        }
        state.commit(blocks).unwrap();
    }

    fn roll_back(&mut self) {
        let (floor, head) = (self.state().floor().0, self.model.height());
        let to = floor + self.random.next_u64() % (head - floor + 1);
        self.state = None;
        let index = usize::try_from(to).unwrap();
        match rollback(&self.path, Height(to)) {
            Ok(()) => {
                assert!(self.model.certified[index], "{}: to {to}", self.context);
                self.model.states.truncate(index + 1);
                self.model.certified.truncate(index + 1);
            }
            Err(error) => assert!(!self.model.certified[index], "{}: {error}", self.context),
        }
        self.reopen();
    }

    /// The head and one height below are as the model says.
    fn check(&mut self) {
        let context = self.context.clone();
        let (state, model) = (self.state.clone().unwrap(), &self.model);
        let head = state.head();
        assert_eq!(head.header.height.0, model.height(), "{context}");
        assert_eq!(head.result.state_root, model.states.last().unwrap().1, "{context}");
        for key in (0..KEYS).step_by(7).map(key) {
            let proved = state.prove(&key);
            assert_eq!(proved.value.as_ref(), model.head().get(&key), "{context}, {key:?}");
            let stands = verified(&proved, &key).is_some();
            assert_eq!(stands, proved.value.is_some(), "{context}, {key:?}");
        }
        let floor = state.floor().0;
        let height = floor + self.random.next_u64() % (model.height() - floor + 1);
        let view = state.view_at(Height(height)).unwrap();
        for key in (0..KEYS).step_by(5).map(key) {
            let expected = model.at(height).get(&key);
            assert_eq!(view.get(&key).as_ref(), expected, "{context}, {key:?} at {height}");
        }
        let everything = StateKey { key: Vec::new(), ..key(0) };
        let scanned = view.scan(&everything, None, 1_000);
        let expected: Vec<_> =
            model.at(height).iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        assert_eq!(scanned, expected, "{context}, all at {height}");
        check_differences(&state, model, height, &context);
        if floor > 0 {
            let below = Height(floor - 1);
            let refused = state.view_at(below).map(|_| ());
            let floor = Height(floor);
            assert_eq!(refused, Err(HeightError::Pruned { height: below, floor }), "{context}");
        }
    }
}

fn check_differences(state: &State, model: &Model, from: u64, context: &str) {
    let to = model.height();
    let (mut found, mut after) = (Vec::new(), None);
    // In pages.
    loop {
        let page = state.differences(Height(from), Height(to), after.as_ref(), 9).unwrap();
        after = page.last().map(|difference| difference.key.clone());
        found.extend(page);
        if after.is_none() {
            break;
        }
    }
    let (old, new) = (model.at(from), model.at(to));
    let difference = |key: StateKey| Difference {
        before: old.get(&key).cloned(),
        after: new.get(&key).cloned(),
        key,
    };
    let expected: Vec<_> =
        (0..KEYS).map(key).filter(|key| old.get(key) != new.get(key)).map(difference).collect();
    assert_eq!(found, expected, "{context}, from {from} to {to}");
}

fn check_seed(seed: u64, directory: &Path) {
    let mut random = ChaCha20Rng::seed_from_u64(seed);
    let retention = match seed % 3 {
        0 => Retention::All,
        _ => Retention::Blocks(1 + random.next_u64() % 20),
    };
    // Down to nothing: every page is then read whenever it is needed.
    let tree_bytes = [0, 8_000, usize::MAX][usize::try_from(seed / 3 % 3).unwrap()];
    let options = StateOptions { retention, tree_bytes };
    let path = directory.join("state");
    let state = State::open_with(&path, &genesis(), options).unwrap();
    let mut model = Model::default();
    let mut first = Map::new();
    apply(&mut first, &genesis().changes);
    model.states.push((first, state.head().result.state_root));
    model.certified.push(true);
    let mut run = Run { random, path, options, state: Some(state), model, context: String::new() };
    for step in 0..60 {
        run.context = format!("seed {seed}, step {step}, {options:?}");
        match run.random.next_u32() % 12 {
            0 => run.reopen(),
            1 => run.roll_back(),
            2 => {
                run.state = None;
                let report = check(&run.path).unwrap();
                assert!(report.is_whole(), "{}: {report}", run.context);
                run.reopen();
            }
            3 => run.state().compact().unwrap(),
            _ => run.commit(),
        }
        run.check();
    }
}

#[test]
fn any_sequence_of_blocks_restarts_prunes_and_rollbacks_gives_the_models_values() {
    for seed in 0..9 {
        check_seed(seed, tempfile::tempdir().unwrap().path());
    }
}

/// What is rolled back and committed again leads to the same root as if nothing had been.
#[test]
fn a_chain_that_was_rolled_back_goes_on_as_one_that_was_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let straight = State::in_memory(&genesis());
    let mut random = ChaCha20Rng::seed_from_u64(11);
    let blocks: Vec<_> = (0..12).map(|_| random_changes(&mut random, KEYS, 60)).collect();
    let mut state = State::open(&path, &genesis()).unwrap();
    for changes in &blocks {
        commit(&straight, changes.clone());
        commit(&state, changes.clone());
    }
    drop(state);
    rollback(&path, Height(5)).unwrap();
    state = State::open(&path, &genesis()).unwrap();
    assert_eq!(state.head().header.height, Height(5));
    for changes in &blocks[5..] {
        commit(&state, changes.clone());
    }
    assert_eq!(state.head(), straight.head());
    assert_eq!(state.usage(), straight.usage());
}
