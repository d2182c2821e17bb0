//! A block on several threads has the outcome of one after the other: receipts, changes and gas.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use primitives::receipt::Status;
use primitives::state_key::{Account, ContractInfo, Direction, KeyVisitor};
use primitives::{Action, Address, Amount, Domain, Gas, Hash, SignedTransaction, StateKey, codec};

use super::soup;
use crate::parallel::{Spread, Workers};
use crate::testing::{GAS, RUN, TestChain, calling, key};
use crate::{BlockOutcome, Executor, ExecutorOptions, Storage};

const SEEDS: u64 = 300;

/// Windows as blocks have them, and no end of patience with runs that do not count.
fn spread() -> Spread {
    Spread { waste_percent: u64::MAX, ..Spread::default() }
}

fn execute(
    chain: &TestChain,
    threads: usize,
    spread: &Spread,
    transactions: &[SignedTransaction],
) -> (BlockOutcome, Gas) {
    let transactions: Vec<_> = transactions.iter().collect();
    let workers = Workers::new(threads);
    chain.executor.spread_block(&workers, spread, &chain.state, &chain.block, &transactions)
}

/// Executes on one, two, three and eight threads, and answers with the one outcome and the gas that
/// was wasted.
fn agreed(chain: &TestChain, transactions: &[SignedTransaction]) -> (BlockOutcome, Gas) {
    let (expected, _) = execute(chain, 1, &spread(), transactions);
    let mut wasted = Gas::ZERO;
    for threads in [2, 3, 8] {
        let (outcome, gas) = execute(chain, threads, &spread(), transactions);
        assert_eq!(outcome, expected, "{threads} threads");
        wasted = gas;
    }
    (expected, wasted)
}

/// Random blocks over a few accounts and contracts, in windows of random size. Of all the gas that
/// ran ahead, much counted and much did not.
#[test]
fn the_outcome_is_that_of_one_after_the_other() {
    let scene = soup::Scene::new();
    let alone = Executor::new(ExecutorOptions::default());
    let (one, several) = (Workers::new(1), [2, 3, 8].map(Workers::new));
    let (mut used, mut wasted) = (0, 0);
    for seed in 0..SEEDS {
        let mut numbers = soup::Numbers(seed);
        let block = scene.block(&mut numbers);
        let signed: Vec<_> = block.transactions.iter().collect();
        let run = |executor: &Executor, workers: &Workers, spread: &Spread| {
            executor.spread_block(workers, spread, &block.state, &block.context, &signed)
        };
        let (expected, _) = run(&alone, &one, &spread());
        for workers in &several {
            let window_min = numbers.between(1..8);
            let window_first = window_min + numbers.between(1..60);
            let window_max = window_first + 20;
            let spread = Spread { window_min, window_first, window_max, ..spread() };
            let (outcome, gas) = run(&scene.executor, workers, &spread);
            for (number, (one, other)) in
                outcome.receipts.iter().zip(&expected.receipts).enumerate()
            {
                assert_eq!(one, other, "seed {seed}, {spread:?}, transaction {number}");
            }
            assert_eq!(outcome.changes, expected.changes, "seed {seed}, {spread:?}");
            assert_eq!(outcome, expected, "seed {seed}, {spread:?}");
            used += outcome.gas_used.0;
            wasted += gas.0;
        }
    }
    assert!(wasted > used / 10, "hardly a run met another: {wasted} of {used}");
    assert!(wasted < used * 2 / 3, "hardly a run counted: {wasted} of {used}");
}

/// A chain on which accounts of so many keys have units, and a transfer of each to a new account.
fn transfers(senders: u8, to: impl Fn(u8) -> Address) -> (TestChain, Vec<SignedTransaction>) {
    let mut chain = TestChain::new();
    let funded =
        codec::encode(&Account { balance: Amount(u128::from(GAS) * 9), ..Account::default() });
    let mut signed = Vec::new();
    for number in 1..=senders {
        let address = key(number).public_key().address();
        chain.state.insert(StateKey::account(&address), funded.clone());
        let action = Action::Transfer { to: to(number), amount: Amount(1) };
        let mut transaction = chain.transaction(number, action);
        transaction.gas_limit = Gas(100_000_000);
        signed.push(transaction.sign(&key(number)));
    }
    (chain, signed)
}

#[test]
fn what_does_not_meet_runs_once() {
    let (chain, signed) = transfers(100, |number| Address([number; 32]));
    let (outcome, wasted) = agreed(&chain, &signed);
    assert!(outcome.receipts.iter().all(|receipt| receipt.status == Status::Success));
    assert_eq!(wasted, Gas::ZERO);
}

