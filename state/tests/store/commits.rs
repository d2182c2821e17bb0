//! What a commit stores, and what it refuses.

use std::panic::{AssertUnwindSafe, catch_unwind};

use primitives::receipt::{Failure, Rejection};
use primitives::{Hash, Status};
use quorate_state::{CommittedBlock, State};

use crate::chain::{block, commit, genesis, height, key, next_block, receipt};

fn commit_receipts(state: &State, receipts: Vec<primitives::Receipt>) {
    let parent = state.head().header;
    let overlay = state.overlay(None, parent.height.next(), [(key(1), Some(vec![1]))].into());
    state.commit(vec![block(&parent, overlay, receipts)]).unwrap();
}

#[test]
fn blocks_receipts_and_certificates_are_found_again_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let state = State::open(&path, &genesis()).unwrap();
    let first = next_block(&state, [(key(1), Some(vec![1]))].into());
    let below = Some(&first.overlay);
    let overlay = state.overlay(below, height(2), [(key(2), None)].into());
    let second = block(&first.header, overlay, vec![receipt(1, Status::Success)]);
    // The first is committed by the certificate of the second.
    let first = CommittedBlock { certificate: None, ..first };
    state.commit(vec![first.clone(), second.clone()]).unwrap();
    drop(state);

    let state = State::open(&path, &genesis()).unwrap();
    for block in [&first, &second] {
        let stored = state.block(block.header.height).unwrap();
        assert_eq!(stored.header, block.header);
        assert_eq!(stored.hash, block.header.hash());
        assert_eq!(stored.batches, block.batches);
        assert_eq!(stored.result, block.result);
        assert_eq!(stored.certificate, block.certificate);
        assert_eq!(state.height_of(&stored.hash), Some(block.header.height));
        assert_eq!(state.receipts(block.header.height).as_ref(), Some(&block.receipts));
        let certificate = second.certificate.clone().unwrap();
        let found = state.certificate_at_or_above(block.header.height);
        assert_eq!(found, Some((height(2), certificate)));
    }
    assert_eq!(state.block(height(0)).unwrap().header, genesis().header);
    assert_eq!(state.receipts(height(0)), Some(Vec::new()));
    assert!(state.block(height(3)).is_none());
    assert!(state.receipts(height(3)).is_none());
    assert!(state.certificate_at_or_above(height(3)).is_none());
    assert!(state.height_of(&Hash([1; 32])).is_none());
    assert_eq!(state.head().certificate, second.certificate);
}

#[test]
fn a_transaction_is_found_where_it_was_executed() {
    let rejected = || Status::Rejected(Rejection::WrongChain);
    let state = State::in_memory(&genesis());
    let place = |number| state.transaction(&Hash([number; 32])).map(|(height, at)| (height.0, at));
    commit_receipts(&state, vec![receipt(1, rejected()), receipt(2, Status::Success)]);
    assert_eq!((place(1), place(2), place(3)), (Some((1, 0)), Some((1, 1)), None));
    commit_receipts(&state, vec![receipt(2, rejected()), receipt(1, rejected())]);
    assert_eq!((place(1), place(2)), (Some((2, 1)), Some((1, 1))));
    // In one block: executed, then again and rejected.
    let failed = Status::Failed(Failure::OutOfGas);
    commit_receipts(&state, vec![receipt(1, failed), receipt(1, rejected())]);
    assert_eq!((place(1), place(2)), (Some((3, 0)), Some((1, 1))));
    commit_receipts(&state, vec![receipt(1, rejected())]);
    assert_eq!(place(1), Some((3, 0)));
}

/// Spoils a block that would fit, and expects the commit to panic and the state to stay as it was.
fn check_refused(reason: &str, spoil: impl FnOnce(&State, &mut Vec<CommittedBlock>)) {
    let state = State::in_memory(&genesis());
    let mut blocks = vec![next_block(&state, [(key(1), None)].into())];
    spoil(&state, &mut blocks);
    let before = state.head();
    let outcome = catch_unwind(AssertUnwindSafe(|| state.commit(blocks)));
    let panic = *outcome.expect_err("the commit must be refused").downcast::<String>().unwrap();
    assert!(panic.contains(reason), "{panic}");
    assert_eq!(state.head(), before);
    commit(&state, [(key(1), Some(vec![4]))].into());
    assert_eq!(state.memory_restart().head(), state.head());
}

#[test]
fn blocks_that_do_not_fit_are_refused() {
    check_refused("without a certificate", |_, blocks| blocks[0].certificate = None);
    check_refused("certificate's block", |_, blocks| {
        blocks[0].certificate.as_mut().unwrap().block = Hash::ZERO;
    });
    check_refused("the parent", |_, blocks| blocks[0].header.parent = Hash::ZERO);
    check_refused("the height", |_, blocks| blocks[0].header.height = height(2));
    check_refused("the state root", |_, blocks| blocks[0].result.state_root = Hash::ZERO);
    check_refused("not made on the state", |state, blocks| {
        let parent = Some(&blocks[0].overlay);
        let overlay = state.overlay(parent, height(1), [(key(1), None)].into());
        blocks[0] = block(&state.head().header, overlay, Vec::new());
    });
    check_refused("not made on the state", |state, blocks| {
        // A fork of the first block's, made on the head.
        let overlay = state.overlay(None, height(2), [(key(2), None)].into());
        let second = block(&blocks[0].header, overlay, Vec::new());
        blocks.push(second);
    });
}

#[test]
#[should_panic(expected = "a commit of no blocks")]
fn a_commit_of_no_blocks_is_refused() {
    let _ = State::in_memory(&genesis()).commit(Vec::new());
}
