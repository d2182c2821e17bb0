//! Snapshots: a committed state, handed out subtree by subtree, and put together again elsewhere.
//!
//! Whoever knows a certified root asks what stands below a prefix of paths whose hash it knows, at
//! first that of the root, and is told the values, when they are few, or the hashes of the sixteen
//! subtrees below. Either is checked against the hash by itself. So pieces may come from anyone, in
//! any order; a liar is known by its first lie; nothing has to be fetched where the own hash is
//! already the right one; and what was fetched before an interruption is never fetched again.
//!
//! [`Snapshot`] is the giving end and [`crate::Restore`] the taking one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::{
    CommitCertificate, ExecutionResult, Hash, Header, Height, Receipt, SignedBatch, StateKey,
};
use thiserror::Error;

use crate::family::flat::{self, FlatRecord};
use crate::family::{changes, history};
use crate::floor::HeightError;
use crate::hashing::leaf_hash;
use crate::past::Past;
use crate::store::{Store, StoreError, or_panic};
use crate::tree::node::{Crowd, LEVELS, Node, Slot, by_nibble};
use crate::tree::page::{Leaf, LeafChange, subtree_hash};
use crate::tree::{Memory, Tree, Update, Work, child};
use crate::version::{Head, Version};

/// Keys that blocks may have changed after the height of a [`crate::State::snapshot_at`].
pub const CHANGED_SINCE_MAX: usize = 1_000_000;

/// Values in a piece at most, to begin with the least work on both sides.
const PIECE_KEYS_MAX: usize = 8_192;

/// The first `depth` bits of paths, a multiple of four; the others are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Prefix {
    pub path: Hash,
    pub depth: u16,
}

/// One value with its key, and the block since which it stands.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Entry {
    pub key: StateKey,
    pub changed: Height,
    pub value: Vec<u8>,
}

/// What stands below a prefix.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Piece {
    /// All values, ascending by path.
    Values(Vec<Entry>),
    /// Too many values for one piece: what the sixteen subtrees below have as their hashes.
    Branch([Child; 16]),
}

/// A subtree by its hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Child {
    #[default]
    Empty,
    /// One leaf. Said with its path, which the leaf's hash covers: a lone leaf has the same hash
    /// wherever in the subtrees around it that are empty it is said to stand.
    Leaf { path: Hash, value_hash: Hash },
    /// At least two.
    Inner(Hash),
}

/// The block whose state a snapshot is, and what a validator needs of those below.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SnapshotHead {
    pub header: Header,
    /// The payload, in the header's order.
    pub batches: Vec<SignedBatch>,
    pub result: ExecutionResult,
    pub certificate: CommitCertificate,
    pub receipts: Vec<Receipt>,
    /// The headers of the blocks below, ascending: who leads a view is decided by past blocks.
    pub below: Vec<Header>,
}

/// A committed state, the same for as long as this lives. Keeps its height readable.
#[derive(Clone)]
pub struct Snapshot {
    store: Arc<dyn Store>,
    head: Head,
    tree: Tree,
    past: Arc<Past>,
}

/// Why a state of the past cannot be handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SnapshotError {
    #[error(transparent)]
    Height(#[from] HeightError),
    #[error(
        "more than {CHANGED_SINCE_MAX} keys were changed after height {height}, which is more \
         than can be taken back in memory"
    )]
    TooFar { height: Height },
    #[error(
        "the values of height {height} have the root {computed}, which is not the one it was \
         committed with; `quorate db check` says which differ"
    )]
    Root { height: Height, computed: Hash },
}

impl Prefix {
    /// That of all paths.
    pub const ROOT: Self = Self { path: Hash::ZERO, depth: 0 };

    /// The sixteen prefixes that are four bits longer.
    pub fn children(&self) -> impl Iterator<Item = Self> + use<> {
        let Self { path, depth } = *self;
        (0..16).map(move |at| {
            let (path, _) = child(&path, usize::from(depth), at);
            Self { path, depth: depth + 4 }
        })
    }

    /// Whether the fields are as they must be.
    pub fn is_valid(&self) -> bool {
        let depth = usize::from(self.depth);
        depth.is_multiple_of(LEVELS) && depth < 256 && flat::first(&self.path, depth) == self.path
    }

    pub(crate) fn holds(&self, path: &Hash) -> bool {
        flat::share(&self.path, path, usize::from(self.depth))
    }
}

impl Entry {
    pub(crate) fn record(self) -> FlatRecord {
        FlatRecord { key: self.key, changed: self.changed, value: self.value }
    }

    fn bytes(&self) -> usize {
        self.key.key.len() + self.value.len()
    }

    pub(crate) fn leaf(&self) -> Leaf {
        crate::hashing::leaf(&self.key, self.changed, &self.value)
    }
}

impl Child {
    pub fn hash(&self) -> Hash {
        match self {
            Self::Empty => Hash::ZERO,
            Self::Leaf { path, value_hash } => leaf_hash(path, value_hash),
            Self::Inner(hash) => *hash,
        }
    }

    fn leaf(entry: &Entry) -> Self {
        let value_hash = crate::hashing::value_hash(entry.changed, &entry.value);
        Self::Leaf { path: entry.key.path(), value_hash }
    }
}

impl Snapshot {
    pub(crate) fn new(store: Arc<dyn Store>, head: Head, tree: Tree, past: Past) -> Self {
        Self { store, head, tree, past: Arc::new(past) }
    }

    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What stands below a prefix: the values when they take no more than `bytes_max`, or are one.
    ///
    /// # Panics
    ///
    /// When the prefix is not valid.
    pub fn piece(&self, prefix: &Prefix, bytes_max: usize) -> Piece {
        assert!(prefix.is_valid(), "{prefix:?} is no prefix");
        or_panic(self.try_piece(prefix, bytes_max))
    }

