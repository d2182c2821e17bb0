//! The facade: one state, many readers, one writer.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use primitives::{
    CommitCertificate, ExecutionResult, Hash, Header, Height, Receipt, SignedBatch, StateKey,
};
use thiserror::Error;

use crate::commit::{self, CommittedBlock};
use crate::family::{blocks, certificates, receipts, transactions};
use crate::fault;
use crate::overlay::{Base, Changes, Overlay};
use crate::proof::StateProof;
use crate::recovery::{self, GenesisBlock, OpenError};
use crate::store::memory::MemoryStore;
use crate::store::{Store, StoreError, or_abort};
use crate::version::{Head, Version};
use crate::view::StateView;

/// The authenticated store. Cheap to clone; all clones are one.
///
/// Any thread may read at any time. One thread makes overlays and commits them. Reads that the disk
/// fails end the process with the reason.
#[derive(Clone)]
pub struct State {
    inner: Arc<Inner>,
}

struct Inner {
    /// The genesis hash.
    genesis: Hash,
    store: Arc<dyn Store>,
    head: RwLock<Arc<Version>>,
    /// Whether commits are still possible; held while one runs.
    writer: Mutex<Writer>,
}

enum Writer {
    Ready,
    /// A write failed: nobody knows what the disk holds until it is opened again.
    Failed,
}

/// A block as it was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    pub header: Header,
    /// The header's hash.
    pub hash: Hash,
    /// The payload, in the header's order.
    pub batches: Vec<SignedBatch>,
    pub result: ExecutionResult,
    /// `None` for the genesis and for a block committed by the certificate of a descendant; see
    /// [`State::certificate_at_or_above`].
    pub certificate: Option<CommitCertificate>,
}

/// What the state says about a key, and why that is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedValue {
    /// Its result's state root is the one the proof leads to.
    pub head: Head,
    pub value: Option<Vec<u8>>,
    pub proof: StateProof,
}

/// Why a commit failed. The process is to stop: what it had acknowledged stands, and opening finds
/// out whether this commit does.
#[derive(Debug, Error)]
pub enum CommitError {
    #[error(
        "the commit could not be written: {0}. Check the disk's space and health, then restart"
    )]
    Store(#[from] StoreError),
    #[error("an earlier commit could not be written, so nothing more is; restart")]
    Stopped,
}

impl State {
    /// Opens the database at `path`, a directory for it alone, and checks all of it; see
    /// `recovery`. Where there is nothing yet, it begins with `genesis`.
    pub fn open(path: &Path, genesis: &GenesisBlock) -> Result<Self, OpenError> {
        let store = recovery::open(path, genesis)?;
        let version = recovery::recover(store.as_ref(), path, &genesis.genesis_hash)?;
        Ok(Self::new(store, version, genesis.genesis_hash))
    }

