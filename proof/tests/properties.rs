//! What is built is accepted, and nothing else is, over random states.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod reference;

use std::collections::BTreeMap;

use quorate_proof::{
    BatchProof, BuildError, Claim, Entry, Hash, KEYS_MAX, Leaf, Node, Prefix, ProofError,
    StateProof, SubtreeProof, Tiling, TilingError,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::reference::{Key, Tree, Values, claim, entries, path};

const SEEDS: u64 = 40;

/// A state, keys that it lacks, and its tree.
struct World {
    random: ChaCha20Rng,
    values: Values,
    absent: Vec<Key>,
    tree: Tree,
}

impl World {
    /// Every second is crowded: its paths share many bits with others, up to all but the last.
    fn new(seed: u64) -> Self {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let crowded = seed % 2 == 1;
        let keys = if crowded { crowded_keys(seed) } else { spread_keys(&mut random) };
        let (mut values, mut absent) = (Values::new(), Vec::new());
        for key in keys {
            if below(&mut random, 3) == 0 {
                absent.push(key);
            } else {
                let value = vec![7; below(&mut random, 50)];
                values.insert(key, (random.next_u64(), value));
            }
        }
        let mut leaves: BTreeMap<Hash, Leaf> =
            values.iter().map(|(key, value)| (path(key), reference::leaf(key, value))).collect();
        if crowded {
            for key in values.keys().chain(&absent).step_by(3) {
                let path = flipped(&path(key), 200 + below(&mut random, 56));
                leaves.insert(path, Leaf { path, value_hash: [3; 32] });
            }
        }
        let tree = Tree::new(leaves.into_values());
        Self { random, values, absent, tree }
    }

    fn keys(&self) -> Vec<Key> {
        self.values.keys().chain(&self.absent).cloned().collect()
    }

    fn changed(&self, key: &Key) -> Option<u64> {
        self.values.get(key).map(|(changed, _)| *changed)
    }

    /// Some of the keys, in no order; at least one.
    fn some_keys(&mut self) -> Vec<Key> {
        let mut keys = self.keys();
        for place in (1..keys.len()).rev() {
            keys.swap(place, below(&mut self.random, place + 1));
        }
        keys.truncate(1 + below(&mut self.random, keys.len()));
        keys
    }

    /// A prefix of some path in or beside the tree.
    fn some_prefix(&mut self) -> Prefix {
        let keys = self.keys();
        let key = &keys[below(&mut self.random, keys.len())];
        let deep = below(&mut self.random, 2) * 240;
        let depth = below(&mut self.random, 17) + deep;
        let mut path = path(key);
        if below(&mut self.random, 2) == 0 {
            path = flipped(&path, depth.saturating_sub(1 + below(&mut self.random, 8)));
        }
        Prefix::around(&path, depth).unwrap()
    }
}

fn below(random: &mut ChaCha20Rng, bound: usize) -> usize {
    usize::try_from(random.next_u64() % u64::try_from(bound).unwrap()).unwrap()
}

fn flipped(path: &Hash, bit: usize) -> Hash {
    let mut path = *path;
    path[bit / 8] ^= 0x80 >> (bit % 8);
    path
}

fn spread_keys(random: &mut ChaCha20Rng) -> Vec<Key> {
    let count = 1 + below(random, 60);
    let namespace = |number: usize| [1, 3, 255][number % 3];
    (0..count).map(|number| (namespace(number), vec![number.to_le_bytes()[0]])).collect()
}

/// The pairs of neighbours among many keys whose paths have the most bits in common, about 20.
fn crowded_keys(seed: u64) -> Vec<Key> {
    let key = |number: u32| (3, [&seed.to_le_bytes()[..], &number.to_le_bytes()].concat());
    let mut located: Vec<_> = (0..3_000).map(key).map(|key| (path(&key), key)).collect();
    located.sort();
    let mut pairs: Vec<_> = located.windows(2).collect();
    let distance = |pair: &[(Hash, Key)]| {
        let first_word = |path: &Hash| u64::from_be_bytes(path[..8].try_into().unwrap());
        first_word(&pair[1].0) - first_word(&pair[0].0)
    };
    pairs.sort_by_key(|pair| distance(pair));
    let close: BTreeMap<Key, Hash> = pairs[..12]
        .iter()
        .flat_map(|pair| pair.iter().map(|(path, key)| (key.clone(), *path)))
        .collect();
    close.into_keys().collect()
}

fn is_root<T>(result: Result<T, ProofError>) -> bool {
    matches!(result, Err(ProofError::Root { .. }))
}

#[test]
fn one_key_is_proved_and_nothing_else() {
    for seed in 0..SEEDS {
        let world = World::new(seed);
        let (values, tree, keys) = (&world.values, &world.tree, world.keys());
        for key in &keys {
            let proof = tree.prove(values, key);
            let (truth, changed) = (claim(values, key), world.changed(key));
            assert_eq!(proof.verify(&tree.root, &truth), Ok(changed), "seed {seed}, {key:?}");
            assert!(is_root(proof.verify(&[9; 32], &truth)), "seed {seed}, {key:?}");

            let wrong = proof.verify(&tree.root, &Claim { value: Some(b"another"), ..truth });
            let denied = proof.verify(&tree.root, &Claim { value: None, ..truth });
            match changed {
                Some(_) => assert!(is_root(wrong) && denied == Err(ProofError::Present)),
                None => assert_eq!(wrong, Err(ProofError::Absent)),
            }
            for other in keys.iter().filter(|other| *other != key) {
                let claim = claim(values, other);
                let proves = proof.verify(&tree.root, &claim).is_ok();
                // Absent keys whose ways end together have one proof.
                assert_eq!(proves, tree.prove(values, other) == proof, "seed {seed}, {other:?}");
                assert!(!proves || claim.value.is_none());
            }
        }
    }
}

#[test]
fn many_keys_are_proved_at_once_and_nothing_else() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        for _ in 0..8 {
            let keys = world.some_keys();
            let (values, tree) = (&world.values, &world.tree);
            let claims: Vec<_> = keys.iter().map(|key| claim(values, key)).collect();
            let heights: Vec<_> = keys.iter().map(|key| world.changed(key)).collect();
            let proof = tree.prove_batch(values, &keys);
            assert_eq!(proof.verify(&tree.root, &claims), Ok(heights), "seed {seed}");
            assert!(is_root(proof.verify(&[9; 32], &claims)), "seed {seed}");

            for place in 0..claims.len() {
                let mut wrong = claims.clone();
                wrong[place].value = Some(b"another");
                assert!(proof.verify(&tree.root, &wrong).is_err(), "seed {seed}");
                if claims[place].value.is_some() {
                    wrong[place].value = None;
                    assert!(proof.verify(&tree.root, &wrong).is_err(), "seed {seed}");
                }
                // Keys whose ways end together need nothing of their own.
                let (mut fewer, mut rest) = (claims.clone(), keys.clone());
                fewer.remove(place);
                rest.remove(place);
                let same = !rest.is_empty() && tree.prove_batch(values, &rest) == proof;
                assert_eq!(proof.verify(&tree.root, &fewer).is_ok(), same, "seed {seed}");
            }
        }
    }
}

