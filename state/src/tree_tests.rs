use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use primitives::{Domain, codec};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::units::{UNIT_DEPTH, UnitNodes, unit_of};
use super::*;
use crate::family::flat;

const SEEDS: u64 = 60;

/// The committed leaves, and how often they were read.
#[derive(Debug, Default)]
struct Model {
    leaves: BTreeMap<Hash, Hash>,
    reads: Mutex<usize>,
}

impl Model {
    fn all(&self) -> Vec<Leaf> {
        self.leaves.iter().map(|(path, hash)| Leaf { path: *path, hash: *hash }).collect()
    }

    fn apply(&mut self, changes: &[LeafChange]) {
        for (path, hash) in changes {
            match hash {
                Some(hash) => self.leaves.insert(*path, *hash),
                None => self.leaves.remove(path),
            };
        }
    }

    fn reads(&self) -> usize {
        *self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LeafSource for Model {
    fn leaves(&self, path: &Hash, depth: usize) -> Result<Vec<Leaf>, StoreError> {
        *self.reads.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        let leaves = self.leaves.range(flat::first(path, depth)..);
        let below = leaves.take_while(|(leaf, _)| flat::share(leaf, path, depth));
        Ok(below.map(|(path, hash)| Leaf { path: *path, hash: *hash }).collect())
    }
}

fn bit(path: &Hash, at: usize) -> bool {
    turns_right(path, at)
}

/// The update of a block at `height` on a committed parent.
fn apply<'a>(source: &'a Model, memory: &'a Memory, height: u64) -> Update<'a> {
    let (height, committed) = (Height(height), Height(height - 1));
    Update { work: Work::Apply, source, height, committed, memory }
}

/// The root by the definition, from nothing but the leaves.
fn naive_root(leaves: &[Leaf], depth: usize) -> Hash {
    match leaves {
        [] => Hash::ZERO,
        [leaf] => leaf.hash,
        _ => {
            let (right, left): (Vec<Leaf>, Vec<Leaf>) =
                leaves.iter().partition(|leaf| bit(&leaf.path, depth));
            inner_hash(&naive_root(&left, depth + 1), &naive_root(&right, depth + 1))
        }
    }
}

/// Paths that crowd: most share a long prefix with others, some differ in the last bit only.
fn crowded_path(random: &mut ChaCha20Rng) -> Hash {
    let mut path = [0; 32];
    let position = usize::try_from(random.next_u32() % 32).unwrap();
    path[position] = 1 << (random.next_u32() % 8);
    path[31] ^= u8::from(random.next_u32().is_multiple_of(2));
    Hash(path)
}

/// Paths like those of keys: spread evenly below the first byte.
fn spread_path(random: &mut ChaCha20Rng) -> Hash {
    let mut path = Hash::of_bytes(Domain::StatePath, &(random.next_u32() % 2_000).to_le_bytes());
    path.0[0] = 3;
    // Into few units, so that these have nodes.
    path.0[1] &= 0b1100_0000;
    path
}

fn random_changes(
    random: &mut ChaCha20Rng,
    path: fn(&mut ChaCha20Rng) -> Hash,
    count_max: u32,
) -> Vec<LeafChange> {
    let count = random.next_u32() % count_max;
    // Now and then a block that deletes nearly everything.
    let keeps = if random.next_u32().is_multiple_of(8) { 1 } else { 6 };
    let change = |random: &mut ChaCha20Rng| {
        let hash = Hash::of_bytes(Domain::StateValue, &random.next_u64().to_le_bytes());
        (path(random), (random.next_u32() % 8 < keeps).then_some(hash))
    };
    let changes: BTreeMap<_, _> = (0..count).map(|_| change(random)).collect();
    changes.into_iter().collect()
}

/// What stands at each depth along a path agrees with the definition.
fn check_parts(tree: &Tree, model: &Model, path: &Hash, context: &str) {
    for depth in 0..DEPTH_MAX {
        let below = model.leaves(path, depth).unwrap();
        let part = tree.part(path, depth, model).unwrap();
        let expected = match &*below {
            [] => Part::Empty,
            [leaf] => Part::Leaf(*leaf),
            _ => {
                let (right, left): (Vec<Leaf>, Vec<Leaf>) =
                    below.iter().partition(|leaf| bit(&leaf.path, depth));
                let [left, right] = [left, right].map(|half| subtree_hash(&half, depth + 1));
                Part::Inner { left, right }
            }
        };
        assert_eq!(part, expected, "{context}, depth {depth}");
        if below.len() < 2 {
            break;
        }
    }
}

/// Whatever the budget of memory, whatever is reloaded: always the tree of the definition.
#[test]
fn the_tree_is_a_function_of_the_leaves_alone() {
    let mut stored = 0;
    for seed in 0..SEEDS {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let (path, count): (fn(&mut _) -> _, _) =
            if seed % 2 == 0 { (crowded_path, 40) } else { (spread_path, 1_500) };
        let memory = Memory::new(if seed % 3 == 0 { usize::MAX } else { 20_000 });
        let (mut tree, mut model) = (Tree::default(), Model::default());
        for height in 1..20 {
            let context = format!("seed {seed}, height {height}");
            let changes = random_changes(&mut random, path, count);
            tree = tree.update(&changes, apply(&model, &memory, height)).unwrap();
            model.apply(&changes);
            let leaves = model.all();
            let expected = naive_root(&leaves, 0);
            assert_eq!(tree.root(), expected, "updated; {context}");
            let built = Tree::build(&leaves, Height(height), Leaves::Dropped);
            assert_eq!(built.root(), expected, "built; {context}");
            let restored = restored(&tree, &model, &memory, height);
            stored += restored.units().len();
            assert_eq!(restored.root(), expected, "restored; {context}");
            check_parts(&tree, &model, &path(&mut random), &context);
            if random.next_u32().is_multiple_of(4) {
                tree = restored;
            }
        }
    }
    assert!(stored > 100, "{stored} units were restored from their rows");
}

/// The tree as a start makes it from rows of this height.
fn restored(tree: &Tree, model: &Model, memory: &Memory, height: u64) -> Tree {
    let mut units = BTreeMap::new();
    for leaf in model.all() {
        let unit = unit_of(&leaf.path);
        units.entry(unit).or_insert_with(|| match tree.unit(unit) {
            Some(nodes) => {
                let row = UnitNodes { height: Height(height), nodes: nodes.clone() };
                let bytes = codec::encode(&row);
                let read: UnitNodes = codec::decode(&bytes, bytes.len()).unwrap();
                assert_eq!(read.height, row.height);
                Slot::Node(read.nodes)
            }
            None => {
                let leaves = model.leaves(&leaf.path, UNIT_DEPTH).unwrap();
                build(&leaves, UNIT_DEPTH, Height(height), Leaves::Dropped)
            }
        });
    }
    let height = Height(height);
    let how = Update { work: Work::Reload, source: model, height, committed: height, memory };
    Tree::of_units(units, &how).unwrap()
}

#[test]
fn reloading_what_changed_is_as_good_as_changing_it() {
    for seed in 0..SEEDS {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let path = if seed % 2 == 0 { crowded_path } else { spread_path };
        let memory = Memory::new(if seed % 3 == 0 { 0 } else { usize::MAX });
        let (mut tree, mut model) = (Tree::default(), Model::default());
        for height in 1..8 {
            let changes = random_changes(&mut random, path, 900);
            model.apply(&changes);
            let paths: Vec<_> = changes.iter().map(|(path, _)| (*path, None)).collect();
            let how = Update { work: Work::Reload, ..apply(&model, &memory, height) };
            tree = tree.update(&paths, how).unwrap();
            let expected = naive_root(&model.all(), 0);
            assert_eq!(tree.root(), expected, "seed {seed}, height {height}");
        }
    }
}

#[test]
fn the_order_of_changes_does_not_show() {
    let (model, memory) = (Model::default(), Memory::new(usize::MAX));
    let one = |tree: Tree, change: &LeafChange| {
        tree.update(&[*change], apply(&model, &memory, 1)).unwrap()
    };
    for seed in 0..SEEDS {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let path = if seed % 2 == 0 { crowded_path } else { spread_path };
        let changes = random_changes(&mut random, path, 60);
        let together = Tree::default().update(&changes, apply(&model, &memory, 1)).unwrap().root();
        let forwards = changes.iter().fold(Tree::default(), one);
        let backwards = changes.iter().rev().fold(Tree::default(), one);
        assert_eq!(forwards.root(), together, "seed {seed}");
        assert_eq!(backwards.root(), together, "seed {seed}");
    }
}

#[test]
fn an_update_leaves_the_tree_it_came_from_alone() {
    let (model, memory) = (Model::default(), Memory::new(usize::MAX));
    let mut random = ChaCha20Rng::seed_from_u64(7);
    let first = random_changes(&mut random, spread_path, 1_500);
    let tree = Tree::default().update(&first, apply(&model, &memory, 1)).unwrap();
    let before = tree.root();
    let everything: Vec<_> = first.iter().map(|(path, _)| (*path, None)).collect();
    let emptied = tree.update(&everything, apply(&model, &memory, 2)).unwrap();
    assert_eq!(emptied.root(), Hash::ZERO);
    assert_eq!(tree.root(), before);
}

/// Pages that can be read again go when the budget is spent, and those in use last.
#[test]
fn pages_stay_within_the_budget() {
    let (mut model, memory) = (Model::default(), Memory::new(60_000));
    let mut random = ChaCha20Rng::seed_from_u64(3);
    let mut tree = Tree::default();
    let mut height = 0;
    let mut block = |tree: &mut Tree, model: &mut Model, changes: &[LeafChange]| {
        height += 1;
        *tree = tree.update(changes, apply(model, &memory, height)).unwrap();
        model.apply(changes);
    };
    for _ in 0..30 {
        let changes = random_changes(&mut random, spread_path, 1_500);
        block(&mut tree, &mut model, &changes);
    }
    let all: usize = model.leaves.len() * size_of::<Leaf>();
    assert!(all > 90_000, "{all} bytes of leaves");
    for _ in 0..100 {
        let changes: Vec<_> = random_changes(&mut random, spread_path, 20)
            .into_iter()
            .map(|(path, _)| (path, Some(path)))
            .collect();
        block(&mut tree, &mut model, &changes);
        assert!(memory.tally.bytes() < all + 20_000, "{} bytes", memory.tally.bytes());
    }
    assert!(memory.tally.bytes() < 80_000, "{} bytes in the end", memory.tally.bytes());
    // The same keys again and again are not read again and again.
    let few = [(model.all()[0].path, Some(Hash([9; 32])))];
    block(&mut tree, &mut model, &few);
    let before = model.reads();
    for _ in 0..20 {
        block(&mut tree, &mut model, &few);
    }
    assert_eq!(model.reads(), before);
    drop(tree);
    assert_eq!(memory.tally.bytes(), 0);
}

#[test]
fn values_that_are_not_those_of_the_tree_are_damage() {
    let (mut model, memory) = (Model::default(), Memory::new(0));
    let mut random = ChaCha20Rng::seed_from_u64(5);
    let changes: Vec<_> =
        (0..100).map(|_| (spread_path(&mut random), Some(Hash([1; 32])))).collect();
    let changes: BTreeMap<_, _> = changes.into_iter().collect();
    let changes: Vec<_> = changes.into_iter().collect();
    model.apply(&changes);
    let tree = Tree::build(&model.all(), Height(1), Leaves::Dropped);
    let (path, _) = changes[0];
    model.leaves.insert(path, Hash([2; 32]));
    let error = tree.update(&[(path, None)], apply(&model, &memory, 2)).unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
}

#[test]
#[should_panic(expected = "ascend")]
fn changes_out_of_order_are_refused() {
    let (model, memory) = (Model::default(), Memory::new(0));
    let changes = [(Hash([1; 32]), None), (Hash([0; 32]), None)];
    let _ = Tree::default().update(&changes, apply(&model, &memory, 1));
}
