//! The tree as provers see it.

use alloc::vec::Vec;

use thiserror::Error;

use crate::batch::KEYS_MAX;
use crate::hash::{Hash, Leaf, turns_right};
use crate::prefix::Prefix;

/// What stands at a prefix: the subtree of all leaves whose paths begin with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// No leaf.
    Empty,
    /// One leaf, wherever below the prefix its path leads.
    Leaf(Leaf),
    /// Several leaves: the hashes of the two subtrees one bit deeper.
    Inner { left: Hash, right: Hash },
}

/// Why a proof could not be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BuildError<E> {
    /// What the reading of a node answered.
    #[error(transparent)]
    Read(E),
    #[error("the tree is damaged: what stands at {0:?} fits neither its place nor the values")]
    Damaged(Prefix),
    #[error("a batch proof is of 1 to {KEYS_MAX} keys, not of {0}")]
    KeyCount(usize),
}

/// Reads the nodes from the root towards `to`, until one is not inner or stands there. Answers with it, its place
/// and the siblings of the way, from the root down.
pub(crate) fn descend<E>(
    to: &Prefix,
    read: &mut impl FnMut(&Prefix) -> Result<Node, E>,
) -> Result<(Node, Prefix, Vec<Hash>), BuildError<E>> {
    let (mut at, mut siblings) = (Prefix::ROOT, Vec::new());
    loop {
        let node = read_at(&at, read)?;
        match node {
            Node::Inner { left, right } if at.depth() < to.depth() => {
                let goes_right = turns_right(to.first_path(), at.depth());
                siblings.push(if goes_right { left } else { right });
                at = at.child(goes_right).ok_or(BuildError::Damaged(at))?;
            }
            _ => return Ok((node, at, siblings)),
        }
    }
}

/// Reads a node, and sees that it can stand where it does.
pub(crate) fn read_at<E>(
    at: &Prefix,
    read: &mut impl FnMut(&Prefix) -> Result<Node, E>,
) -> Result<Node, BuildError<E>> {
    let node = read(at).map_err(BuildError::Read)?;
    let fits = match &node {
        Node::Empty => true,
        Node::Leaf(leaf) => at.contains(&leaf.path),
        Node::Inner { .. } => at.child(false).is_some(),
    };
    if fits { Ok(node) } else { Err(BuildError::Damaged(*at)) }
}
