use std::collections::BTreeMap;
use std::path::Path;

use primitives::certificate::Signatures;
use primitives::codec::FormatVersion;
use primitives::{
    CommitCertificate, Epoch, ExecutionResult, Header, Namespace, StateKey, TimestampMs,
    ValidatorIndex, View, merkle,
};
use state::{CommittedBlock, GenesisBlock, Restore, State};

use super::*;

const GENESIS: Hash = Hash([1; 32]);

/// A state of so many keys at height 1, under a certificate without signatures.
fn state(keys: u32) -> State {
    let genesis = GenesisBlock {
        header: Header::genesis(GENESIS, TimestampMs(1)),
        genesis_hash: GENESIS,
        changes: BTreeMap::new(),
        next_validators: Hash::ZERO,
    };
    let state = State::in_memory(&genesis);
    let head = state.head();
    let key = |number: u32| StateKey {
        namespace: Namespace::Storage,
        key: number.to_be_bytes().to_vec(),
    };
    let changes = (0..keys).map(|number| (key(number), Some(vec![7; 500]))).collect();
    let overlay = state.overlay(None, Height(1), changes);
    let header = Header {
        version: FormatVersion::V1,
        epoch: Epoch::ZERO,
        view: View(1),
        height: Height(1),
        parent: head.hash,
        parent_view: View::ZERO,
        payload: Vec::new(),
        timestamp: TimestampMs(2),
        proposer: ValidatorIndex(0),
    };
    let result = ExecutionResult {
        height: Height(1),
        state_root: overlay.root(),
        receipts_root: merkle::root(&[]),
        next_validators: Hash::ZERO,
    };
    let (epoch, view, block) = (Epoch::ZERO, View(1), header.hash());
    let signatures = Signatures(Vec::new());
    let certificate = Some(CommitCertificate { epoch, view, block, result, signatures });
    let (batches, receipts) = (Vec::new(), Vec::new());
    let block = CommittedBlock { header, batches, receipts, result, overlay, certificate };
    state.commit(vec![block]).unwrap();
    state
}

fn file(state: &State) -> Vec<u8> {
    let head = state.snapshot_head(Height(1), View::ZERO).unwrap();
    let (height, root) = (Height(1), head.result.state_root);
    let label = Label { genesis: GENESIS, height, root, keys: 0 };
    let mut bytes = Vec::new();
    write(&mut bytes, &label, &head, &state.snapshot(), |_| ()).unwrap();
    bytes
}

/// Reads a file into a state at a path, as far as it goes.
fn restore(bytes: &[u8], directory: &Path) -> Result<Hash, String> {
    let mut reader = Reader::open(bytes).map_err(|error| error.to_string())?;
    let mut restore = Restore::begin(&directory.join("unfinished"), None).unwrap();
    restore.aim(reader.head.clone()).map_err(|error| error.to_string())?;
    while restore.wanted().next().is_some() {
        let piece = reader.next().map_err(|error| error.to_string())?;
        let Some((prefix, piece)) = piece else { return Err("incomplete".to_owned()) };
        if restore.wants(&prefix) {
            let accepted = restore.accept(&prefix, piece).unwrap();
            accepted.map_err(|error| error.to_string())?;
        }
    }
    let place = directory.join("db");
    restore.finish(&place, GENESIS).unwrap();
    Ok(state::summary(&place).unwrap().root)
}

#[test]
fn a_state_goes_through_a_file_and_an_interrupted_reading_is_taken_up() {
    let state = state(20_000);
    let root = state.head().result.state_root;
    let bytes = file(&state);
    let directory = tempfile::tempdir().unwrap();
    assert!(restore(&bytes[..bytes.len() / 2], directory.path()).is_err());
    assert_eq!(restore(&bytes, directory.path()), Ok(root));
    assert!(state::check(&directory.path().join("db")).unwrap().is_whole());
}

#[test]
fn whatever_is_cut_off_or_changed_is_noticed() {
    let state = state(300);
    let root = state.head().result.state_root;
    let bytes = file(&state);
    let short = restore(&bytes[..10], tempfile::tempdir().unwrap().path()).unwrap_err();
    assert!(short.contains("no snapshot"), "{short}");
    let end = bytes.len() - 8;
    for length in (16..end).step_by(997) {
        let error = restore(&bytes[..length], tempfile::tempdir().unwrap().path()).unwrap_err();
        assert!(error.contains("ends too early"), "cut at {length}: {error}");
    }
    for at in (0..end).step_by(499) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let directory = tempfile::tempdir().unwrap();
        // zstd's own headers have bits that mean nothing; no other state may come of them.
        if let Ok(restored) = restore(&changed, directory.path()) {
            assert_eq!(restored, root, "byte {at}");
        }
    }
}

#[test]
fn what_follows_the_end_is_an_error_and_a_length_allocates_nothing_by_itself() {
    let mut bytes = file(&state(3));
    bytes.push(0);
    let mut reader = Reader::open(bytes.as_slice()).unwrap();
    while let Ok(Some(_)) = reader.next() {}
    assert!(matches!(reader.next(), Err(FileError::Torn)));
    let huge = [&MAGIC[..], &u32::MAX.to_le_bytes(), &u32::MAX.to_le_bytes()].concat();
    assert!(matches!(read_label(&mut huge.as_slice()), Err(FileError::Malformed(_))));
}
