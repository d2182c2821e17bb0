//! Places in the tree.

use core::fmt;

use alloc::string::ToString;

use borsh::{BorshDeserialize, BorshSerialize, io};

use crate::encoding::invalid;
use crate::hash::{DEPTH_MAX, Hash, Hex, shared_bits, turns_right};

/// The first bits of paths: a place in the tree, and all that is below it.
#[derive(Clone, Copy, PartialEq, Eq, BorshSerialize)]
pub struct Prefix {
    /// At most [`DEPTH_MAX`].
    depth: u16,
    /// Zero behind `depth` bits.
    path: Hash,
}

impl Prefix {
    /// Of all paths.
    pub const ROOT: Self = Self { depth: 0, path: [0; 32] };

    /// These `depth` bits; `None` when depth is more than 256, or a bit behind it is set.
    pub fn new(depth: usize, path: Hash) -> Option<Self> {
        Self::around(&path, depth).filter(|prefix| prefix.path == path)
    }

    /// The first `depth` bits of a path; `None` when it has fewer.
    pub fn around(path: &Hash, depth: usize) -> Option<Self> {
        let mut prefix = Self { depth: u16::try_from(depth).ok()?, path: *path };
        (depth..DEPTH_MAX).for_each(|at| prefix.turn(at, false));
        (depth <= DEPTH_MAX).then_some(prefix)
    }

    /// Of one path alone.
    pub fn of_path(path: &Hash) -> Self {
        Self { depth: 256, path: *path }
    }

    /// Of all keys of a namespace.
    pub fn of_namespace(namespace: u8) -> Self {
        let mut path = [0; 32];
        path[0] = namespace;
        Self { depth: 8, path }
    }

    /// How many bits.
    pub fn depth(&self) -> usize {
        usize::from(self.depth)
    }

    /// The same as its encoding has it.
    pub(crate) fn bits(&self) -> u16 {
        self.depth
    }

    /// The first of the paths below: the bits, and zeros behind them.
    pub fn first_path(&self) -> &Hash {
        &self.path
    }

    /// Whether a path begins with these bits.
    pub fn contains(&self, path: &Hash) -> bool {
        shared_bits(&self.path, path) >= self.depth()
    }

    /// One of the two halves; a single path has none.
    pub fn child(&self, right: bool) -> Option<Self> {
        let mut child = Self { depth: self.depth + 1, path: self.path };
        child.turn(self.depth(), right);
        (child.depth() <= DEPTH_MAX).then_some(child)
    }

    /// The widest prefix of the paths behind this one that `whole` has too; `None` when it has none.
    pub(crate) fn next_within(&self, whole: &Self) -> Option<Self> {
        let mut lefts = (whole.depth()..self.depth()).rev();
        let last_left = lefts.find(|at| !turns_right(&self.path, *at))?;
        Self::around(&self.path, last_left)?.child(true)
    }

    fn turn(&mut self, at: usize, right: bool) {
        if let Some(byte) = self.path.get_mut(at / 8) {
            let bit = 0x80 >> (at % 8);
            *byte = if right { *byte | bit } else { *byte & !bit };
        }
    }
}

impl BorshDeserialize for Prefix {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let (depth, path) = <(u16, Hash)>::deserialize_reader(reader)?;
        Self::new(usize::from(depth), path).ok_or_else(|| {
            invalid("a prefix has at most 256 bits, and zeros behind them".to_string())
        })
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bits of {}", self.depth, Hex(&self.path))
    }
}
