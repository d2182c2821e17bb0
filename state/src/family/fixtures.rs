//! The stored format, byte for byte. Whoever changes it must raise the format version and say how
//! an older database is read.

use std::sync::{Arc, OnceLock};

use primitives::codec::FormatVersion;
use primitives::{
    Amount, Batch as TransactionBatch, BatchRef, CommitCertificate, Epoch, ExecutionResult, Gas,
    Hash, Header, Height, Namespace, Receipt, Signature, SignedBatch, StateKey, Status,
    TimestampMs, ValidatorIndex, View, certificate::Signatures,
};

use super::blocks::BlockRecord;
use super::changes::Change;
use super::flat::FlatRecord;
use super::history::OldValue;
use super::meta::{Meta, Usage};
use super::transactions::Place;
use super::*;
use crate::store::Batch;
use crate::tree::node::{Node, PageSlot, Slot};
use crate::tree::units::UnitNodes;

fn header() -> Header {
    Header {
        version: FormatVersion::V1,
        epoch: Epoch(1),
        view: View(2),
        height: Height(3),
        parent: Hash([4; 32]),
        parent_view: View(1),
        payload: vec![BatchRef { author: ValidatorIndex(8), digest: Hash([5; 32]) }],
        timestamp: TimestampMs(6),
        proposer: ValidatorIndex(7),
    }
}

fn result() -> ExecutionResult {
    ExecutionResult {
        height: Height(3),
        state_root: Hash([1; 32]),
        receipts_root: Hash([2; 32]),
        next_validators: Hash([3; 32]),
    }
}

/// One row of every family.
fn rows() -> Batch {
    let mut rows = Batch::default();
    let key = StateKey { namespace: Namespace::Storage, key: vec![0xaa, 0xbb] };
    order::put(&mut rows, &key);
    let path = key.path();
    let deleted = Some(key.clone());
    history::put(&mut rows, &path, Height(3), Some((Height(2), &[0xbb], deleted.as_ref())));
    history::put(&mut rows, &path, Height(2), None);
    let changes = [(&key, Some(Hash([9; 32]))), (&key, None)];
    changes::put(&mut rows, Height(3), &changes);
    deleted::put(&mut rows, &key, Height(3));
    nodes::put(&mut rows, [3, 0xff], &unit());
    flat::put(&mut rows, &path, &FlatRecord { key, changed: Height(3), value: vec![0xcc] });
    let version = FormatVersion::V1;
    let batch = TransactionBatch {
        version,
        author: ValidatorIndex(7),
        sequence: 8,
        system: Vec::new(),
        transactions: Vec::new(),
    };
    let batches = vec![SignedBatch { batch, signature: Signature([9; 64]) }];
    let record = BlockRecord { version, header: header(), result: result(), batches };
    blocks::put(&mut rows, &Hash([6; 32]), &record);
    let certificate = CommitCertificate {
        epoch: Epoch(1),
        view: View(2),
        block: Hash([6; 32]),
        result: result(),
        signatures: Signatures(vec![(ValidatorIndex(1), Signature([8; 64]))]),
    };
    certificates::put(&mut rows, Height(3), &certificate);
    let receipt = Receipt {
        transaction: Hash([7; 32]),
        status: Status::Success,
        gas_used: Gas(1),
        fee: Amount(2),
        output: vec![3],
        events: Vec::new(),
    };
    receipts::put(&mut rows, Height(3), &[receipt]);
    let place = Place { height: Height(3), index: 4, executed: true };
    transactions::put(&mut rows, &Hash([7; 32]), &place);
    let (genesis, block, root) = (Hash([1; 32]), Hash([6; 32]), Hash([1; 32]));
    let usage = [(Namespace::Storage, Usage { keys: 1, bytes: 3 })].into();
    let (height, floor) = (Height(3), Height(1));
    meta::put(&mut rows, &Meta { version, genesis, height, block, root, floor, usage });
    rows
}

