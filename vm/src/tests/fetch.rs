//! What a transaction pays for the code that it calls, and when.

use std::sync::Arc;

use primitives::receipt::{Failure, Status};
use primitives::state_key::CodeInfo;
use primitives::{Action, Address, Amount, Domain, Gas, Hash, Receipt, StateKey, codec};

use super::artifacts::Memory;
use crate::testing::{RUN, TestChain, calling, key, text_bytes};
use crate::{ExecutorOptions, cost, intrinsic_gas};

/// A chain that keeps no module in memory.
fn forgetting(artifacts: &Arc<Memory>) -> TestChain {
    let artifacts = Some(Arc::<Memory>::clone(artifacts) as _);
    TestChain::with(ExecutorOptions { cache_bytes_max: 0, artifacts, ..Default::default() })
}

/// Contracts of so many codes, which differ in a number.
fn many(chain: &mut TestChain, count: u32) -> Vec<Address> {
    let code = |number| calling(&format!("(global i32 (i32.const {number}))"), "i32.const 0");
    (0..count).map(|number| chain.deploy(code(number))).collect()
}

/// A contract that calls these, one after the other.
fn caller(chain: &mut TestChain, contracts: &[Address]) -> Address {
    let (mut extra, mut body) = (String::new(), String::new());
    for (number, contract) in contracts.iter().enumerate() {
        let at = 1_000 + 40 * number;
        extra += &format!("(data (i32.const {at}) \"{}{}\")", text_bytes(&contract.0), "run_");
        let (input, none) = (at + 32, "(i32.const 0)");
        body += &format!(
            "(if (i64.ne (i64.const 0) (i64.shr_u (call $call (i32.const {at}) (i32.const {input})
                (i32.const 4) {none} (i64.const 0) {none}) (i64.const 32))) (then unreachable))"
        );
    }
    chain.deploy(calling(&extra, &format!("{body} i32.const 0")))
}

fn fetch_gas(chain: &TestChain, contract: &Address) -> u64 {
    let info = chain.state.get(&StateKey::contract(contract)).unwrap();
    let info: primitives::state_key::ContractInfo = codec::decode(info, 1 << 10).unwrap();
    let info = chain.state.get(&StateKey::code_info(&info.code)).unwrap();
    codec::decode::<CodeInfo>(info, 1 << 10).unwrap().fetch_gas.0
}

fn call(chain: &TestChain, contract: Address, gas: Gas) -> Receipt {
    let action = Action::Call { contract, arguments: RUN.to_vec(), value: Amount::ZERO };
    let transaction = primitives::Transaction { gas_limit: gas, ..chain.transaction(1, action) };
    chain.try_block(&[transaction.sign(&key(1))]).receipts.remove(0)
}

const PLENTY: Gas = Gas(50_000_000_000);

/// Called again it is free, until sixteen others were called.
#[test]
fn code_is_paid_when_a_transaction_calls_it_and_again_when_many_others_were_called_since() {
    let mut chain = TestChain::new();
    let contracts = many(&mut chain, 17);
    let first = fetch_gas(&chain, &contracts[0]);
    assert!(first > cost::FETCH);
    let mut used = |calls: &[Address]| {
        let contract = caller(&mut chain, calls);
        let receipt = call(&chain, contract, PLENTY);
        assert_eq!(receipt.status, Status::Success);
        receipt.gas_used.0 - fetch_gas(&chain, &contract)
    };
    let once = used(&contracts[..1]);
    let again = used(&[contracts[0], contracts[0]]) - once;
    assert!(again < cost::FETCH, "{again}");
    // The caller itself is one of the sixteen.
    let fifteen = used(&contracts[..15]);
    let and_the_first = used(&[&contracts[..15], &contracts[..1]].concat()) - fifteen;
    assert!(and_the_first.abs_diff(again) < 1_000_000, "{and_the_first}");
    let seventeen = used(&contracts);
    let and_the_first = used(&[&contracts[..], &contracts[..1]].concat()) - seventeen;
    assert!(and_the_first.abs_diff(again + first) < 1_000_000, "{and_the_first}");
}

#[test]
fn gas_is_the_same_wherever_the_code_is() {
    let artifacts = Arc::default();
    let [remembers, forgets] = [TestChain::new(), forgetting(&artifacts)].map(|mut chain| {
        let contracts = many(&mut chain, 20);
        let contract = caller(&mut chain, &[&contracts[..], &contracts[..]].concat());
        [call(&chain, contract, PLENTY), call(&chain, contract, Gas(1_400_000_000))]
    });
    assert_eq!(remembers, forgets);
    assert_eq!(remembers[0].status, Status::Success);
}

/// Nobody's call is cheaper because of who called before.
#[test]
fn each_transaction_pays_for_itself() {
    let mut chain = TestChain::new();
    let contract = many(&mut chain, 1)[0];
    let action = Action::Call { contract, arguments: RUN.to_vec(), value: Amount::ZERO };
    let signed = [1, 2].map(|number| chain.transaction(number, action.clone()).sign(&key(number)));
    let receipts = chain.try_block(&signed).receipts;
    assert_eq!(receipts[0].status, Status::Success);
    assert_eq!(receipts[0].gas_used, receipts[1].gas_used);
}

/// Nobody makes a node read code that is not paid for.
#[test]
fn nothing_is_fetched_without_its_gas() {
    let artifacts = Arc::<Memory>::default();
    let mut chain = forgetting(&artifacts);
    let contract = many(&mut chain, 1)[0];
    let action = Action::Call { contract, arguments: RUN.to_vec(), value: Amount::ZERO };
    let enough = intrinsic_gas(&chain.transaction(1, action)).0 + fetch_gas(&chain, &contract);
    let loads = artifacts.loads();
    let receipt = call(&chain, contract, Gas(enough - 1));
    assert_eq!(receipt.status, Status::Failed(Failure::OutOfGas));
    assert_eq!((receipt.gas_used, artifacts.loads()), (Gas(enough - 1), loads));
    call(&chain, contract, Gas(enough));
    assert_eq!(artifacts.loads(), loads + 1);
}

/// What was compiled once needs neither the compiler nor the code.
#[test]
fn kept_code_is_run_without_reading_what_was_uploaded() {
    let artifacts = Arc::<Memory>::default();
    let mut chain = forgetting(&artifacts);
    let contract = many(&mut chain, 1)[0];
    let before = call(&chain, contract, PLENTY);
    chain.state.retain(|key, _| key.namespace != primitives::Namespace::Code);
    assert_eq!(call(&chain, contract, PLENTY), before);
    assert_eq!((before.status, artifacts.count()), (Status::Success, 1));
}

/// The longer the code, and the more there is in it, the dearer.
#[test]
fn larger_code_is_dearer() {
    let gas = |extra: &str| {
        let code = calling(extra, "i32.const 0");
        let (hash, changes) = crate::code_changes(code.clone());
        assert_eq!(hash, Hash::of_bytes(Domain::Code, &code));
        let info: CodeInfo = codec::decode(&changes[0].1, 1 << 10).unwrap();
        assert_eq!(info.bytes as usize, code.len());
        info.fetch_gas.0
    };
    let small = gas("");
    let parts = [
        "(type (func (param i64 i64 i64 i64)))",
        "(func)",
        "(global i32 (i32.const 0))",
        "(func call 0)",
        "(func nop)",
    ];
    for part in parts {
        let (one, two) = (gas(part), gas(&part.repeat(2)));
        assert!(small < one && one < two, "{part}: {small} {one} {two}");
    }
    assert!(gas("(func (br 0))") > gas("(func nop)"));
}
