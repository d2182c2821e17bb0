//! Admission, fees, nonces, transfers, and that blocks are functions of their inputs.

use std::collections::BTreeMap;

use primitives::receipt::{Failure, Rejection, Status};
use primitives::{
    Action, Address, Amount, Gas, Namespace, Nonce, SignedTransaction, StateKey, TimestampMs,
    Transaction,
};

use crate::intrinsic_gas;
use crate::testing::{ASK, FUNDS, GAS, PAY, RUN, TestChain, calling, key};

fn address(number: u8) -> Address {
    key(number).public_key().address()
}

fn transfer(to: Address, amount: u128) -> Action {
    Action::Transfer { to, amount: Amount(amount) }
}

#[test]
fn a_transfer_moves_units_and_burns_its_fee() {
    let mut chain = TestChain::new();
    let nobody = Address([9; 32]);
    let receipt = chain.act(1, transfer(nobody, 500));
    assert_eq!(receipt.status, Status::Success);
    let transaction = chain.transaction(1, transfer(nobody, 500));
    assert_eq!(receipt.gas_used, intrinsic_gas(&transaction));
    assert_eq!(receipt.fee.0, u128::from(receipt.gas_used.0));
    assert_eq!(chain.balance(&nobody), 500);
    assert_eq!(chain.balance(&address(1)), FUNDS - 500 - receipt.fee.0);
    let oneself = chain.act(1, transfer(address(1), 7));
    assert_eq!(oneself.status, Status::Success);
    assert_eq!(chain.balance(&address(1)), FUNDS - 500 - 2 * receipt.fee.0);
}

/// Each rejection leaves everything as it was, and the nonce unused.
#[test]
fn rejections_change_nothing() {
    let mut chain = TestChain::new();
    chain.act(1, transfer(address(2), 1));
    let now = chain.block.timestamp;
    chain.block.parameters.gas_price_min = Amount(1);
    let validity = chain.block.parameters.transaction_validity_ms;
    let balance = Amount(chain.balance(&address(1)));
    let minimum = intrinsic_gas(&chain.transaction(1, transfer(address(2), 1)));
    type Change = Box<dyn Fn(&mut Transaction)>;
    let cases: Vec<(Change, Rejection)> = vec![
        (Box::new(|t| t.chain_id = "other".parse().unwrap()), Rejection::WrongChain),
        (Box::new(|t| t.nonce.sequence = 0), Rejection::NonceUsed { expected: 1 }),
        (Box::new(|t| t.nonce.sequence = 2), Rejection::NonceGap { expected: 1 }),
        (
            Box::new(|t| t.nonce = Nonce { lane: 5, sequence: 1 }),
            Rejection::NonceGap { expected: 0 },
        ),
        (
            Box::new(move |t| t.valid_until = TimestampMs(now.0 - 1)),
            Rejection::Expired { valid_until: TimestampMs(now.0 - 1), block: now },
        ),
        (Box::new(move |t| t.valid_until = now.plus(validity + 1)), Rejection::ValidTooLong),
        (
            Box::new(|t| t.gas_price = Amount::ZERO),
            Rejection::GasPriceTooLow { minimum: Amount(1) },
        ),
        (
            Box::new(move |t| t.gas_limit = Gas(minimum.0 - 1)),
            Rejection::GasLimitTooLow { minimum },
        ),
        (Box::new(|t| t.gas_limit = Gas(u64::MAX)), Rejection::BlockGasExhausted),
        (
            Box::new(move |t| t.action = transfer(address(2), balance.0)),
            Rejection::InsufficientBalance { balance, needed: Amount(balance.0 + u128::from(GAS)) },
        ),
        (
            Box::new(|t| t.gas_price = Amount(u128::MAX)),
            Rejection::InsufficientBalance { balance, needed: Amount(u128::MAX) },
        ),
    ];
    for (change, expected) in cases {
        let mut transaction = chain.transaction(1, transfer(address(2), 1));
        change(&mut transaction);
        let outcome = chain.try_block(&[transaction.sign(&key(1))]);
        let receipt = &outcome.receipts[0];
        assert_eq!(receipt.status, Status::Rejected(expected));
        assert_eq!((receipt.gas_used, receipt.fee), (Gas::ZERO, Amount::ZERO));
        assert!(outcome.changes.is_empty());
    }
    // At the very edge of its validity it executes.
    let mut transaction = chain.transaction(1, transfer(address(2), 1));
    transaction.valid_until = now;
    assert_eq!(chain.send(1, transaction).status, Status::Success);
}

#[test]
fn lanes_count_for_themselves_up_to_the_cap() {
    let mut chain = TestChain::new();
    for lane in 0..65 {
        let mut transaction = chain.transaction(1, transfer(address(2), 1));
        transaction.nonce = Nonce { lane: lane * 1_000, sequence: 0 };
        let status = chain.send(1, transaction).status;
        let expected =
            if lane < 64 { Status::Success } else { Status::Rejected(Rejection::TooManyLanes) };
        assert_eq!(status, expected);
    }
}

