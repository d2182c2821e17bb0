//! What is claimed of keys, and what stands at the ends of their ways.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::error::ProofError;
use crate::hash::{DEPTH_MAX, EMPTY, Hash, Leaf, leaf_hash, path, shared_bits, value_hash};
use crate::node::Node;

/// That a key has exactly this value, or with `None` no value at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    pub namespace: u8,
    pub key: &'a [u8],
    pub value: Option<&'a [u8]>,
}

impl Claim<'_> {
    /// Where the key's leaf stands, if it has a value.
    pub fn path(&self) -> Hash {
        path(self.namespace, self.key)
    }
}

/// What stands where the ways of some keys end; of one key in a [`StateProof`](crate::StateProof).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Terminal {
    /// Nothing: all are absent.
    Empty,
    /// The leaf of one of the keys. It has had its value since the block at `changed`; the others are absent.
    Present { changed: u64 },
    /// Another key's leaf, alone in its subtree: all are absent.
    Other(Leaf),
}

impl Terminal {
    /// The hash of what stands at `depth`, where the ways to these paths end, if it agrees with the values claimed.
    pub(crate) fn hash<'a>(
        &self,
        claims: impl Iterator<Item = (&'a Hash, Option<&'a [u8]>)> + Clone,
        depth: usize,
    ) -> Result<Hash, ProofError> {
        let mut present = claims.clone().filter_map(|(path, value)| Some((path, value?)));
        match (self, present.next(), present.next()) {
            (Self::Present { changed }, Some((path, value)), None) => {
                Ok(leaf_hash(path, &value_hash(*changed, value)))
            }
            (Self::Present { .. }, None, _) => Err(ProofError::Present),
            (_, Some(_), _) => Err(ProofError::Absent),
            (Self::Empty, None, _) => Ok(EMPTY),
            (Self::Other(leaf), None, _) => {
                let shared = |path: &Hash| shared_bits(path, &leaf.path);
                if claims.clone().all(|(path, _)| (depth..DEPTH_MAX).contains(&shared(path))) {
                    Ok(leaf_hash(&leaf.path, &leaf.value_hash))
                } else {
                    Err(ProofError::OffTheWay)
                }
            }
        }
    }

    /// What stands where the ways to these paths end; `changed` goes with those that have a value. `None` when node
    /// and values disagree.
    pub(crate) fn of(node: &Node, paths: &[(Hash, Option<u64>)]) -> Option<Self> {
        let mut present = paths.iter().filter_map(|(path, changed)| Some((path, (*changed)?)));
        match (node, present.next(), present.next()) {
            (Node::Empty, None, _) => Some(Self::Empty),
            (Node::Leaf(leaf), Some((path, changed)), None) if *path == leaf.path => {
                Some(Self::Present { changed })
            }
            (Node::Leaf(leaf), None, _) if paths.iter().all(|(path, _)| *path != leaf.path) => {
                Some(Self::Other(*leaf))
            }
            _ => None,
        }
    }

    /// The height of the block that last changed the value.
    pub(crate) fn changed(&self) -> Option<u64> {
        match self {
            Self::Present { changed } => Some(*changed),
            Self::Empty | Self::Other(_) => None,
        }
    }
}
