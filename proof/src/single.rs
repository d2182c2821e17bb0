//! Proofs of one key.

use alloc::vec::Vec;

use borsh::{BorshDeserialize, BorshSerialize, io};

use crate::encoding::decode_list;
use crate::error::ProofError;
use crate::hash::{DEPTH_MAX, Hash, inner_hash, turns_right};
use crate::node::{BuildError, Node, descend};
use crate::prefix::Prefix;
use crate::terminal::{Claim, Terminal};

/// What a state root says about one key.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StateProof {
    /// What stands at the end of the way.
    pub terminal: Terminal,
    /// The hashes beside the way, from the root down. At most [`DEPTH_MAX`].
    #[borsh(deserialize_with = "decode_siblings")]
    pub siblings: Vec<Hash>,
}

impl StateProof {
    /// Checks the claim against `root`, by at most 259 hashes, of which one covers the value. Answers with the height
    /// of the block that last changed the value; `None` of an absent one.
    pub fn verify(&self, root: &Hash, claim: &Claim) -> Result<Option<u64>, ProofError> {
        let depth = check_depth(&self.siblings)?;
        let path = claim.path();
        let bottom = self.terminal.hash([(&path, claim.value)].into_iter(), depth)?;
        check_root(root, climb(&path, &self.siblings, bottom))?;
        Ok(self.terminal.changed())
    }

    /// The proof of what stands at `path`. A key with a value comes with the height at which that was last changed,
    /// of which the tree knows only a hash. Reads the nodes of the way, from the root down.
    pub fn build<E>(
        path: &Hash,
        changed: Option<u64>,
        read: &mut impl FnMut(&Prefix) -> Result<Node, E>,
    ) -> Result<Self, BuildError<E>> {
        let (node, at, siblings) = descend(&Prefix::of_path(path), read)?;
        let terminal = Terminal::of(&node, &[(*path, changed)]).ok_or(BuildError::Damaged(at))?;
        Ok(Self { terminal, siblings })
    }
}

/// How deep the way ends whose siblings these are.
pub(crate) fn check_depth(siblings: &[Hash]) -> Result<usize, ProofError> {
    let depth = siblings.len();
    if depth <= DEPTH_MAX { Ok(depth) } else { Err(ProofError::TooLong(depth)) }
}

/// The root, from what stands at the end of a way and beside it.
pub(crate) fn climb(path: &Hash, siblings: &[Hash], bottom: Hash) -> Hash {
    siblings.iter().enumerate().rev().fold(bottom, |node, (depth, sibling)| {
        if turns_right(path, depth) {
            inner_hash(sibling, &node)
        } else {
            inner_hash(&node, sibling)
        }
    })
}

pub(crate) fn check_root(expected: &Hash, computed: Hash) -> Result<(), ProofError> {
    if computed == *expected {
        Ok(())
    } else {
        Err(ProofError::Root { expected: *expected, computed })
    }
}

pub(crate) fn decode_siblings<R: io::Read>(reader: &mut R) -> io::Result<Vec<Hash>> {
    decode_list(reader, "siblings of a way", DEPTH_MAX)
}
