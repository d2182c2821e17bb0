//! The vote log is not compacted between the moment when a block is final and the one when it is on disk.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use primitives::{
    Address, Amount, ChainParameters, Genesis, SecretKey, TimestampMs, Validator, ValidatorIndex,
    View,
};
use quorate_tests::wallet::{self, Wallet};
use replica::{
    Action, Event, Ledger, Limits, Now, Options, Record, Replica, RequestId, genesis_block,
};
use state::State;

/// A chain of one validator, which is its own quorum: a block is final as soon as it is executed.
#[test]
fn nothing_is_compacted_before_what_is_final_is_on_disk() {
    let key = SecretKey::from_seed([1; 32]);
    let chain_id: primitives::ChainId = "compaction".parse().unwrap();
    let mut sender = Wallet::new(SecretKey::from_seed([2; 32]), chain_id.clone());
    let genesis = Genesis {
        chain_id,
        timestamp_ms: wallet::now(),
        parameters: ChainParameters::default(),
        validators: vec![Validator { name: "v1".to_owned(), key: key.public_key() }],
        accounts: BTreeMap::from([(sender.address(), Amount(1_000))]),
    };
    let state = State::in_memory(&genesis_block(&genesis));
    let own = ValidatorIndex(0);
    let options = Options { genesis: genesis.clone(), key, own, limits: Limits::default() };
    let birth = Record::Consensus(consensus::Record::Floor(View::ZERO));
    let at = |ms: u64| Now { wall: TimestampMs(genesis.timestamp_ms.0 + ms), uptime_ms: ms };
    let mut replica = Replica::new(options, state.clone(), vec![birth], at(0));
    let executor = Arc::new(vm::Executor::new(vm::ExecutorOptions::default()));
    let mut ledger = Ledger::new(state, executor, &genesis);

    let mut actions = VecDeque::from(replica.on_event(at(1), Event::Start));
    assert!(replica.compacted().is_some(), "nothing is under way");
    let transfer = sender.transfer(Address([3; 32]), 1).verify().unwrap();
    let request = RequestId(0);
    actions.extend(replica.on_event(at(2), Event::Transaction { request, transaction: transfer }));
    actions.extend(replica.on_event(at(1_000), Event::Tick));
    let mut committed = false;
    while let Some(action) = actions.pop_front() {
        match action {
            Action::Execute { header, batches } => {
                let block = header.hash();
                let result = ledger.execute(header, batches);
                actions.extend(replica.on_event(at(1_001), Event::Executed { block, result }));
            }
            Action::Commit { blocks, certificate } => {
                assert_eq!(replica.compacted(), None, "its votes may still be needed");
                let blocks = ledger.commit(&blocks, &certificate).unwrap();
                actions.extend(replica.on_event(at(1_002), Event::Committed { blocks }));
                assert!(replica.compacted().is_some(), "now they are not");
                committed = true;
            }
            _ => {}
        }
    }
    assert!(committed);
}
