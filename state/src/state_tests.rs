use std::sync::atomic::{AtomicBool, Ordering};

use primitives::certificate::Signatures;
use primitives::codec::FormatVersion;
use primitives::{Epoch, Namespace, TimestampMs, ValidatorIndex};

use super::*;
use crate::family::Family;
use crate::store::{Batch, Reading, RowVisitor, Scanner, TryVisitor};

/// A store in memory whose disk can fill up.
#[derive(Debug, Default)]
struct FillingStore {
    memory: MemoryStore,
    full: AtomicBool,
}

impl Store for Arc<FillingStore> {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.memory.get(family, key)
    }

    fn scanner(&self, family: Family, reading: Reading) -> Result<Scanner<'_>, StoreError> {
        self.memory.scanner(family, reading)
    }

    fn get_many(
        &self,
        family: Family,
        keys: &[&[u8]],
        visit: RowVisitor<'_>,
    ) -> Result<(), StoreError> {
        self.memory.get_many(family, keys, visit)
    }

    fn read_all(&self, family: Family, visit: TryVisitor<'_>) -> Result<(), StoreError> {
        self.memory.read_all(family, visit)
    }

    fn free_below(&self, family: Family, height: Height) -> Result<(), StoreError> {
        self.memory.free_below(family, height)
    }

    fn compact(&self) -> Result<(), StoreError> {
        self.memory.compact()
    }

    fn write(&self, batch: Batch) -> Result<(), StoreError> {
        if self.full.load(Ordering::Relaxed) {
            return Err(StoreError::Failed("no space left".to_owned()));
        }
        self.memory.write(batch)
    }

    fn checkpoint(&self, path: &Path) -> Result<(), StoreError> {
        self.memory.checkpoint(path)
    }

    fn copy(&self) -> Option<Arc<dyn Store>> {
        None
    }
}

fn key() -> StateKey {
    StateKey { namespace: Namespace::System, key: vec![1] }
}

fn next_block(state: &State, value: u8) -> CommittedBlock {
    let head = state.head().header;
    let overlay = state.overlay(None, head.height.next(), [(key(), Some(vec![value]))].into());
    let header = Header {
        version: FormatVersion::V1,
        epoch: Epoch::ZERO,
        view: head.view.next(),
        height: head.height.next(),
        parent: head.hash(),
        parent_view: head.view,
        payload: Vec::new(),
        timestamp: TimestampMs(head.timestamp.0 + 1),
        proposer: ValidatorIndex(0),
    };
    let result = ExecutionResult {
        height: header.height,
        state_root: overlay.root(),
        receipts_root: Hash::ZERO,
        next_validators: Hash::ZERO,
    };
    let certificate = CommitCertificate {
        epoch: Epoch::ZERO,
        view: header.view,
        block: header.hash(),
        result,
        signatures: Signatures(Vec::new()),
    };
    let (batches, receipts, certificate) = (Vec::new(), Vec::new(), Some(certificate));
    CommittedBlock { header, batches, receipts, result, overlay, certificate }
}

#[test]
fn a_write_that_fails_is_the_last() {
    let disk = Arc::new(FillingStore::default());
    let store: Arc<dyn Store> = Arc::new(disk.clone());
    let genesis = GenesisBlock {
        header: Header::genesis(Hash::ZERO, TimestampMs(1)),
        genesis_hash: Hash::ZERO,
        changes: Changes::new(),
        next_validators: Hash::ZERO,
    };
    recovery::begin(store.as_ref(), &genesis).unwrap();
    let state = State::recovered(store, Hash::ZERO, StateOptions::default());
    state.commit(vec![next_block(&state, 1)]).unwrap();
    let before = state.head();

    disk.full.store(true, Ordering::Relaxed);
    let failed = state.commit(vec![next_block(&state, 2)]);
    assert!(matches!(failed, Err(CommitError::Store(StoreError::Failed(_)))), "{failed:?}");
    // Even with space again: nobody knows what the failed write left.
    disk.full.store(false, Ordering::Relaxed);
    let stopped = state.commit(vec![next_block(&state, 3)]);
    assert!(matches!(stopped, Err(CommitError::Stopped)), "{stopped:?}");
    assert_eq!(state.head(), before);
    assert_eq!(state.get(&key()), Some(vec![1]));
    let key = key();
    let proved = state.prove(&key);
    let root = before.result.state_root;
    let claim = crate::claim(&key, proved.value.as_deref());
    assert_eq!(proved.proof.verify(&root.0, &claim), Ok(Some(1)));
}