    fn try_piece(&self, prefix: &Prefix, bytes_max: usize) -> Result<Piece, StoreError> {
        let (path, depth) = (&prefix.path, usize::from(prefix.depth));
        // A page is read whole: its few values are needed for their hashes.
        let (node, most) = match self.tree.slot(path, depth) {
            Some(Slot::Node(node)) if !node.holds_at_most(PIECE_KEYS_MAX) => {
                return self.branch_of(node, prefix);
            }
            Some(Slot::Node(node)) => (Some(node), bytes_max),
            _ => (None, usize::MAX),
        };
        let entries = self.entries(prefix, most)?;
        let bytes = |entries: &[Entry]| entries.iter().map(Entry::bytes).sum::<usize>();
        match (entries, node) {
            (Some(entries), _) if bytes(&entries) <= bytes_max || entries.len() < 2 => {
                Ok(Piece::Values(entries))
            }
            (_, Some(node)) => self.branch_of(node, prefix),
            (entries, None) => Ok(branch_of_entries(&entries.unwrap_or_default(), depth)),
        }
    }

    fn branch_of(&self, node: &Node, prefix: &Prefix) -> Result<Piece, StoreError> {
        let mut children = [Child::Empty; 16];
        let slots = node.slots.iter().zip(prefix.children());
        for (child, (slot, below)) in children.iter_mut().zip(slots) {
            *child = match slot.crowd() {
                Crowd::None => Child::Empty,
                Crowd::One => match self.entries(&below, usize::MAX)?.as_deref() {
                    Some([entry]) => Child::leaf(entry),
                    _ => return Err(disagree(&below)),
                },
                Crowd::Many => Child::Inner(slot.hash()),
            };
        }
        Ok(Piece::Branch(children))
    }

    /// All values below a prefix, ascending by path; nothing when those that stand there now take
    /// more than `bytes_max`.
    fn entries(&self, prefix: &Prefix, bytes_max: usize) -> Result<Option<Vec<Entry>>, StoreError> {
        let (path, depth) = (&prefix.path, usize::from(prefix.depth));
        let store = self.store.as_ref();
        // The newest first: what is overwritten meanwhile is in `history` by the time that is read.
        let (mut entries, mut bytes) = (BTreeMap::new(), 0);
        flat::visit_while(store, path, depth, |path, record| {
            let entry = Entry::from(record);
            bytes += entry.bytes();
            entries.insert(path, entry);
            if bytes > bytes_max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if bytes > bytes_max {
            return Ok(None);
        }
        let height = self.head.header.height;
        for (path, old) in history::first_above_each(store, path, depth, height)? {
            match old {
                None => entries.remove(&path),
                Some((key, old)) => {
                    let key = key.or_else(|| entries.get(&path).map(|entry| entry.key.clone()));
                    let key = key.ok_or_else(|| history::nameless(&path))?;
                    entries.insert(path, Entry { key, changed: old.changed, value: old.value })
                }
            };
        }
        Ok(Some(entries.into_values().collect()))
    }
}

/// The tree after the block at `height`: that of `version`, with what blocks overwrote since put
/// back.
pub(crate) fn tree_at(
    store: &dyn Store,
    memory: &Memory,
    version: &Version,
    height: Height,
) -> Result<Result<Tree, SnapshotError>, StoreError> {
    let head = version.head.header.height;
    let mut paths = BTreeSet::new();
    for above in height.0 + 1..=head.0 {
        let changes = changes::get(store, Height(above))?;
        paths.extend(changes.iter().map(|change| change.key.path()));
        if paths.len() > CHANGED_SINCE_MAX {
            return Ok(Err(SnapshotError::TooFar { height }));
        }
    }
    let mut leaves: Vec<LeafChange> = Vec::with_capacity(paths.len());
    for path in paths {
        let old = history::first_above(store, &path, height)?;
        let old = old.ok_or_else(|| history::nameless(&path))?;
        leaves.push((path, old.map(|old| leaf_hash(&path, &old.value_hash()))));
    }
    let source = &version.leaves(store);
    // Born after all that is committed: nobody can read these pages again where the head's are.
    let (work, born, committed) = (Work::Apply, head.next(), head);
    let tree =
        version.tree.update(&leaves, Update { work, source, height: born, committed, memory })?;
    Ok(Ok(tree))
}

/// The branch over values that stand in one page, or in a part of one.
fn branch_of_entries(entries: &[Entry], depth: usize) -> Piece {
    let leaves: Vec<Leaf> = entries.iter().map(Entry::leaf).collect();
    let mut rest = entries;
    Piece::Branch(by_nibble(&leaves, depth).map(|leaves| {
        let (here, after) = rest.split_at(leaves.len());
        rest = after;
        match here {
            [] => Child::Empty,
            [entry] => Child::leaf(entry),
            _ => Child::Inner(subtree_hash(leaves, depth + LEVELS)),
        }
    }))
}

fn disagree(prefix: &Prefix) -> StoreError {
    StoreError::Damaged(format!("the tree and the values disagree below {prefix:?}"))
}

impl From<FlatRecord> for Entry {
    fn from(FlatRecord { key, changed, value }: FlatRecord) -> Self {
        Self { key, changed, value }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot(height {})", self.past.pin.height)
    }
}
