//! The tree by its definition, from a list of leaves: what the provers of tests read, and what is right.
//!
//! It shares no code with the crate but types: the hashes are those of the specification's text.

// Not every test needs all of it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::convert::Infallible;

use quorate_proof::{BatchProof, Claim, Entry, Hash, Leaf, Node, Prefix, StateProof, SubtreeProof};

/// A namespace and a key.
pub type Key = (u8, Vec<u8>);

/// Key → height of the last change and value.
pub type Values = BTreeMap<Key, (u64, Vec<u8>)>;

pub fn h(parts: &[&[u8]]) -> Hash {
    *blake3::hash(&parts.concat()).as_bytes()
}

pub fn path((namespace, key): &Key) -> Hash {
    let hash = h(&[b"quorate:path::::", &[*namespace], key]);
    let mut path = [*namespace; 32];
    path[1..].copy_from_slice(&hash[..31]);
    path
}

pub fn leaf(key: &Key, (changed, value): &(u64, Vec<u8>)) -> Leaf {
    let value_hash = h(&[b"quorate:value:::", &changed.to_le_bytes(), value]);
    Leaf { path: path(key), value_hash }
}

pub fn claim<'a>(values: &'a Values, key: &'a Key) -> Claim<'a> {
    let value = values.get(key).map(|(_, value)| value.as_slice());
    Claim { namespace: key.0, key: &key.1, value }
}

/// The entries below a prefix, ascending by path.
pub fn entries<'a>(values: &'a Values, prefix: &Prefix) -> Vec<Entry<'a>> {
    let mut entries: Vec<(Hash, Entry)> = values
        .iter()
        .map(|(key, (changed, value))| {
            let entry = Entry { namespace: key.0, key: &key.1, changed: *changed, value };
            (path(key), entry)
        })
        .filter(|(path, _)| prefix.contains(path))
        .collect();
    entries.sort_by_key(|(path, _)| *path);
    entries.into_iter().map(|(_, entry)| entry).collect()
}

/// All leaves, and the hash of every subtree of several.
#[derive(Debug)]
pub struct Tree {
    leaves: Vec<Leaf>,
    inner: BTreeMap<(usize, Hash), Node>,
    pub root: Hash,
}

impl Tree {
    pub fn new(leaves: impl IntoIterator<Item = Leaf>) -> Self {
        let mut leaves: Vec<Leaf> = leaves.into_iter().collect();
        leaves.sort();
        let mut tree = Self { leaves, inner: BTreeMap::new(), root: [0; 32] };
        tree.root = tree.subtree(&Prefix::ROOT);
        tree
    }

    pub fn of(values: &Values) -> Self {
        Self::new(values.iter().map(|(key, value)| leaf(key, value)))
    }

    /// The leaves below a prefix.
    pub fn below(&self, prefix: &Prefix) -> &[Leaf] {
        let start = self.leaves.partition_point(|leaf| leaf.path < *prefix.first_path());
        let (_, from) = self.leaves.split_at(start);
        from.split_at(from.partition_point(|leaf| prefix.contains(&leaf.path))).0
    }

    fn subtree(&mut self, prefix: &Prefix) -> Hash {
        match self.below(prefix) {
            [] => [0; 32],
            [leaf] => h(&[b"quorate:leaf::::", &leaf.path, &leaf.value_hash]),
            _ => {
                let [left, right] = [false, true].map(|right| {
                    self.subtree(&prefix.child(right).expect("two paths differ in a bit"))
                });
                let key = (prefix.depth(), *prefix.first_path());
                self.inner.insert(key, Node::Inner { left, right });
                h(&[&left, &right])
            }
        }
    }

    pub fn node(&self, prefix: &Prefix) -> Node {
        match self.below(prefix) {
            [] => Node::Empty,
            [leaf] => Node::Leaf(*leaf),
            _ => self.inner[&(prefix.depth(), *prefix.first_path())],
        }
    }

    fn reader(&self) -> impl FnMut(&Prefix) -> Result<Node, Infallible> {
        |prefix| Ok(self.node(prefix))
    }

    pub fn prove(&self, values: &Values, key: &Key) -> StateProof {
        let changed = values.get(key).map(|(changed, _)| *changed);
        StateProof::build(&path(key), changed, &mut self.reader()).expect("tree and values agree")
    }

    pub fn prove_batch(&self, values: &Values, keys: &[Key]) -> BatchProof {
        let changed = |key| values.get(key).map(|(changed, _)| *changed);
        let paths = keys.iter().map(|key| (path(key), changed(key))).collect();
        BatchProof::build(&paths, &mut self.reader()).expect("tree and values agree")
    }

    pub fn prove_subtree(&self, prefix: &Prefix) -> SubtreeProof {
        SubtreeProof::build(prefix, &mut self.reader()).expect("the tree is whole")
    }
}
