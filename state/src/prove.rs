//! Proofs of what the head's root says; the `proof` crate says what they are and verifies them.

use std::collections::BTreeMap;

use primitives::{Hash, StateKey};
use proof::{BatchProof, BuildError, Node, Prefix, StateProof, SubtreeProof};

use crate::snapshot::Entry;
use crate::store::{Store, StoreError};
use crate::tree::{LeafSource, Part};
use crate::version::{Head, Version};

/// What the state says about a key, and why that is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedValue {
    /// Its result's state root is the one the proof leads to.
    pub head: Head,
    pub value: Option<Vec<u8>>,
    pub proof: StateProof,
}

/// What the state says about several keys, and why that is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedBatch {
    pub head: Head,
    /// In the order in which they were asked for.
    pub values: Vec<Option<Vec<u8>>>,
    pub proof: BatchProof,
}

/// All that stands below a prefix, and why that is all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedPage {
    pub head: Head,
    /// The prefix asked for, or the first part of it that is short enough.
    pub prefix: Prefix,
    /// Ascending by path.
    pub entries: Vec<Entry>,
    pub proof: SubtreeProof,
}

/// One committed state, as provers see it.
pub(crate) struct Prover<'a> {
    pub(crate) version: &'a Version,
    pub(crate) store: &'a dyn Store,
}

impl Prover<'_> {
    pub(crate) fn value(&self, key: &StateKey) -> Result<ProvedValue, StoreError> {
        let record = self.version.record(self.store, key)?;
        let changed = record.as_ref().map(|record| record.changed.0);
        let proof = StateProof::build(&key.path().0, changed, &mut |at| self.node(at));
        let value = record.map(|record| record.value);
        Ok(ProvedValue { head: self.version.head.clone(), value, proof: built(proof)? })
    }

    /// # Panics
    ///
    /// When the keys are none, or more than a proof can be of.
    pub(crate) fn batch(&self, keys: &[StateKey]) -> Result<ProvedBatch, StoreError> {
        let mut paths = BTreeMap::new();
        let mut values = Vec::new();
        for key in keys {
            let record = self.version.record(self.store, key)?;
            paths.insert(key.path().0, record.as_ref().map(|record| record.changed.0));
            values.push(record.map(|record| record.value));
        }
        let proof = BatchProof::build(&paths, &mut |at| self.node(at));
        Ok(ProvedBatch { head: self.version.head.clone(), values, proof: built(proof)? })
    }

    /// The widest first part of a prefix that has no more entries than `limit`, or one.
    pub(crate) fn page(&self, whole: &Prefix, limit: usize) -> Result<ProvedPage, StoreError> {
        let mut prefix = *whole;
        while !self.fits(&prefix, limit)? {
            let Some(left) = prefix.child(false) else { break };
            prefix = left;
        }
        let mut entries = Vec::new();
        for path in self.paths(&prefix)? {
            let record = self.version.record_at(self.store, &path)?.ok_or_else(disagree)?;
            entries.push(Entry::from(record));
        }
        let proof = SubtreeProof::build(&prefix, &mut |at| self.node(at));
        Ok(ProvedPage { head: self.version.head.clone(), prefix, entries, proof: built(proof)? })
    }

    fn fits(&self, prefix: &Prefix, limit: usize) -> Result<bool, StoreError> {
        let (path, depth) = (Hash(*prefix.first_path()), prefix.depth());
        Ok(match self.version.tree.holds_at_most(&path, depth, limit) {
            Some(fits) => fits,
            None => self.paths(prefix)?.len() <= limit.max(1),
        })
    }

    fn paths(&self, prefix: &Prefix) -> Result<Vec<Hash>, StoreError> {
        let (path, depth) = (Hash(*prefix.first_path()), prefix.depth());
        let leaves = self.version.leaves(self.store).leaves(&path, depth)?;
        Ok(leaves.iter().map(|leaf| leaf.path).collect())
    }

    /// What stands at a prefix.
    fn node(&self, at: &Prefix) -> Result<Node, StoreError> {
        let (path, source) = (Hash(*at.first_path()), self.version.leaves(self.store));
        Ok(match self.version.tree.part(&path, at.depth(), &source)? {
            Part::Empty => Node::Empty,
            Part::Inner { left, right } => Node::Inner { left: left.0, right: right.0 },
            Part::Leaf(leaf) => {
                let record = self.version.record_at(self.store, &leaf.path)?;
                let value_hash = record.ok_or_else(disagree)?.value_hash().0;
                Node::Leaf(proof::Leaf { path: leaf.path.0, value_hash })
            }
        })
    }
}

fn built<T>(proof: Result<T, BuildError<StoreError>>) -> Result<T, StoreError> {
    proof.map_err(|error| match error {
        BuildError::Read(error) => error,
        BuildError::Damaged(_) => disagree(),
        BuildError::KeyCount(_) => panic!("{error}"),
    })
}

fn disagree() -> StoreError {
    StoreError::Damaged("the tree and the values disagree on a key".to_owned())
}