/// The proof of one key is that of a batch of one.
#[test]
fn a_batch_of_one_has_the_siblings_of_one() {
    for seed in 0..SEEDS {
        let World { values, tree, absent, .. } = World::new(seed);
        for key in values.keys().chain(&absent) {
            let single = tree.prove(&values, key);
            let BatchProof { ends, siblings } =
                tree.prove_batch(&values, std::slice::from_ref(key));
            assert_eq!(StateProof { terminal: ends[0].terminal, siblings }, single);
            assert_eq!((ends.len(), usize::from(ends[0].depth)), (1, single.siblings.len()));
        }
    }
}

#[test]
fn all_below_a_prefix_is_proved_and_nothing_else() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        for _ in 0..30 {
            let (prefix, other) = (world.some_prefix(), world.some_prefix());
            let tree = &world.tree;
            let (proof, leaves) = (tree.prove_subtree(&prefix), tree.below(&prefix).to_vec());
            let context = format!("seed {seed}, {prefix:?}");
            assert_eq!(proof.verify(&tree.root, &prefix, &leaves), Ok(()), "{context}");
            assert!(is_root(proof.verify(&[9; 32], &prefix, &leaves)), "{context}");

            // A proof of emptiness is that of all prefixes whose ways end there.
            let (others, same) = (tree.below(&other), tree.prove_subtree(&other) == proof);
            let proves = proof.verify(&tree.root, &other, &leaves).is_ok();
            assert_eq!(proves, same && others == leaves, "{context} for {other:?}");

            for place in 0..leaves.len() {
                let mut fewer = leaves.clone();
                fewer.remove(place);
                assert!(proof.verify(&tree.root, &prefix, &fewer).is_err(), "{context}");
                let mut changed = leaves.clone();
                changed[place].value_hash = [1; 32];
                assert!(is_root(proof.verify(&tree.root, &prefix, &changed)), "{context}");
            }
            let path = *prefix.first_path();
            if leaves.first().is_none_or(|leaf| leaf.path != path) {
                let more = [&[Leaf { path, value_hash: [1; 32] }], &leaves[..]].concat();
                assert!(proof.verify(&tree.root, &prefix, &more).is_err(), "{context}");
            }
        }
    }
}

