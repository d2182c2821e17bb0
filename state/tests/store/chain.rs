//! A small chain to commit: blocks that fit, with certificates nobody signed.

use std::collections::BTreeMap;
use std::sync::Arc;

use primitives::certificate::Signatures;
use primitives::codec::FormatVersion;
use primitives::{
    Amount, CommitCertificate, Domain, Epoch, ExecutionResult, Gas, Hash, Header, Height,
    Namespace, Receipt, StateKey, Status, TimestampMs, ValidatorIndex, merkle,
};
use quorate_state::{Changes, CommittedBlock, GenesisBlock, Overlay, ProvedValue, State};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

pub fn key(number: u32) -> StateKey {
    StateKey { namespace: Namespace::Storage, key: number.to_be_bytes().to_vec() }
}

pub fn genesis() -> GenesisBlock {
    genesis_of(b"a chain", (0..20).map(|number| (key(number), Some(vec![1; 3]))).collect())
}

pub fn genesis_of(name: &[u8], changes: Changes) -> GenesisBlock {
    let genesis_hash = Hash::of_bytes(Domain::Genesis, name);
    GenesisBlock {
        header: Header::genesis(genesis_hash, TimestampMs(1_000)),
        genesis_hash,
        changes,
        next_validators: Hash([8; 32]),
    }
}

/// Changes of up to `count` of the keys below `keys`; a third of them delete.
pub fn random_changes(random: &mut ChaCha20Rng, keys: u32, count: u32) -> Changes {
    (0..count)
        .map(|_| {
            let value = random.next_u64().to_le_bytes().to_vec();
            (key(random.next_u32() % keys), (!random.next_u32().is_multiple_of(3)).then_some(value))
        })
        .collect()
}

/// Applies changes to a plain map.
pub fn apply(model: &mut BTreeMap<StateKey, Vec<u8>>, changes: &Changes) {
    for (key, value) in changes {
        match value {
            Some(value) => model.insert(key.clone(), value.clone()),
            None => model.remove(key),
        };
    }
}

/// The block after `parent` with this state and these receipts, with a certificate.
pub fn block(parent: &Header, overlay: Arc<Overlay>, receipts: Vec<Receipt>) -> CommittedBlock {
    let header = Header {
        version: FormatVersion::V1,
        epoch: Epoch::ZERO,
        view: parent.view.next(),
        height: parent.height.next(),
        parent: parent.hash(),
        parent_view: parent.view,
        payload: Vec::new(),
        timestamp: TimestampMs(parent.timestamp.0 + 1),
        proposer: ValidatorIndex(0),
    };
    let leaves: Vec<_> = receipts.iter().map(Receipt::hash).collect();
    let result = ExecutionResult {
        height: header.height,
        state_root: overlay.root(),
        receipts_root: merkle::root(&leaves),
        next_validators: Hash([8; 32]),
    };
    let certificate = CommitCertificate {
        epoch: Epoch::ZERO,
        view: header.view,
        block: header.hash(),
        result,
        signatures: Signatures(Vec::new()),
    };
    CommittedBlock {
        header,
        batches: Vec::new(),
        receipts,
        result,
        overlay,
        certificate: Some(certificate),
    }
}

/// A block with these changes on the head, not committed.
pub fn next_block(state: &State, changes: Changes) -> CommittedBlock {
    let parent = state.head().header;
    let overlay = state.overlay(None, parent.height.next(), changes);
    block(&parent, overlay, Vec::new())
}

/// Commits a block with these changes on the head.
pub fn commit(state: &State, changes: Changes) {
    state.commit(vec![next_block(state, changes)]).unwrap();
}

/// [`commit`], with receipts.
pub fn commit_with(state: &State, changes: Changes, receipts: Vec<Receipt>) {
    let parent = state.head().header;
    let overlay = state.overlay(None, parent.height.next(), changes);
    state.commit(vec![block(&parent, overlay, receipts)]).unwrap();
}

/// Checks what the state proves of a key against the head it names, and answers with the height since which the value
/// stands.
pub fn verified(proved: &ProvedValue, key: &StateKey) -> Option<Height> {
    let root = proved.head.result.state_root.0;
    let claim = quorate_state::claim(key, proved.value.as_deref());
    proved.proof.verify(&root, &claim).expect("the proof is of the head").map(Height)
}

pub fn receipt(transaction: u8, status: Status) -> Receipt {
    Receipt {
        transaction: Hash([transaction; 32]),
        status,
        gas_used: Gas(1),
        fee: Amount(1),
        output: Vec::new(),
        events: Vec::new(),
    }
}

pub fn height(number: u64) -> Height {
    Height(number)
}
