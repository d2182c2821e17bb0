//! States that are not committed yet, one for each block, each on top of its parent's.
//!
//! An overlay holds its block's changes and the tree with them; its root is known before anything
//! is written. Two overlays on one parent are a fork, and know nothing of each other.
//!
//! Overlays are made and committed by one thread; views of them may be read by any, also while a
//! commit runs, and always see the state they were made on. A child holds its parent alive. Once an
//! overlay is committed it lets go of its own parent and reads the committed version instead, which
//! holds the same state, so that memory does not grow with the chain.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use primitives::{Hash, Height, StateKey};

use crate::hashing;
use crate::in_two::in_two;
use crate::store::{Store, StoreError};
use crate::tree::page::LeafChange;
use crate::tree::{Memory, Tree, Update, Work};
use crate::version::Version;

/// What a block does to the state; `None` deletes. Writing the value that stands there counts as a
/// change, and moves the height since which it stands.
pub type Changes = BTreeMap<StateKey, Option<Vec<u8>>>;

/// The state after a block that is not committed, or was not when this was made.
pub struct Overlay {
    height: Height,
    changes: Changes,
    /// Of the changes, in their order.
    pub(crate) prints: Vec<Print>,
    pub(crate) tree: Tree,
    base: RwLock<Base>,
}

/// What an overlay's changes lie upon.
#[derive(Clone)]
pub(crate) enum Base {
    Overlay(Arc<Overlay>),
    Version(Arc<Version>),
    /// The overlay is committed: this version holds the same state.
    Committed(Arc<Version>),
}

/// What the tree knows of a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Print {
    pub(crate) path: Hash,
    /// `None` when the key is deleted.
    pub(crate) value_hash: Option<Hash>,
}

impl Overlay {
    /// `memory` is that of all trees of the state.
    pub(crate) fn new(
        store: &dyn Store,
        memory: &Memory,
        base: Base,
        height: Height,
        changes: Changes,
    ) -> Result<Arc<Self>, StoreError> {
        let (prints, mut leaves) = hashed(&changes, height);
        leaves.sort_unstable_by_key(|(path, _)| *path);
        let version = base.version();
        let tree = match &base {
            Base::Overlay(parent) => &parent.tree,
            Base::Version(version) | Base::Committed(version) => &version.tree,
        };
        let source = &version.leaves(store);
        let committed = version.head.header.height;
        let tree =
            tree.update(&leaves, Update { work: Work::Apply, source, height, committed, memory })?;
        Ok(Arc::new(Self { height, changes, prints, tree, base: RwLock::new(base) }))
    }

    /// The root of the state tree with the changes.
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    pub fn height(&self) -> Height {
        self.height
    }

    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    pub(crate) fn base(&self) -> Base {
        self.base.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets go of the parent: `version` is this overlay, committed.
    pub(crate) fn set_committed(&self, version: Arc<Version>) {
        *self.base.write().unwrap_or_else(PoisonError::into_inner) = Base::Committed(version);
    }

    /// Whether this is made on exactly the state of `version`.
    pub(crate) fn is_on(&self, version: &Arc<Version>) -> bool {
        match self.base() {
            Base::Version(base) => Arc::ptr_eq(&base, version),
            Base::Overlay(parent) => {
                matches!(parent.base(), Base::Committed(base) if Arc::ptr_eq(&base, version))
            }
            Base::Committed(_) => false,
        }
    }

    /// Whether this is made on `parent`.
    pub(crate) fn is_child_of(&self, parent: &Arc<Self>) -> bool {
        matches!(self.base(), Base::Overlay(base) if Arc::ptr_eq(&base, parent))
    }
}

impl fmt::Debug for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes = self.changes.len();
        write!(f, "Overlay({} keys at height {}, root {:?})", changes, self.height, self.root())
    }
}

/// The changes less that many are hashed in one thread.
const PARALLEL_MIN: usize = 256;

/// What the tree knows of each change, and what it does with it, in their order.
fn hashed(changes: &Changes, height: Height) -> (Vec<Print>, Vec<LeafChange>) {
    let changes: Vec<_> = changes.iter().collect();
    let hash = |changes: &[(&StateKey, &Option<Vec<u8>>)]| -> (Vec<Print>, Vec<LeafChange>) {
        let prints = changes.iter().map(|(key, value)| Print::of(key, height, value.as_deref()));
        prints.map(|print| (print, print.leaf())).unzip()
    };
    if changes.len() < PARALLEL_MIN {
        return hash(&changes);
    }
    let ((mut prints, mut leaves), second) = in_two(&changes, hash);
    prints.extend(second.0);
    leaves.extend(second.1);
    (prints, leaves)
}

impl Print {
    fn of(key: &StateKey, height: Height, value: Option<&[u8]>) -> Self {
        let value_hash = value.map(|value| hashing::value_hash(height, value));
        Self { path: key.path(), value_hash }
    }

    fn leaf(&self) -> LeafChange {
        (self.path, self.value_hash.map(|hash| hashing::leaf_hash(&self.path, &hash)))
    }
}

impl Base {
    /// The committed state at the bottom.
    pub(crate) fn version(&self) -> Arc<Version> {
        let mut at = self.clone();
        loop {
            at = match &at {
                Self::Version(version) | Self::Committed(version) => return version.clone(),
                Self::Overlay(overlay) => overlay.base(),
            }
        }
    }

    pub(crate) fn get(
        &self,
        store: &dyn Store,
        key: &StateKey,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut at = self.clone();
        loop {
            at = match &at {
                Self::Version(version) | Self::Committed(version) => {
                    return Ok(version.record(store, key)?.map(|record| record.value));
                }
                Self::Overlay(overlay) => match overlay.changes.get(key) {
                    Some(value) => return Ok(value.clone()),
                    None => overlay.base(),
                },
            }
        }
    }

    /// The keys from `from` on, while `within`, whose place in the store says nothing about this
    /// state: overlays or later versions touched them. May name a key twice.
    pub(crate) fn touched(
        &self,
        from: &StateKey,
        within: impl Fn(&StateKey) -> bool,
    ) -> Vec<StateKey> {
        let mut touched = Vec::new();
        let mut at = self.clone();
        loop {
            at = match &at {
                Self::Version(version) | Self::Committed(version) => {
                    touched.extend(version.touched_later(from, within));
                    return touched;
                }
                Self::Overlay(overlay) => {
                    let keys = overlay.changes.range(from.clone()..).map(|(key, _)| key);
                    touched.extend(keys.take_while(|key| within(key)).cloned());
                    overlay.base()
                }
            }
        }
    }
}