    /// A state in memory, for simulations and tests. It ends with the process.
    pub fn in_memory(genesis: &GenesisBlock) -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        or_abort(recovery::begin(store.as_ref(), genesis));
        Self::recovered(store, genesis.genesis_hash)
    }

    /// What a process finds that crashed and starts again: a state in memory opened from what was
    /// committed to this one, by the same recovery as from disk. The two share nothing.
    ///
    /// # Panics
    ///
    /// When this state is on a disk.
    pub fn memory_restart(&self) -> Self {
        let Some(store) = self.inner.store.copy() else {
            panic!("only a state in memory restarts in memory");
        };
        Self::recovered(store, self.inner.genesis)
    }

    fn recovered(store: Arc<dyn Store>, genesis: Hash) -> Self {
        match recovery::recover(store.as_ref(), Path::new("(memory)"), &genesis) {
            Ok(version) => Self::new(store, version, genesis),
            Err(error) => panic!("what was committed to memory cannot be recovered: {error}"),
        }
    }

    fn new(store: Arc<dyn Store>, version: Arc<Version>, genesis: Hash) -> Self {
        let (head, writer) = (RwLock::new(version), Mutex::new(Writer::Ready));
        Self { inner: Arc::new(Inner { genesis, store, head, writer }) }
    }

    /// The last committed block.
    pub fn head(&self) -> Head {
        self.version().head.clone()
    }

    /// The value of a key at the head. For several reads that belong together take a
    /// [`Self::view`].
    pub fn get(&self, key: &StateKey) -> Option<Vec<u8>> {
        self.view(None).get(key)
    }

    /// The state after a block at `height` with these changes, on its parent's; `None` is the head.
    pub fn overlay(
        &self,
        parent: Option<&Arc<Overlay>>,
        height: Height,
        changes: Changes,
    ) -> Arc<Overlay> {
        Overlay::new(self.base(parent), height, changes)
    }

    /// A view of an overlay, or of the head; it stays the same whatever is committed meanwhile.
    pub fn view(&self, overlay: Option<&Arc<Overlay>>) -> StateView {
        StateView::new(self.inner.store.clone(), self.base(overlay))
    }

    fn base(&self, overlay: Option<&Arc<Overlay>>) -> Base {
        match overlay {
            Some(overlay) => Base::Overlay(overlay.clone()),
            None => Base::Version(self.version()),
        }
    }

    /// Commits blocks, all in one synced write: when this returns they are on the disk, and the
    /// last is the head.
    ///
    /// # Panics
    ///
    /// When the blocks are none, or do not stand one on the other and the first on the head; when
    /// an overlay is not made on that of the block before, or its root is not the one in the
    /// result; when the last block has no certificate, or any has another block's. Such blocks are
    /// a bug of ours, and must never reach the disk.
    pub fn commit(&self, blocks: Vec<CommittedBlock>) -> Result<(), CommitError> {
        let mut writer = self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*writer, Writer::Failed) {
            return Err(CommitError::Stopped);
        }
        let before = self.version();
        let last = commit::check(&before, &blocks);
        let store = self.inner.store.as_ref();
        let prepared = commit::prepare(store, self.inner.genesis, &last.head, &blocks)?;
        let version = Version::new(last.head, last.overlay.tree.clone(), prepared.overwritten);
        *writer = Writer::Failed;
        before.link(version.clone());
        fault::point("commit: prepared");
        store.write(prepared.batch)?;
        fault::point("commit: written");
        last.overlay.set_committed(version.clone());
        *self.inner.head.write().unwrap_or_else(PoisonError::into_inner) = version;
        *writer = Writer::Ready;
        fault::point("commit: published");
        Ok(())
    }

    /// The committed block at a height; `None` above the head.
    pub fn block(&self, height: Height) -> Option<StoredBlock> {
        let store = self.inner.store.as_ref();
        let record = or_abort(blocks::get(store, height))?;
        Some(StoredBlock {
            hash: record.header.hash(),
            header: record.header,
            batches: record.batches,
            result: record.result,
            certificate: or_abort(certificates::get(store, height)),
        })
    }

    /// The height of a committed block.
    pub fn height_of(&self, block: &Hash) -> Option<Height> {
        or_abort(blocks::height_of(self.inner.store.as_ref(), block))
    }

    /// The certificate that commits the block at a height: its own, or that of the next block above
    /// that has one, which commits all its ancestors.
    pub fn certificate_at_or_above(&self, height: Height) -> Option<(Height, CommitCertificate)> {
        or_abort(certificates::at_or_above(self.inner.store.as_ref(), height))
    }

    /// Height and place in the block of a transaction's receipt. Where a transaction came several
    /// times, it is the one that was executed, or else the last one that was rejected.
    pub fn transaction(&self, hash: &Hash) -> Option<(Height, usize)> {
        let place = or_abort(transactions::get(self.inner.store.as_ref(), hash))?;
        Some((place.height, place.index as usize))
    }

    /// The receipts of the committed block at a height, in its order.
    pub fn receipts(&self, height: Height) -> Option<Vec<Receipt>> {
        or_abort(receipts::get(self.inner.store.as_ref(), height))
    }

    /// The value of a key at the head, or its absence, with the proof against the head's state
    /// root.
    pub fn prove(&self, key: &StateKey) -> ProvedValue {
        let version = self.version();
        let record = or_abort(version.record(self.inner.store.as_ref(), key));
        let changed = record.as_ref().map(|record| record.changed);
        let proof = version.tree.prove(&key.path(), changed).ok_or_else(|| {
            StoreError::Damaged("the tree and the values disagree on a key".to_owned())
        });
        ProvedValue {
            head: version.head.clone(),
            value: record.map(|record| record.value),
            proof: or_abort(proof),
        }
    }

    fn version(&self) -> Arc<Version> {
        self.inner.head.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version();
        write!(f, "State(height {}, block {:?})", version.head.header.height, version.head.hash)
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
