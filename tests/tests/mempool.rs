//! Transactions that have to wait: for a block, or again after one has turned them away.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::BTreeMap;
use std::sync::Arc;

use primitives::receipt::Rejection;
use primitives::{
    Address, Amount, ChainParameters, Gas, Genesis, Header, Receipt, SecretKey, SignedBatch,
    Status, TimestampMs, Validator, ValidatorIndex, limits,
};
use quorate_tests::wallet::{self, Wallet};
use replica::{
    Action, CommittedReceipts, Event, Limits, Now, Options, Refusal, Replica, RequestId,
    genesis_block,
};
use state::State;

struct World {
    replica: Replica,
    genesis: Genesis,
    uptime_ms: u64,
    sender: Wallet,
    /// All batches so far.
    packed: Vec<SignedBatch>,
}

impl World {
    fn new() -> Self {
        let key = |seed: u8| SecretKey::from_seed([seed; 32]);
        let validator =
            |seed: u8| Validator { name: format!("v{seed}"), key: key(seed).public_key() };
        let chain_id: primitives::ChainId = "lanes".parse().unwrap();
        let sender = Wallet::new(key(9), chain_id.clone());
        let genesis = Genesis {
            chain_id,
            timestamp_ms: wallet::now(),
            parameters: ChainParameters::default(),
            validators: (1..=4).map(validator).collect(),
            accounts: BTreeMap::from([(sender.address(), Amount(1_000_000))]),
        };
        let options = Options {
            genesis: genesis.clone(),
            key: key(1),
            own: ValidatorIndex(0),
            limits: Limits::default(),
        };
        let state = State::in_memory(&genesis_block(&genesis));
        let now = Now { wall: genesis.timestamp_ms, uptime_ms: 0 };
        let replica = Replica::new(options, state, Vec::new(), now);
        Self { replica, genesis, uptime_ms: 0, sender, packed: Vec::new() }
    }

    /// A second later.
    fn event(&mut self, event: Event) -> Vec<Action> {
        self.uptime_ms += 1_000;
        self.event_now(event)
    }

    fn event_now(&mut self, event: Event) -> Vec<Action> {
        let wall = TimestampMs(self.genesis.timestamp_ms.0 + self.uptime_ms);
        let actions = self.replica.on_event(Now { wall, uptime_ms: self.uptime_ms }, event);
        self.packed.extend(actions.iter().filter_map(|action| match action {
            Action::Gossip(batch) => Some(batch.clone()),
            _ => None,
        }));
        actions
    }

    /// A client sends the sender's next transfer. What is sent together shares a batch.
    fn send(&mut self) -> Result<(), Refusal> {
        let transaction = self.sender.transfer(Address([1; 32]), 1).verify().unwrap();
        let request = RequestId(0);
        let actions = self.event_now(Event::Transaction { request, transaction });
        let mut answers = actions.into_iter().filter_map(|action| match action {
            Action::Reply { answer, .. } => Some(answer),
            _ => None,
        });
        answers.next().unwrap().map(drop)
    }

    /// Sends so many and has them packed.
    fn batch(&mut self, count: usize) -> SignedBatch {
        for _ in 0..count {
            self.send().unwrap();
        }
        self.packed().unwrap()
    }

    fn packed(&mut self) -> Option<SignedBatch> {
        self.event(Event::Tick);
        self.packed.pop()
    }

    /// A block with this batch alone is committed; the state does not change.
    fn turned_away(&mut self, batch: &SignedBatch, rejection: &Rejection) {
        let receipt = |signed: &primitives::SignedTransaction| Receipt {
            transaction: signed.hash(),
            status: Status::Rejected(*rejection),
            gas_used: Gas::ZERO,
            fee: Amount::ZERO,
            output: Vec::new(),
            events: Vec::new(),
        };
        let receipts = batch.batch.transactions.iter().map(receipt).collect();
        let header = Header { payload: vec![batch.reference()], ..self.genesis.header() };
        let blocks =
            vec![CommittedReceipts { header, batches: vec![Arc::new(batch.clone())], receipts }];
        self.event(Event::Committed { blocks });
    }
}

/// While the disk is nearly full nothing is packed, what was admitted waits, and the replica does not wake up for it.
#[test]
fn nothing_is_packed_while_the_node_forbids_it() {
    let mut world = World::new();
    world.event(Event::Packing { allowed: false });
    world.send().unwrap();
    world.send().unwrap();
    assert!(world.packed().is_none());
    assert!(world.replica.deadline_ms() > world.uptime_ms, "it would be woken at once, for ever");
    world.event_now(Event::Packing { allowed: true });
    let batch = world.packed.pop().unwrap();
    assert_eq!(batch.batch.transactions.len(), 2);
}

/// Three batches of one lane; a block orders the middle one alone. (The lane's count fell back to the middle one's end,
/// and the client was told of a gap that was none.)
#[test]
fn a_sender_goes_on_while_its_batches_overtake_each_other() {
    let mut world = World::new();
    let _first = world.batch(3);
    let middle = world.batch(3);
    let _last = world.batch(3);
    world.turned_away(&middle, &Rejection::NonceGap { expected: 0 });
    world.send().unwrap();
}

#[test]
fn what_found_its_block_full_is_packed_again() {
    let mut world = World::new();
    let batch = world.batch(1);
    world.turned_away(&batch, &Rejection::BlockGasExhausted);
    let again = world.packed().unwrap();
    assert_eq!(again.batch.transactions, batch.batch.transactions);
    world.send().unwrap();
}

/// Nothing of the lane can execute any more: the sender begins again where the account stands.
#[test]
fn after_a_final_refusal_the_lane_begins_anew() {
    let mut world = World::new();
    let batch = world.batch(1);
    world.turned_away(&batch, &Rejection::ValidTooLong);
    world.sender = Wallet::new(world.sender.key().clone(), world.genesis.chain_id.clone());
    world.send().unwrap();
}

/// A block names only so many batches. Were they all small, a chain whose blocks are slow for a while would order less
/// than comes in.
#[test]
fn batches_grow_while_no_block_comes() {
    const STALL_MS: u64 = 2_000;
    let mut world = World::new();
    for _ in 0..STALL_MS {
        world.uptime_ms += 1;
        world.send().unwrap();
        world.event_now(Event::Tick);
    }
    let batches = &world.packed;
    assert!(batches.len() <= limits::BLOCK_BATCHES_MAX, "{} batches", batches.len());
    let packed: usize = batches.iter().map(|batch| batch.batch.transactions.len()).sum();
    assert!(packed > 1_400, "only {packed} of 2,000 transactions are in a batch");
}