/// All but the first read what the one before wrote.
#[test]
fn what_meets_runs_again() {
    let (chain, signed) = transfers(100, |_| Address([200; 32]));
    let (outcome, wasted) = agreed(&chain, &signed);
    let each = outcome.receipts[0].gas_used.0;
    assert_eq!(wasted, Gas(99 * each));
    // And is not run ahead at all, where it has been so in the windows before.
    let few = Spread { window_first: 32, ..Spread::default() };
    assert_eq!(execute(&chain, 2, &few, &signed), (outcome, Gas(31 * each)));
}

#[test]
fn a_senders_transactions_follow_one_another() {
    let (chain, _) = transfers(2, |_| Address::default());
    let signed: Vec<_> = (0..40)
        .map(|place| {
            let number = 1 + place % 2;
            let action = Action::Transfer { to: Address([number; 32]), amount: Amount(1) };
            let mut transaction = chain.transaction(number, action);
            transaction.nonce.sequence = u64::from(place / 2);
            transaction.gas_limit = Gas(100_000_000);
            transaction.sign(&key(number))
        })
        .collect();
    let (outcome, wasted) = agreed(&chain, &signed);
    assert!(outcome.receipts.iter().all(|receipt| receipt.status == Status::Success));
    assert_eq!(wasted, Gas::ZERO);
}

/// A store that cannot read one key.
struct Failing<'a>(&'a BTreeMap<StateKey, Vec<u8>>, StateKey);

impl Storage for Failing<'_> {
    fn get(&self, key: &StateKey) -> Option<Vec<u8>> {
        assert_ne!(*key, self.1, "the disk is broken");
        Storage::get(self.0, key)
    }

    fn walk(&self, range: &Range<StateKey>, direction: Direction, visit: KeyVisitor<'_>) {
        Storage::walk(self.0, range, direction, visit);
    }
}

/// Why a panic came.
fn reason(run: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn a_store_that_fails_on_any_thread_stops_the_node() {
    let (chain, signed) = transfers(100, |number| Address([number; 32]));
    let transactions: Vec<_> = signed.iter().collect();
    for number in [1, 50, 100] {
        let broken = StateKey::account(&Address([number; 32]));
        let failing = Failing(&chain.state, broken);
        let reasons = [1, 2, 3, 8].map(|threads| {
            reason(|| {
                let workers = Workers::new(threads);
                chain.executor.spread_block(
                    &workers,
                    &spread(),
                    &failing,
                    &chain.block,
                    &transactions,
                );
            })
        });
        assert!(reasons[0].contains("the disk is broken"));
        assert!(reasons.iter().all(|reason| *reason == reasons[0]), "{reasons:?}");
    }
}

/// A contract's code is missing: that stops the node, but not if the block brings it before it is
/// asked for.
#[test]
fn what_stops_the_node_is_decided_in_turn() {
    let (mut chain, transfers) = transfers(40, |number| Address([number; 32]));
    let code = calling("", "i32.const 0");
    let (hash, contract) = (Hash::of_bytes(Domain::Code, &code), Address([250; 32]));
    let info = ContractInfo { code: hash, creator: Address::default(), admin: None };
    chain.state.insert(StateKey::contract(&contract), codec::encode(&info));
    let call = Action::Call { contract, arguments: RUN.to_vec(), value: Amount::ZERO };
    let [upload, call] = [(41, Action::Upload { code }), (42, call)].map(|(number, action)| {
        let address = key(number).public_key().address();
        let account = Account { balance: Amount(u128::from(GAS)), ..Account::default() };
        chain.state.insert(StateKey::account(&address), codec::encode(&account));
        chain.transaction(number, action).sign(&key(number))
    });
    let with =
        |first: &[SignedTransaction]| [first, &transfers, std::slice::from_ref(&call)].concat();
    let without = with(&[]);
    let reasons =
        [1, 2, 3, 8].map(|threads| reason(|| drop(execute(&chain, threads, &spread(), &without))));
    assert!(reasons[0].contains("is missing"), "{}", reasons[0]);
    assert!(reasons.iter().all(|reason| *reason == reasons[0]), "{reasons:?}");
    let signed = with(&[upload]);
    for threads in [2, 3, 8] {
        // Nothing is compiled yet, so that the code is asked for.
        chain.executor = Executor::new(ExecutorOptions::default());
        let (outcome, _) = execute(&chain, threads, &spread(), &signed);
        assert!(outcome.receipts.iter().all(|receipt| receipt.status == Status::Success));
        assert_eq!(outcome, execute(&chain, 1, &spread(), &signed).0);
    }
}