#[test]
fn what_was_deleted_is_proved_absent_and_its_old_proof_proves_nothing() {
    for seed in (0..SEEDS).step_by(2) {
        let World { values, tree, .. } = World::new(seed);
        for key in values.keys() {
            let mut fewer = values.clone();
            fewer.remove(key);
            let after = Tree::of(&fewer);
            let old = tree.prove(&values, key);
            assert!(is_root(old.verify(&after.root, &claim(&values, key))), "seed {seed}");
            let new = after.prove(&fewer, key);
            assert_eq!(new.verify(&after.root, &claim(&fewer, key)), Ok(None), "seed {seed}");
        }
    }
}

#[test]
fn pages_tile_a_namespace_without_a_hole() {
    const PAGE: usize = 5;
    for seed in (0..SEEDS).step_by(2) {
        let World { values, tree, .. } = World::new(seed);
        for namespace in [1, 2, 3, 255] {
            let whole = Prefix::of_namespace(namespace);
            let mut tiling = Tiling::of(whole);
            let mut listed: Vec<Entry> = Vec::new();
            while let Some(mut prefix) = tiling.next_prefix() {
                while tree.below(&prefix).len() > PAGE {
                    prefix = prefix.child(false).unwrap();
                }
                let page = entries(&values, &prefix);
                let proof = tree.prove_subtree(&prefix);
                assert_eq!(proof.verify_entries(&tree.root, &prefix, &page), Ok(()));
                if let Some(next) = tiling.next_prefix().and_then(|next| next.child(true)) {
                    assert!(matches!(tiling.push(&next), Err(TilingError::Gap { .. })));
                }
                tiling.push(&prefix).unwrap();
                assert!(tiling.push(&prefix).is_err(), "the same page twice");
                listed.extend(page);
            }
            assert_eq!(tiling.push(&whole), Err(TilingError::Complete));
            assert_eq!(listed, entries(&values, &whole), "seed {seed}, namespace {namespace}");
        }
    }
}

#[test]
fn a_prefix_has_one_form() {
    let path = [0b0101_0101; 32];
    for depth in 0..=256 {
        let prefix = Prefix::around(&path, depth).unwrap();
        let bits = *prefix.first_path();
        assert_eq!((prefix.depth(), prefix.contains(&path)), (depth, true));
        assert_eq!(Prefix::new(depth, bits), Some(prefix));
        assert_eq!(borsh::from_slice::<Prefix>(&borsh::to_vec(&prefix).unwrap()).unwrap(), prefix);
        for bit in 0..256 {
            let other = flipped(&bits, bit);
            assert_eq!(Prefix::new(depth, other).is_some(), bit < depth);
            assert_eq!(prefix.contains(&flipped(&path, bit)), bit >= depth);
            let encoded = borsh::to_vec(&(u16::try_from(depth).unwrap(), other)).unwrap();
            assert_eq!(borsh::from_slice::<Prefix>(&encoded).is_ok(), bit < depth);
        }
        // The bits of the path are 0 and 1 in turn.
        let half = prefix.child(depth % 2 == 1);
        assert_eq!(half.is_some_and(|half| half.contains(&path)), depth < 256);
    }
    assert_eq!(Prefix::around(&path, 257), None);
    assert_eq!(Prefix::around(&[0xff; 32], 8), Some(Prefix::of_namespace(0xff)));
}

