//! The counter on a chain, and the module that stands beside its source.

use counter::counter::{ABI, CounterClient};
use quorate_sdk::abi::Abi;
use quorate_sdk::testing::{Failure, TestChain, contract_test};

#[contract_test]
fn it_counts(chain: &mut TestChain) {
    let alice = chain.account("alice");
    let counter = chain.deploy(&alice, CounterClient::new(40));
    assert_eq!(chain.call(&alice, counter.inc()).value(), 41);
    assert_eq!(chain.call(&alice, counter.add(1)).value(), 42);
    assert_eq!(chain.query(counter.get()), 42);
}

/// Blocks follow each other a second apart, and later when the test says so.
#[contract_test]
fn time_is_the_chains_own(chain: &mut TestChain) {
    let alice = chain.account("alice");
    let (height, time) = (chain.height(), chain.time_ms());
    let counter = chain.deploy(&alice, CounterClient::new(0));
    assert_eq!((chain.height(), chain.time_ms()), (height + 1, time + 1_000));
    chain.advance_ms(60_000);
    chain.advance_blocks(2);
    assert_eq!((chain.height(), chain.time_ms()), (height + 3, time + 63_000));
    chain.call(&alice, counter.inc()).value();
    assert_eq!((chain.height(), chain.time_ms()), (height + 4, time + 64_000));
}

/// Arithmetic is checked, and the receipt says where it went wrong.
#[contract_test]
fn an_overflow_ends_the_call_and_is_undone(chain: &mut TestChain) {
    let alice = chain.account("alice");
    let counter = chain.deploy(&alice, CounterClient::new(u64::MAX));
    let Failure::Panicked(message) = chain.call(&alice, counter.inc()).failure() else {
        panic!("an overflow panics");
    };
    assert!(message.starts_with("attempt to add with overflow, "), "{message}");
    assert!(message.contains("src/lib.rs:"), "{message}");
    assert_eq!(chain.query(counter.get()), u64::MAX);
}

/// Fails when `counter.wasm` is not of this source's interface. Renew it with
/// `cargo run -p quorate-contract-build --example build -- contracts/counter`.
#[test]
fn the_module_describes_this_source() {
    let module = include_bytes!("../counter.wasm");
    assert_eq!(Abi::from_module(module), Abi::decode(&ABI));
}
