use primitives::{Namespace, StateKey, TimestampMs, codec};

use super::*;
use crate::family::Family;
use crate::store::memory::MemoryStore;

fn key(number: u8) -> StateKey {
    StateKey { namespace: Namespace::System, key: vec![number] }
}

fn genesis() -> GenesisBlock {
    let genesis_hash = Hash([7; 32]);
    GenesisBlock {
        header: Header::genesis(genesis_hash, TimestampMs(1)),
        genesis_hash,
        changes: (0..5).map(|number| (key(number), Some(vec![number]))).collect(),
        next_validators: Hash([8; 32]),
    }
}

/// Changes rows behind the checksums' back, and expects opening to say why it refuses them.
fn check(reason: &str, tamper: impl FnOnce(&mut Batch)) {
    let store = MemoryStore::default();
    begin(&store, &genesis()).unwrap();
    let mut batch = Batch::default();
    tamper(&mut batch);
    store.write(batch).unwrap();
    let memory = Memory::new(0);
    match recover(&store, Path::new("here"), &genesis().genesis_hash, &memory) {
        Err(OpenError::Damaged { reason: said, .. }) => assert!(said.contains(reason), "{said}"),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("opened, though {reason}"),
    }
}

fn record(number: u8, value: u8) -> FlatRecord {
    FlatRecord { key: key(number), changed: Height::ZERO, value: vec![value] }
}

fn put(batch: &mut Batch, record: &FlatRecord) {
    flat::put(batch, &record.key.path(), record);
}

#[test]
fn a_tree_that_does_not_lead_to_the_certified_root_is_refused() {
    check("block 0 was committed with", |batch| flat::delete(batch, &key(1).path()));
    check("block 0 was committed with", |batch| put(batch, &record(1, 99)));
    check("block 0 was committed with", |batch| put(batch, &record(200, 200)));
    check("block 0 was committed with", |batch| {
        put(batch, &FlatRecord { changed: Height(1), ..record(1, 1) });
    });
    check("block 0 was committed with", |batch| {
        let (at, bytes) = (key(1).path().0.to_vec(), codec::encode(&record(2, 2)));
        batch.put_bytes(Family::Flat, &at, &bytes);
    });
    check("unreadable", |batch| batch.put_bytes(Family::Flat, &[1; 32], &[1, 2, 3]));
    check("the block of its head is missing", |batch| {
        batch.delete(Family::Blocks, &0u64.to_be_bytes());
    });
    check("which chain", |batch| batch.delete(Family::Meta, b"head"));
    check("unreadable", |batch| batch.put_bytes(Family::Meta, b"head", &[2; 117]));
}

#[test]
fn the_genesis_is_written_once() {
    let store = MemoryStore::default();
    begin(&store, &genesis()).unwrap();
    let other = GenesisBlock { changes: Changes::new(), ..genesis() };
    begin(&store, &other).unwrap();
    let memory = Memory::new(0);
    let recovered = recover(&store, Path::new("here"), &genesis().genesis_hash, &memory).unwrap();
    assert_eq!(recovered.version.record(&store, &key(3)).unwrap(), Some(record(3, 3)));
}
