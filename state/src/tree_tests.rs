use std::collections::BTreeMap;

use primitives::{Domain, Namespace, StateKey};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::*;
use crate::hashing::{claim, value_hash};

const SEEDS: u64 = 60;

/// The root by the definition, from nothing but the leaves.
fn naive_root(leaves: &[Leaf], depth: usize) -> Hash {
    match leaves {
        [] => Hash::ZERO,
        [leaf] => leaf_hash(&leaf.path, &leaf.value_hash),
        _ => {
            let (right, left): (Vec<Leaf>, Vec<Leaf>) =
                leaves.iter().partition(|leaf| turns_right(&leaf.path, depth));
            inner_hash(&naive_root(&left, depth + 1), &naive_root(&right, depth + 1))
        }
    }
}

fn leaves(map: &BTreeMap<Hash, Hash>) -> Vec<Leaf> {
    map.iter().map(|(path, value_hash)| Leaf { path: *path, value_hash: *value_hash }).collect()
}

/// Paths that crowd: most share a long prefix with others, some differ in the last bit only.
fn crowded_path(random: &mut ChaCha20Rng) -> Hash {
    let mut path = [0; 32];
    let position = usize::try_from(random.next_u32() % 32).unwrap();
    path[position] = 1 << (random.next_u32() % 8);
    path[31] ^= u8::from(random.next_u32().is_multiple_of(2));
    Hash(path)
}

fn spread_path(random: &mut ChaCha20Rng) -> Hash {
    Hash::of_bytes(Domain::StatePath, &(random.next_u32() % 300).to_le_bytes())
}

fn random_changes(
    random: &mut ChaCha20Rng,
    path: fn(&mut ChaCha20Rng) -> Hash,
) -> BTreeMap<Hash, Option<Hash>> {
    let count = random.next_u32() % 40;
    (0..count)
        .map(|_| {
            let value = Hash::of_bytes(Domain::StateValue, &random.next_u64().to_le_bytes());
            (path(random), (!random.next_u32().is_multiple_of(3)).then_some(value))
        })
        .collect()
}

#[test]
fn the_root_is_a_function_of_the_leaves_alone() {
    for seed in 0..SEEDS {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let path = if seed % 2 == 0 { crowded_path } else { spread_path };
        let (mut tree, mut map) = (Tree::default(), BTreeMap::new());
        for round in 0..20 {
            let changes = random_changes(&mut random, path);
            let list: Vec<_> = changes.iter().map(|(path, value)| (*path, *value)).collect();
            tree = tree.update(&list);
            for (path, value) in changes {
                match value {
                    Some(value) => map.insert(path, value),
                    None => map.remove(&path),
                };
            }
            let leaves = leaves(&map);
            let expected = naive_root(&leaves, 0);
            assert_eq!(tree.root(), expected, "updated; seed {seed}, round {round}");
            assert_eq!(Tree::build(&leaves).root(), expected, "built; seed {seed}, round {round}");
        }
    }
}

#[test]
fn the_order_of_changes_does_not_show() {
    for seed in 0..SEEDS {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let path = if seed % 2 == 0 { crowded_path } else { spread_path };
        let changes = random_changes(&mut random, path);
        let list: Vec<_> = changes.into_iter().collect();
        let together = Tree::default().update(&list).root();
        let forwards = list.iter().fold(Tree::default(), |tree, change| tree.update(&[*change]));
        let backwards =
            list.iter().rev().fold(Tree::default(), |tree, change| tree.update(&[*change]));
        assert_eq!(forwards.root(), together, "seed {seed}");
        assert_eq!(backwards.root(), together, "seed {seed}");
    }
}

#[test]
fn an_update_leaves_the_tree_it_came_from_alone() {
    let mut random = ChaCha20Rng::seed_from_u64(7);
    let first: Vec<_> = random_changes(&mut random, spread_path).into_iter().collect();
    let tree = Tree::default().update(&first);
    let before = tree.root();
    let everything: Vec<_> = first.iter().map(|(path, _)| (*path, None)).collect();
    assert_eq!(tree.update(&everything).root(), Hash::ZERO);
    assert_eq!(tree.root(), before);
}

#[test]
#[should_panic(expected = "ascend")]
fn changes_out_of_order_are_refused() {
    Tree::default().update(&[(Hash([1; 32]), None), (Hash([0; 32]), None)]);
}

#[test]
fn what_the_tree_proves_is_so() {
    let key = |number: u32| StateKey {
        namespace: Namespace::Storage,
        key: number.to_le_bytes().to_vec(),
    };
    for seed in 0..SEEDS {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let values: BTreeMap<StateKey, Height> =
            (0..seed).map(|_| (key(random.next_u32() % 100), Height(random.next_u64()))).collect();
        let leaf =
            |(key, changed): (&StateKey, &Height)| (key.path(), value_hash(*changed, b"value"));
        let tree = Tree::build(&leaves(&values.iter().map(leaf).collect()));
        for key in (0..100).map(key) {
            let changed = values.get(&key).copied();
            let proof = tree.prove(&key.path(), changed).expect("tree and values agree");
            let claim = claim(&key, changed.map(|_| &b"value"[..]));
            let verified = proof.verify(&tree.root().0, &claim);
            assert_eq!(verified, Ok(changed.map(|height| height.0)), "seed {seed}, {key:?}");
            let disagreeing = if changed.is_some() { None } else { Some(Height(1)) };
            assert_eq!(tree.prove(&key.path(), disagreeing), None, "seed {seed}, {key:?}");
        }
    }
}
