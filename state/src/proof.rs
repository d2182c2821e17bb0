//! Proofs of presence and of absence, and their verifier: hashes alone, without I/O.
//!
//! A proof leads from the root to where the key's leaf must be. There stands the leaf itself, or
//! nothing, or the leaf of another key: since a lone leaf stands for its whole subtree, that one
//! excludes ours as well. Whoever holds a commit certificate trusts its root, and so needs nothing
//! else.

use borsh::{BorshDeserialize, BorshSerialize, io};
use primitives::{Hash, Height, StateKey, codec};
use thiserror::Error;

use crate::hashing::{DEPTH_MAX, inner_hash, leaf_hash, turns_right, value_hash};

/// What a state root says about one key.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StateProof {
    /// What stands at the end of the way.
    pub terminal: Terminal,
    /// The hashes beside the way, from the root down; an empty subtree's is [`Hash::ZERO`]. At most
    /// 256.
    #[borsh(deserialize_with = "decode_siblings")]
    pub siblings: Vec<Hash>,
}

/// What stands where a key's leaf must be.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Terminal {
    /// Nothing: the key is absent.
    Empty,
    /// The key's own leaf. Its value has stood since the block at `changed`.
    Present { changed: Height },
    /// Another key's leaf, alone in its subtree: the key is absent.
    Other { path: Hash, value_hash: Hash },
}

/// Why a proof does not prove what is claimed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    #[error("the proof has {0} siblings; no way through the state is longer than 256")]
    TooLong(usize),
    #[error("the proof shows that the key has a value, and none was claimed")]
    Present,
    #[error("the proof shows that the key has no value, and one was claimed")]
    Absent,
    #[error("the proof ends at the leaf of a key that does not lie on this key's way")]
    OffTheWay,
    #[error("the proof leads to the root {computed}, not to {expected}")]
    Root { expected: Hash, computed: Hash },
}

impl StateProof {
    /// Checks that under `root` the key has exactly this value, or with `None` no value at all.
    pub fn verify(
        &self,
        root: &Hash,
        key: &StateKey,
        value: Option<&[u8]>,
    ) -> Result<(), ProofError> {
        let depth = self.siblings.len();
        if depth > DEPTH_MAX {
            return Err(ProofError::TooLong(depth));
        }
        let path = key.path();
        let bottom = match (&self.terminal, value) {
            (Terminal::Present { changed }, Some(value)) => {
                leaf_hash(&path, &value_hash(*changed, value))
            }
            (Terminal::Present { .. }, None) => return Err(ProofError::Present),
            (_, Some(_)) => return Err(ProofError::Absent),
            (Terminal::Empty, None) => Hash::ZERO,
            (Terminal::Other { path: other, value_hash }, None) => {
                let together =
                    (0..depth).all(|at| turns_right(other, at) == turns_right(&path, at));
                if *other == path || !together {
                    return Err(ProofError::OffTheWay);
                }
                leaf_hash(other, value_hash)
            }
        };
        let computed = self.climb(&path, bottom);
        if computed != *root {
            return Err(ProofError::Root { expected: *root, computed });
        }
        Ok(())
    }

    /// The height of the block that last changed the value; `None` in a proof of absence. Means
    /// something only after [`Self::verify`].
    pub fn changed(&self) -> Option<Height> {
        match self.terminal {
            Terminal::Present { changed } => Some(changed),
            Terminal::Empty | Terminal::Other { .. } => None,
        }
    }

    fn climb(&self, path: &Hash, bottom: Hash) -> Hash {
        let upwards = self.siblings.iter().enumerate().rev();
        upwards.fold(bottom, |node, (depth, sibling)| {
            if turns_right(path, depth) {
                inner_hash(sibling, &node)
            } else {
                inner_hash(&node, sibling)
            }
        })
    }
}

/// Refuses a longer list before it is read.
fn decode_siblings<R: io::Read>(reader: &mut R) -> io::Result<Vec<Hash>> {
    let count = u32::deserialize_reader(reader)?;
    let length = usize::try_from(count).unwrap_or(usize::MAX);
    codec::check_length("a state proof's list of siblings", length, DEPTH_MAX)?;
    (0..length).map(|_| Hash::deserialize_reader(reader)).collect()
}