/// Two pages, and nothing else.
fn unit() -> UnitNodes {
    let page = |count, byte| {
        let (hash, born) = (Hash([byte; 32]), Height(2));
        Slot::Page(PageSlot { hash, count, born, used: false, page: OnceLock::new() })
    };
    let mut slots = <[Slot; 16]>::default();
    (slots[1], slots[15]) = (page(16, 4), page(1, 5));
    UnitNodes { height: Height(2), nodes: Arc::new(Node::new(slots)) }
}

/// Hex, with runs of 32 equal bytes shortened to `[xx]`.
fn text(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing".to_owned();
    }
    let mut text = String::new();
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let run = rest.get(..32).is_some_and(|run| run.iter().all(|byte| byte == first));
        if run && *first != 0 {
            text.push_str(&format!("[{first:02x}]"));
            rest = &rest[32..];
        } else {
            text.push_str(&format!("{first:02x}"));
            rest = after;
        }
    }
    text
}

#[test]
fn the_stored_format_is_fixed() {
    let rows = rows();
    let lines = rows.rows().map(|row| {
        let value = row.value.expect("all rows are written");
        format!("{} {} = {}\n", row.family.name(), text(row.key), text(value))
    });
    assert_eq!(lines.collect::<String>(), include_str!("fixtures.txt"));
}

#[test]
fn every_family_has_a_row_in_the_fixtures() {
    for family in Family::ALL {
        let found = rows().rows().any(|row| row.family == family);
        assert!(found, "{}", family.name());
    }
}

#[test]
fn the_keys_of_the_order_stand_as_the_keys_of_the_state() {
    let keys = [
        (Namespace::Account, vec![255]),
        (Namespace::Storage, vec![]),
        (Namespace::Storage, vec![0]),
    ]
    .map(|(namespace, key)| StateKey { namespace, key });
    assert!(keys.is_sorted());
    assert!(keys.iter().map(order::row_key).is_sorted());
    for key in keys {
        assert_eq!(order::read_row(&order::row_key(&key)).unwrap(), key);
    }
}

#[test]
fn an_executed_transaction_keeps_its_place() {
    let at = |height, executed| Place { height: Height(height), index: 0, executed };
    assert!(at(2, true).replaces(&at(1, false)));
    assert!(at(2, false).replaces(&at(1, false)));
    assert!(!at(2, false).replaces(&at(1, true)));
}

/// Reads a row as its family does, and encodes again what was read.
fn reread(family: Family, row: &[u8]) -> Result<Vec<u8>, crate::StoreError> {
    Ok(match family {
        Family::Flat => codec::encode(&decode::<FlatRecord>(family, row)?),
        Family::Order => codec::encode(&order::read_row(row)?),
        Family::History => codec::encode(&decode::<Option<OldValue>>(family, row)?),
        Family::Changes => codec::encode(&decode::<Vec<Change>>(family, row)?),
        Family::Deleted => height_key(height_of_key(family, row)?).to_vec(),
        Family::Nodes => codec::encode(&decode::<UnitNodes>(family, row)?),
        Family::Blocks => codec::encode(&decode::<BlockRecord>(family, row)?),
        Family::BlockHashes => height_key(height_of_key(family, row)?).to_vec(),
        Family::Certificates => codec::encode(&decode::<CommitCertificate>(family, row)?),
        Family::Receipts => codec::encode(&decode::<Vec<Receipt>>(family, row)?),
        Family::Transactions => codec::encode(&decode::<Place>(family, row)?),
        Family::Meta => codec::encode(&decode::<Meta>(family, row)?),
    })
}

/// RocksDB's checksums find damage long before this; what a decoder gets all the same must not take it down.
#[test]
fn a_damaged_row_is_refused_or_is_another_row() {
    for row in rows().rows() {
        let value = row.value.filter(|value| !value.is_empty()).unwrap_or(row.key).to_vec();
        let whole = reread(row.family, &value).unwrap();
        for bit in 0..value.len() * 8 {
            let mut damaged = value.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let read = reread(row.family, &damaged);
            assert!(!matches!(read, Ok(read) if read == whole), "{} bit {bit}", row.family.name());
        }
        if row.family != Family::Order {
            for length in 0..value.len() {
                assert!(reread(row.family, &value[..length]).is_err(), "{}", row.family.name());
            }
        }
    }
}