#[test]
fn a_batch_has_room_for_so_many_keys() {
    let key = |number: usize| (3, number.to_le_bytes().to_vec());
    let keys: Vec<Key> = (0..=KEYS_MAX).map(key).collect();
    let values: Values = keys.iter().step_by(2).map(|key| (key.clone(), (1, vec![1]))).collect();
    let tree = Tree::of(&values);
    let claims: Vec<Claim> = keys.iter().map(|key| claim(&values, key)).collect();
    let proof = tree.prove_batch(&values, &keys[..KEYS_MAX]);
    assert!(proof.verify(&tree.root, &claims[..KEYS_MAX]).is_ok());
    assert_eq!(proof.verify(&tree.root, &claims), Err(ProofError::KeyCount(KEYS_MAX + 1)));
    let paths = keys.iter().map(|key| (path(key), None)).collect();
    let built = BatchProof::build(&paths, &mut |_| Ok::<_, ()>(Node::Empty));
    assert_eq!(built, Err(BuildError::KeyCount(KEYS_MAX + 1)));
}

/// A tree on a disk can fail to be read, and be damaged; neither makes a proof.
#[test]
fn what_reading_says_reaches_the_caller() {
    let World { values, tree, .. } = World::new(1);
    let key = values.keys().next().unwrap();
    let (path, changed) = (path(key), Some(values[key].0));
    let failing = |depth: usize| {
        move |prefix: &Prefix| if prefix.depth() == depth { Err("no disk") } else { Ok(inner()) }
    };
    let batch: BTreeMap<_, _> = [(path, changed)].into();
    for depth in [0, 1, 255] {
        let read = BuildError::Read("no disk");
        assert_eq!(StateProof::build(&path, changed, &mut failing(depth)), Err(read.clone()));
        assert_eq!(BatchProof::build(&batch, &mut failing(depth)), Err(read.clone()));
        let prefix = Prefix::around(&path, 256).unwrap();
        assert_eq!(SubtreeProof::build(&prefix, &mut failing(depth)), Err(read));
    }

    let damaged = |node: Node, changed| {
        let single = StateProof::build(&path, changed, &mut |_| Ok::<_, ()>(node));
        let batch = BatchProof::build(&[(path, changed)].into(), &mut |_| Ok::<_, ()>(node));
        assert!(matches!(single, Err(BuildError::Damaged(_))), "{single:?}");
        assert!(matches!(batch, Err(BuildError::Damaged(_))), "{batch:?}");
    };
    // A value that the tree lacks, a leaf that the values lack, and a way without an end.
    damaged(Node::Empty, changed);
    damaged(Node::Leaf(Leaf { path: flipped(&path, 9), value_hash: [1; 32] }), changed);
    damaged(Node::Leaf(Leaf { path, value_hash: [1; 32] }), None);
    damaged(inner(), changed);
    // A leaf that cannot stand where it does.
    let stray = Leaf { path: flipped(&path, 0), value_hash: [1; 32] };
    let read = |prefix: &Prefix| {
        Ok::<_, ()>(if prefix.depth() == 0 { inner() } else { Node::Leaf(stray) })
    };
    let prefix = Prefix::around(&path, 20).unwrap();
    let built = SubtreeProof::build(&prefix, &mut { read });
    assert!(matches!(built, Err(BuildError::Damaged(_))), "{built:?}");
    assert_ne!(tree.root, [0; 32]);
}

fn inner() -> Node {
    Node::Inner { left: [1; 32], right: [2; 32] }
}
