//! The facade: one state, many readers, one writer.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::{self, JoinHandle};

use primitives::{
    CommitCertificate, ExecutionResult, Hash, Header, Height, Namespace, Receipt, SignedBatch,
    StateKey, View,
};
use proof::Prefix;
use thiserror::Error;

use crate::commit::{self, CommittedBlock};
use crate::compare::Comparison;
use crate::family::meta::{self, Meta, Usage};
use crate::family::{Family, blocks, certificates, headers, receipts, transactions};
use crate::fault;
use crate::floor::{Floors, HeightError, Retention};
use crate::overlay::{Base, Changes, Overlay};
use crate::past::{Difference, Past};
use crate::prove::{ProvedBatch, ProvedPage, ProvedValue, Prover};
use crate::recovery::{self, GenesisBlock, OpenError, Recovered};
use crate::snapshot::{self, Snapshot, SnapshotError, SnapshotHead};
use crate::store::memory::MemoryStore;
use crate::store::pruning::HEADERS_KEPT;
use crate::store::{Batch, Store, StoreError, or_panic};
use crate::tree::{Memory, warming};
use crate::turns::Turns;
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
    /// Ends before the rest does.
    _warming: Option<Warming>,
    store: Arc<dyn Store>,
    memory: Arc<Memory>,
    retention: Retention,
    floors: Floors,
    head: RwLock<Arc<Version>>,
    writer: Mutex<Writer>,
}

/// What only the writer knows; held while a commit runs.
struct Writer {
    outcome: Outcome,
    /// As it is on the disk.
    meta: Meta,
    turns: Turns,
    /// The version before the head, which is let go of while the next commit is written.
    replaced: Option<Arc<Version>>,
}

/// Whether commits are still possible.
enum Outcome {
    Written,
    /// A write failed: nobody knows what the disk holds until it is opened again.
    Unknown,
}

/// How a state is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateOptions {
    /// Moves the floor of state, blocks, receipts and indices together.
    pub retention: Retention,
    /// Memory for the leaves of the tree, in bytes: 70 hold a key. A key whose leaf is not in
    /// memory costs a read more when it is changed. All above the leaves, 5 bytes a key, is in
    /// memory in any case.
    pub tree_bytes: usize,
}

impl Default for StateOptions {
    fn default() -> Self {
        Self { retention: Retention::All, tree_bytes: 1 << 30 }
    }
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
    /// Opens the database at `path`, a directory for it alone; see `recovery`. Where there is
    /// nothing yet, it begins with `genesis`.
    pub fn open(path: &Path, genesis: &GenesisBlock) -> Result<Self, OpenError> {
        Self::open_with(path, genesis, StateOptions::default())
    }

    /// [`Self::open`], kept as the options say.
    pub fn open_with(
        path: &Path,
        genesis: &GenesisBlock,
        options: StateOptions,
    ) -> Result<Self, OpenError> {
        let floors = Floors::default();
        let memory = Arc::new(Memory::new(options.tree_bytes));
        let store = recovery::open(path, genesis, &floors)?;
        let recovered = recovery::recover(store.as_ref(), path, &genesis.genesis_hash, &memory)?;
        let warming = Warming::start(&recovered.version, &store, &memory);
        Ok(Self::new(store, recovered, memory, floors, options.retention, Some(warming)))
    }

    /// A state in memory, for simulations and tests. It ends with the process.
    pub fn in_memory(genesis: &GenesisBlock) -> Self {
        Self::in_memory_with(genesis, StateOptions::default())
    }

