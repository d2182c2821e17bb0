//! Proofs of many keys at once.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::slice;

use borsh::{BorshDeserialize, BorshSerialize, io};

use crate::encoding::decode_list;
use crate::error::ProofError;
use crate::hash::{DEPTH_MAX, Hash, inner_hash, turns_right};
use crate::node::{BuildError, Node, read_at};
use crate::prefix::Prefix;
use crate::single::check_root;
use crate::terminal::{Claim, Terminal};

/// Keys of one batch proof.
pub const KEYS_MAX: usize = 1_024;

/// What a state root says about several keys: their ways as one tree, and each hash beside it once.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BatchProof {
    /// Where the ways end, from left to right. At most [`KEYS_MAX`].
    #[borsh(deserialize_with = "decode_ends")]
    pub ends: Vec<End>,
    /// The hashes beside the ways, in the order in which a walk meets them that looks beside it first, then goes left,
    /// then right. At most [`DEPTH_MAX`] for each of [`KEYS_MAX`].
    #[borsh(deserialize_with = "decode_siblings")]
    pub siblings: Vec<Hash>,
}

/// The end of one way, or of several that a lone leaf or nothing ends together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct End {
    /// How many bits lead here, at most [`DEPTH_MAX`].
    pub depth: u16,
    pub terminal: Terminal,
}

impl BatchProof {
    /// Checks all claims, in any order, against `root`. Answers for each, in their order, with the height of the block
    /// that last changed the value; `None` of an absent one.
    ///
    /// Computes at most three hashes for each claim, of which one covers the key and one the value, one for each pair
    /// of neighbouring claims, and one for each sibling.
    pub fn verify(&self, root: &Hash, claims: &[Claim]) -> Result<Vec<Option<u64>>, ProofError> {
        let located = locate(claims)?;
        let heights = vec![None; claims.len()];
        let mut walk = Walk { ends: self.ends.iter(), siblings: self.siblings.iter(), heights };
        let computed = walk.subtree(&located, 0)?;
        if walk.ends.next().is_some() {
            return Err(ProofError::EndUnused);
        }
        if walk.siblings.next().is_some() {
            return Err(ProofError::SiblingUnused);
        }
        check_root(root, computed)?;
        Ok(walk.heights)
    }

    /// The proof of what stands at these paths, 1 to [`KEYS_MAX`] of them. A key with a value comes with the height at
    /// which that was last changed, of which the tree knows only a hash. Reads each node of the ways once: first the
    /// root, and below each node first the left, then the right.
    pub fn build<E>(
        paths: &BTreeMap<Hash, Option<u64>>,
        read: &mut impl FnMut(&Prefix) -> Result<Node, E>,
    ) -> Result<Self, BuildError<E>> {
        if !(1..=KEYS_MAX).contains(&paths.len()) {
            return Err(BuildError::KeyCount(paths.len()));
        }
        let paths: Vec<_> = paths.iter().map(|(path, changed)| (*path, *changed)).collect();
        let mut proof = Self { ends: Vec::new(), siblings: Vec::new() };
        proof.gather(&paths, Prefix::ROOT, read)?;
        Ok(proof)
    }

    /// Adds the ways of these paths, which are not none, from a prefix of all of them on.
    fn gather<E>(
        &mut self,
        paths: &[(Hash, Option<u64>)],
        at: Prefix,
        read: &mut impl FnMut(&Prefix) -> Result<Node, E>,
    ) -> Result<(), BuildError<E>> {
        let node = read_at(&at, read)?;
        let Node::Inner { left, right } = node else {
            let terminal = Terminal::of(&node, paths).ok_or(BuildError::Damaged(at))?;
            self.ends.push(End { depth: at.bits(), terminal });
            return Ok(());
        };
        let middle = paths.partition_point(|(path, _)| !turns_right(path, at.depth()));
        let (on_left, on_right) = paths.split_at(middle);
        if on_left.is_empty() {
            self.siblings.push(left);
        }
        if on_right.is_empty() {
            self.siblings.push(right);
        }
        for (paths, goes_right) in [(on_left, false), (on_right, true)] {
            if !paths.is_empty() {
                let child = at.child(goes_right).ok_or(BuildError::Damaged(at))?;
                self.gather(paths, child, read)?;
            }
        }
        Ok(())
    }
}

/// A claim, its path, and its place among the claims.
type Located<'a> = (Hash, usize, Claim<'a>);

/// The claims by path.
fn locate<'a>(claims: &[Claim<'a>]) -> Result<Vec<Located<'a>>, ProofError> {
    if !(1..=KEYS_MAX).contains(&claims.len()) {
        return Err(ProofError::KeyCount(claims.len()));
    }
    let mut located: Vec<Located> =
        claims.iter().enumerate().map(|(place, claim)| (claim.path(), place, *claim)).collect();
    located.sort_unstable_by_key(|(path, ..)| *path);
    if !located.is_sorted_by(|(path, ..), (next, ..)| path < next) {
        return Err(ProofError::DuplicateKey);
    }
    Ok(located)
}

/// What a verifier has not used yet, and the heights that it learnt, in the order of the claims.
struct Walk<'a> {
    ends: slice::Iter<'a, End>,
    siblings: slice::Iter<'a, Hash>,
    heights: Vec<Option<u64>>,
}

impl<'a> Walk<'a> {
    /// The hash of the subtree at `depth` where the ways of these claims, which are not none, lead. No end lies deeper
    /// than [`DEPTH_MAX`], and so does no call.
    fn subtree(&mut self, claims: &[Located], depth: usize) -> Result<Hash, ProofError> {
        let end = self.ends.as_slice().first().ok_or(ProofError::EndMissing)?;
        let end_depth = usize::from(end.depth);
        if !(depth..=DEPTH_MAX).contains(&end_depth) {
            return Err(ProofError::EndDepth(end.depth));
        }
        if end_depth == depth {
            return self.end(claims, depth);
        }
        let middle = claims.partition_point(|(path, ..)| !turns_right(path, depth));
        let (left, right) = claims.split_at(middle);
        let below = depth + 1;
        Ok(if left.is_empty() {
            let sibling = self.sibling()?;
            inner_hash(sibling, &self.subtree(right, below)?)
        } else if right.is_empty() {
            let sibling = self.sibling()?;
            inner_hash(&self.subtree(left, below)?, sibling)
        } else {
            inner_hash(&self.subtree(left, below)?, &self.subtree(right, below)?)
        })
    }

    fn end(&mut self, claims: &[Located], depth: usize) -> Result<Hash, ProofError> {
        let End { terminal, .. } = self.ends.next().ok_or(ProofError::EndMissing)?;
        for (_, place, _) in claims.iter().filter(|(.., claim)| claim.value.is_some()) {
            if let Some(height) = self.heights.get_mut(*place) {
                *height = terminal.changed();
            }
        }
        terminal.hash(claims.iter().map(|(path, _, claim)| (path, claim.value)), depth)
    }

    fn sibling(&mut self) -> Result<&'a Hash, ProofError> {
        self.siblings.next().ok_or(ProofError::SiblingMissing)
    }
}

fn decode_ends<R: io::Read>(reader: &mut R) -> io::Result<Vec<End>> {
    decode_list(reader, "ends of ways", KEYS_MAX)
}

fn decode_siblings<R: io::Read>(reader: &mut R) -> io::Result<Vec<Hash>> {
    decode_list(reader, "siblings of ways", KEYS_MAX * DEPTH_MAX)
}