#[test]
fn a_block_takes_what_its_gas_allows() {
    let mut chain = TestChain::new();
    let one = chain.transaction(1, transfer(address(2), 1));
    let cost = intrinsic_gas(&one);
    chain.block.parameters.block_gas = Gas(cost.0 * 5 / 2);
    let signed: Vec<SignedTransaction> = (1..=4)
        .map(|number| {
            let mut transaction = chain.transaction(number, transfer(address(2), 1));
            transaction.gas_limit = cost;
            transaction.sign(&key(number))
        })
        .collect();
    let outcome = chain.block(&signed);
    let statuses: Vec<_> = outcome.receipts.into_iter().map(|receipt| receipt.status).collect();
    let full = Status::Rejected(Rejection::BlockGasExhausted);
    assert_eq!(statuses, [Status::Success, Status::Success, full.clone(), full]);
    assert_eq!(outcome.gas_used, Gas(2 * cost.0));
}

/// The second copy of a transaction in a block is a replay.
#[test]
fn a_transaction_executes_once() {
    let mut chain = TestChain::new();
    let signed = chain.transaction(1, transfer(address(2), 1)).sign(&key(1));
    let outcome = chain.block(&[signed.clone(), signed.clone()]);
    let used = Status::Rejected(Rejection::NonceUsed { expected: 1 });
    assert_eq!(outcome.receipts[1].status, used);
    assert_eq!(chain.block(&[signed]).receipts[0].status, used);
}

/// Out of gas leaves the fee and the nonce, and nothing else.
#[test]
fn a_failure_leaves_fee_and_nonce() {
    let mut chain = TestChain::new();
    let contract = chain.deploy(calling(
        "",
        "(call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))
         (call $emit (i32.const 100) (i32.const 4) (i32.const 0) (i32.const 1))
         (loop br 0) i32.const 0",
    ));
    let before = chain.state.clone();
    let account = chain.account(&address(1));
    let receipt = chain.call(contract, &PAY, 1_000);
    assert_eq!(receipt.status, Status::Failed(Failure::OutOfGas));
    assert!(receipt.events.is_empty() && receipt.output.is_empty());
    let mut expected = account;
    expected.balance.0 -= receipt.fee.0;
    expected.lanes.insert(0, 1);
    assert_eq!(chain.account(&address(1)), expected);
    let mine = StateKey::account(&address(1));
    let others = |mut state: BTreeMap<StateKey, Vec<u8>>| {
        state.remove(&mine);
        state
    };
    assert_eq!(others(chain.state), others(before));
}

/// A sequence of pseudo-random transactions, good and bad, gives equal outcomes whenever it is run,
/// on a warm cache and a cold one; and what is gone from the balances is what the receipts say was
/// burnt.
#[test]
fn blocks_are_functions_and_balances_are_conserved() {
    for seed in 1..=20_u64 {
        let (mut first, mut second) = (TestChain::new(), TestChain::new());
        let contracts: Vec<Address> = bodies()
            .into_iter()
            .map(|body| {
                let code = calling("", body);
                let made = first.deploy(code.clone());
                assert_eq!(second.deploy(code), made);
                made
            })
            .collect();
        let supply = |chain: &TestChain| -> u128 {
            let accounts = chain.state.keys().filter(|key| key.namespace == Namespace::Account);
            accounts.map(|key| chain.balance(&Address(key.key.clone().try_into().unwrap()))).sum()
        };
        let mut random = seed;
        for _ in 0..5 {
            let before = supply(&first);
            let signed: Vec<_> =
                (0..8).map(|_| arbitrary(&first, &contracts, &mut random)).collect();
            let outcome = first.block(&signed);
            assert_eq!(outcome, second.block(&signed), "seed {seed}");
            let burnt: u128 = outcome.receipts.iter().map(|receipt| receipt.fee.0).sum();
            assert_eq!(supply(&first), before - burnt, "seed {seed}");
        }
    }
}

/// Keeps what it gets; fails after getting it; gives some of it to the caller; reverts.
fn bodies() -> Vec<&'static str> {
    vec![
        "i32.const 0",
        "unreachable",
        "(call $context (i32.const 0)) (i32.store (i32.const 200) (i32.const 60))
         (drop (call $transfer (i32.const 48) (i32.const 200))) i32.const 0",
        "i32.const 1",
    ]
}

fn arbitrary(chain: &TestChain, contracts: &[Address], random: &mut u64) -> SignedTransaction {
    let mut draw = |below: u64| {
        *random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*random >> 33) % below
    };
    let number = u8::try_from(draw(4) + 1).unwrap();
    let contract = contracts[usize::try_from(draw(4)).unwrap()];
    let value = Amount(u128::from(draw(200)));
    let selector = [RUN, PAY, PAY, PAY, ASK, *b"none"][usize::try_from(draw(6)).unwrap()];
    let action = match draw(4) {
        0 => transfer(address(u8::try_from(draw(6)).unwrap()), u128::from(draw(1 << 52))),
        _ => Action::Call { contract, arguments: selector.to_vec(), value },
    };
    let mut transaction = chain.transaction(number, action);
    // Several of one sender in one block: the lane tells them apart, most of the time.
    transaction.nonce.lane = u32::try_from(draw(10)).unwrap();
    transaction.nonce.sequence =
        chain.account(&transaction.sender.address()).next_sequence(transaction.nonce.lane);
    transaction.gas_limit = Gas(1_000_000_000);
    transaction.gas_price = Amount(u128::from(draw(3)));
    transaction.sign(&key(number))
}