    /// [`Self::in_memory`], kept as the options say.
    pub fn in_memory_with(genesis: &GenesisBlock, options: StateOptions) -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        or_panic(recovery::begin(store.as_ref(), genesis));
        Self::recovered(store, genesis.genesis_hash, options)
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
        let (retention, tree_bytes) = (self.inner.retention, self.inner.memory.budget);
        Self::recovered(store, self.writer().meta.genesis, StateOptions { retention, tree_bytes })
    }

    fn recovered(store: Arc<dyn Store>, genesis: Hash, options: StateOptions) -> Self {
        let memory = Arc::new(Memory::new(options.tree_bytes));
        match recovery::recover(store.as_ref(), Path::new("(memory)"), &genesis, &memory) {
            Ok(recovered) => {
                Self::new(store, recovered, memory, Floors::default(), options.retention, None)
            }
            Err(error) => panic!("what was committed to memory cannot be recovered: {error}"),
        }
    }

    fn new(
        store: Arc<dyn Store>,
        Recovered { version, meta, turns }: Recovered,
        memory: Arc<Memory>,
        floors: Floors,
        retention: Retention,
        warming: Option<Warming>,
    ) -> Self {
        floors.raise(meta.floor, changes_floor(&meta, &turns));
        let head = RwLock::new(version);
        let writer = Mutex::new(Writer { outcome: Outcome::Written, meta, turns, replaced: None });
        let _warming = warming;
        let inner = Inner { _warming, store, memory, retention, floors, head, writer };
        Self { inner: Arc::new(inner) }
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
        let Inner { store, memory, .. } = self.inner.as_ref();
        or_panic(Overlay::new(store.as_ref(), memory, self.base(parent), height, changes))
    }

    /// A view of an overlay, or of the head; it stays the same whatever is committed meanwhile.
    pub fn view(&self, overlay: Option<&Arc<Overlay>>) -> StateView {
        StateView::new(self.inner.store.clone(), self.base(overlay))
    }

    /// A view of the state after the committed block at `height`. It keeps that height readable for
    /// as long as it lives.
    pub fn view_at(&self, height: Height) -> Result<StateView, HeightError> {
        Ok(StateView::of_past(self.inner.store.clone(), self.past(height)?))
    }

    /// The first `limit` keys, in order and after `after`, whose values after the block at `to` are
    /// others than after the one at `from`.
    pub fn differences(
        &self,
        from: Height,
        to: Height,
        after: Option<&StateKey>,
        limit: usize,
    ) -> Result<Vec<Difference>, HeightError> {
        let (past, _until) = (self.past(from)?, self.past(to)?);
        Ok(or_panic(past.differences(self.inner.store.as_ref(), to, after, limit)))
    }

    fn past(&self, height: Height) -> Result<Past, HeightError> {
        let head = self.version().head.header.height;
        Ok(Past { pin: self.inner.floors.pin(height, head)? })
    }

    /// The state at the head, to be handed out. It stays readable for as long as the snapshot lives.
    pub fn snapshot(&self) -> Snapshot {
        let version = self.version();
        let height = version.head.header.height;
        match self.past(height) {
            Ok(past) => {
                let (store, head) = (self.inner.store.clone(), version.head.clone());
                Snapshot::new(store, head, version.tree.clone(), past)
            }
            Err(error) => panic!("the head cannot be read: {error}"),
        }
    }

    /// The state after the committed block at `height`, to be compared with another. Costs memory
    /// and time for each key that was changed since, of which there may be
    /// `CHANGED_SINCE_MAX`, a million.
    pub fn snapshot_at(&self, height: Height) -> Result<Snapshot, SnapshotError> {
        let version = self.version();
        let past = self.past(height)?;
        let (store, memory) = (self.inner.store.clone(), &self.inner.memory);
        if height == version.head.header.height {
            return Ok(Snapshot::new(store, version.head.clone(), version.tree.clone(), past));
        }
        let tree = or_panic(snapshot::tree_at(store.as_ref(), memory, &version, height))?;
        let Some(block) = self.block(height) else {
            panic!("the block at height {height}, which is readable, is missing");
        };
        let StoredBlock { header, hash, result, certificate, .. } = block;
        if tree.root() != result.state_root {
            return Err(SnapshotError::Root { height, computed: tree.root() });
        }
        let head = Head { header, hash, result, certificate };
        Ok(Snapshot::new(store, head, tree, past))
    }

    /// Compares an overlay made on the head, while nothing is committed, with the state that has
    /// this root.
    pub fn compare(&self, overlay: &Arc<Overlay>, root: Hash) -> Comparison {
        Comparison::of_overlay(self.inner.store.clone(), overlay, root)
    }

    /// What a validator needs to begin with the state of the committed block at `height`: the block,
    /// and the headers below it down to the first of `first` or a later view. Nothing when the
    /// block has no certificate of its own, or is not there.
    pub fn snapshot_head(&self, height: Height, first: View) -> Option<SnapshotHead> {
        let StoredBlock { header, batches, result, certificate, .. } = self.block(height)?;
        let (certificate, receipts) = (certificate?, self.receipts(height)?);
        let mut below = Vec::new();
        let mut at = header.clone();
        while at.view >= first
            && let Some(height) = at.height.0.checked_sub(1)
        {
            at = self.header(Height(height))?;
            below.push(at.clone());
        }
        below.reverse();
        Some(SnapshotHead { header, batches, result, certificate, receipts, below })
    }

    /// The header of the committed block at a height; of some below the floor too.
    pub fn header(&self, height: Height) -> Option<Header> {
        let store = self.inner.store.as_ref();
        if let Some(record) = or_panic(blocks::get(store, height)) {
            return Some(record.header);
        }
        let below = or_panic(headers::get(store));
        below.into_iter().find(|header| header.height == height)
    }

    /// The lowest height that can be read.
    pub fn floor(&self) -> Height {
        self.inner.floors.floor()
    }

    /// Rewrites all files now, so that the disk is free of what lies below the floor. Takes as long
    /// as reading and writing all of it; commits and reads go on meanwhile.
    pub fn compact(&self) -> Result<(), StoreError> {
        self.inner.store.compact()?;
        fault::point("compact: done");
        Ok(())
    }

    /// Makes a database in `path`, which is not there yet, that holds what this one does when it is
    /// asked, or a little later: in hard links on the same disk, while commits go on.
    pub fn checkpoint(&self, path: &Path) -> Result<(), StoreError> {
        self.inner.store.checkpoint(path)?;
        fault::point("checkpoint: made");
        Ok(())
    }

    /// The namespaces that hold anything at the head, with what they hold.
    pub fn usage(&self) -> Vec<(Namespace, Usage)> {
        let usage = self.writer().meta.usage.clone().into_iter();
        usage.filter(|(_, usage)| usage.keys > 0).collect()
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
        let mut writer = self.writer();
        if matches!(writer.outcome, Outcome::Unknown) {
            return Err(CommitError::Stopped);
        }
        let before = self.version();
        let last = commit::check(&before, &blocks);
        let store = self.inner.store.as_ref();
        let mut prepared = commit::prepare(store, &writer.meta, &last.head, &blocks)?;
        let (tree, height) = (&last.overlay.tree, last.head.header.height);
        let work = (blocks.len(), prepared.changes);
        writer.turns.write(&mut prepared.batch, tree, height, work);
        // What is durable is what was the head before this commit.
        let durable = before.head.header.height;
        prepared.meta.floor = self.inner.floors.next(self.inner.retention, durable);
        meta::put(&mut prepared.batch, &prepared.meta);
        let version = Version::new(last.head, tree.clone(), prepared.overwritten);
        writer.outcome = Outcome::Unknown;
        before.link(version.clone());
        fault::point("commit: prepared");
        self.write(prepared.batch, writer.replaced.take())?;
        fault::point("commit: written");
        last.overlay.set_committed(version.clone());
        *self.inner.head.write().unwrap_or_else(PoisonError::into_inner) = version;
        let old = std::mem::replace(&mut writer.meta, prepared.meta).floor;
        fault::point("commit: published");
        self.prune(&writer, old)?;
        writer.replaced = Some(before);
        writer.outcome = Outcome::Written;
        Ok(())
    }

    /// Writes, and lets go of a version meanwhile: thousands of nodes that no other tree shares.
    fn write(&self, batch: Batch, version: Option<Arc<Version>>) -> Result<(), StoreError> {
        let store = self.inner.store.as_ref();
        thread::scope(|scope| {
            if batch.rows().len() >= PARALLEL_MIN {
                scope.spawn(|| drop(version));
            }
            store.write(batch)
        })
    }

    /// Lets compactions drop what is below the floor, and frees whole files now and then.
    fn prune(&self, writer: &Writer, old: Height) -> Result<(), StoreError> {
        let (floor, changes) = (writer.meta.floor, changes_floor(&writer.meta, &writer.turns));
        self.inner.floors.raise(floor, changes);
        if old.0 / FREE_BLOCKS == floor.0 / FREE_BLOCKS {
            return Ok(());
        }
        let store = self.inner.store.as_ref();
        let headers = Height(floor.0.saturating_sub(HEADERS_KEPT));
        store.free_below(Family::Blocks, headers)?;
        for family in [Family::Receipts, Family::Certificates] {
            store.free_below(family, floor)?;
        }
        store.free_below(Family::Changes, changes)?;
        fault::point("commit: files below the floor freed");
        Ok(())
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The committed block at a height; `None` above the head.
    pub fn block(&self, height: Height) -> Option<StoredBlock> {
        let store = self.inner.store.as_ref();
        let record = or_panic(blocks::get(store, height))?;
        Some(StoredBlock {
            hash: record.header.hash(),
            header: record.header,
            batches: record.batches,
            result: record.result,
            certificate: or_panic(certificates::get(store, height)),
        })
    }

    /// The height of a committed block.
    pub fn height_of(&self, block: &Hash) -> Option<Height> {
        or_panic(blocks::height_of(self.inner.store.as_ref(), block))
    }

    /// The certificate that commits the block at a height: its own, or that of the next block above
    /// that has one, which commits all its ancestors.
    pub fn certificate_at_or_above(&self, height: Height) -> Option<(Height, CommitCertificate)> {
        or_panic(certificates::at_or_above(self.inner.store.as_ref(), height))
    }

    /// Height and place in the block of a transaction's receipt. Where a transaction came several
    /// times, it is the one that was executed, or else the last one that was rejected.
    pub fn transaction(&self, hash: &Hash) -> Option<(Height, usize)> {
        let place = or_panic(transactions::get(self.inner.store.as_ref(), hash))?;
        Some((place.height, place.index as usize))
    }

    /// The receipts of the committed block at a height, in its order.
    pub fn receipts(&self, height: Height) -> Option<Vec<Receipt>> {
        or_panic(receipts::get(self.inner.store.as_ref(), height))
    }

    /// The value of a key at the head, or its absence, with the proof against the head's state
    /// root.
    pub fn prove(&self, key: &StateKey) -> ProvedValue {
        self.with_prover(|prover| prover.value(key))
    }

    /// The values of several keys at the head, with one proof.
    ///
    /// # Panics
    ///
    /// When the keys are none, or more than [`proof::KEYS_MAX`].
    pub fn prove_batch(&self, keys: &[StateKey]) -> ProvedBatch {
        self.with_prover(|prover| prover.batch(keys))
    }

    /// All that stands at the head below a prefix, such as [`Prefix::of_namespace`], with the proof
    /// that it is all. Where that is more than `limit` entries, of the first part of the prefix
    /// that is not; [`proof::Tiling`] says what to ask for next.
    pub fn prove_page(&self, prefix: &Prefix, limit: usize) -> ProvedPage {
        self.with_prover(|prover| prover.page(prefix, limit))
    }

    fn with_prover<T>(&self, prove: impl FnOnce(&Prover<'_>) -> Result<T, StoreError>) -> T {
        let version = self.version();
        let store = self.inner.store.as_ref();
        or_panic(prove(&Prover { version: &version, store }))
    }

    fn version(&self) -> Arc<Version> {
        self.inner.head.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The thread that reads the pages of the tree after a start.
struct Warming {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Warming {
    fn start(version: &Arc<Version>, store: &Arc<dyn Store>, memory: &Arc<Memory>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (tree, store, memory) = (version.tree.clone(), Arc::clone(store), Arc::clone(memory));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            or_panic(warming::warm(&tree, store.as_ref(), &memory, &stopped));
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Warming {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A panic of the thread has ended the process, or has been printed.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// The least rows of a commit that are worth a second thread.
const PARALLEL_MIN: usize = 1 << 10;
/// Heights between two times that whole files are freed.
const FREE_BLOCKS: u64 = 256;

/// The floor of `changes`.
fn changes_floor(meta: &Meta, turns: &Turns) -> Height {
    turns.oldest().map_or(meta.floor, |oldest| oldest.min(meta.floor))
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
