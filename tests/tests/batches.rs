//! Batches from outside: what is taken, what is passed over, and who answers for it.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::BTreeMap;

use primitives::batch::BatchError;
use primitives::codec::{self, FormatVersion};
use primitives::state_key::Account;
use primitives::{
    Address, Amount, Batch, ChainParameters, Genesis, SecretKey, SignedBatch, SignedTransaction,
    StateKey, Validator, ValidatorIndex,
};
use quorate_tests::wallet::{self, Wallet};
use replica::{
    Action, BatchList, Event, Limits, Message, Now, Options, Record, Replica, genesis_block,
};
use state::State;

const ONE: ValidatorIndex = ValidatorIndex(1);
const TWO: ValidatorIndex = ValidatorIndex(2);
/// Nonces of the sender that are used.
const USED: usize = 3;

struct World {
    genesis: Genesis,
    sender: Wallet,
    state: State,
}

impl World {
    fn new() -> Self {
        let validator =
            |seed: u8| Validator { name: format!("v{seed}"), key: key(seed).public_key() };
        let chain_id: primitives::ChainId = "batches".parse().unwrap();
        let mut sender = Wallet::new(key(9), chain_id.clone());
        let genesis = Genesis {
            chain_id,
            timestamp_ms: wallet::now(),
            parameters: ChainParameters::default(),
            validators: (1..=4).map(validator).collect(),
            accounts: BTreeMap::new(),
        };
        let account = Account {
            balance: Amount(1_000_000),
            lanes: BTreeMap::from([(sender.transfer(Address([1; 32]), 1).lane(), USED as u64)]),
        };
        let mut first = genesis_block(&genesis);
        first.changes.insert(StateKey::account(&sender.address()), Some(codec::encode(&account)));
        let sender = Wallet::new(key(9), genesis.chain_id.clone());
        Self { state: State::in_memory(&first), genesis, sender }
    }

    fn replica(&self, log: Vec<Record>) -> Replica {
        let (own, limits) = (ValidatorIndex(0), Limits::default());
        let options = Options { genesis: self.genesis.clone(), key: key(1), own, limits };
        Replica::new(options, self.state.clone(), log, self.now())
    }

    fn now(&self) -> Now {
        Now { wall: self.genesis.timestamp_ms, uptime_ms: 0 }
    }

    /// A batch of this author's with so many transfers of the sender, made so many milliseconds ago.
    fn batch(&mut self, author: ValidatorIndex, transfers: usize, age_ms: u64) -> SignedBatch {
        let transactions =
            (0..transfers).map(|_| self.sender.transfer(Address([1; 32]), 1)).collect();
        self.batch_of(author, transactions, age_ms)
    }

    fn batch_of(
        &self,
        author: ValidatorIndex,
        transactions: Vec<SignedTransaction>,
        age_ms: u64,
    ) -> SignedBatch {
        let sequence = self.genesis.timestamp_ms.0 - age_ms;
        let version = FormatVersion::V1;
        let batch = Batch { version, author, sequence, transactions, system: Vec::new() };
        batch.sign(&self.genesis.hash(), &key(u8::try_from(author.0).unwrap() + 1))
    }

    fn gossip(&self, replica: &mut Replica, batch: &SignedBatch) -> Vec<Action> {
        replica.on_event(self.now(), Event::Gossip { from: TWO, batch: batch.clone() })
    }

    fn direct(
        &self,
        replica: &mut Replica,
        from: ValidatorIndex,
        batch: &SignedBatch,
    ) -> Vec<Action> {
        let message = Message::Batches(BatchList(vec![batch.clone()]));
        replica.on_event(self.now(), Event::Message { from, message })
    }

    /// Whether a replica that restarts with this batch in its log still holds it.
    fn is_held_after_restart(&self, batch: &SignedBatch) -> bool {
        let mut replica = self.replica(vec![Record::Batch(Box::new(batch.clone()))]);
        let message = Message::BatchRequest { digests: vec![batch.digest()] };
        let actions = replica.on_event(self.now(), Event::Message { from: ONE, message });
        actions
            .iter()
            .any(|action| matches!(action, Action::Send { message: Message::Batches(_), .. }))
    }
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed([seed; 32])
}

fn is_checked(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Verify(_)))
}

trait Lane {
    fn lane(&self) -> u32;
}

impl Lane for SignedTransaction {
    fn lane(&self) -> u32 {
        self.transaction().nonce.lane
    }
}

/// Anybody can send an old batch again. It would fill its author's budget, and blocks.
#[test]
fn a_batch_that_was_executed_is_not_ordered_again() {
    let mut world = World::new();
    let spent = world.batch(ONE, USED, 20_000);
    let mut replica = world.replica(Vec::new());
    assert!(!is_checked(&world.gossip(&mut replica, &spent)));
    assert!(!is_checked(&world.direct(&mut replica, ONE, &spent)));
    assert!(!world.is_held_after_restart(&spent), "the node itself did so at each restart");
    let unused = world.batch(ONE, 1, 20_000);
    assert!(is_checked(&world.gossip(&mut replica, &unused)));
    assert!(world.is_held_after_restart(&unused));
}

#[test]
fn what_nobody_asked_for_is_taken_from_its_author_only() {
    let mut world = World::new();
    world.batch(ONE, USED, 0);
    let batch = world.batch(ONE, 1, 0);
    let mut replica = world.replica(Vec::new());
    assert!(!is_checked(&world.direct(&mut replica, TWO, &batch)));
    assert!(is_checked(&world.direct(&mut replica, ONE, &batch)));
}

/// Gossip is forwarded unread, so its last hop is not to blame; who signed the batch is, when it signed nonsense.
#[test]
fn an_invalid_batch_is_its_authors_fault_or_that_of_a_direct_sender() {
    let mut world = World::new();
    world.batch(ONE, USED, 0);
    let accused = |world: &mut World, gossiped: bool, error: BatchError| {
        let mut replica = world.replica(Vec::new());
        let batch = world.batch(ONE, 1, 0);
        let taken = if gossiped {
            world.gossip(&mut replica, &batch)
        } else {
            world.direct(&mut replica, ONE, &batch)
        };
        assert!(is_checked(&taken));
        let (now, digest) = (world.now(), batch.digest());
        let actions = replica.on_event(now, Event::Verified { digest, batch: Err(error) });
        actions.into_iter().find_map(|action| match action {
            Action::Misbehaviour { peer, .. } => Some(peer),
            _ => None,
        })
    };
    let invalid = BatchError::TransactionSignature;
    assert_eq!(accused(&mut world, true, invalid(0)), Some(ONE));
    assert_eq!(accused(&mut world, false, invalid(0)), Some(ONE));
    assert_eq!(accused(&mut world, true, BatchError::AuthorSignature), None);
    assert_eq!(accused(&mut world, true, BatchError::Count(0)), None);
    assert_eq!(accused(&mut world, false, BatchError::Count(0)), Some(ONE));
}

/// Signatures cost most: one sender's batches that wait for it are bounded, and leave room for others'.
#[test]
fn a_flood_of_batches_to_check_costs_the_others_nothing() {
    let mut world = World::new();
    world.batch(ONE, USED, 0);
    let mut replica = world.replica(Vec::new());
    let batches: Vec<_> = (0..400).map(|_| world.batch(ONE, 1, 0)).collect();
    let checked = batches.iter().filter(|one| is_checked(&world.gossip(&mut replica, one)));
    assert_eq!(checked.count(), 256);
    let mut other = world.batch(ONE, 1, 0);
    other = world.batch_of(ValidatorIndex(3), other.batch.transactions, 0);
    assert!(is_checked(&world.direct(&mut replica, ValidatorIndex(3), &other)));
}
