//! Tests of the contract on a chain, which `quorate contract test` runs: each natively, where a
//! debugger stops in the contract, and as WebAssembly. What there is to test with stands at the top
//! of `vendor/sdk/src/testing/mod.rs`.

use quorate_sdk::testing::{TestChain, contract_test};
use {{module}}::{{module}}::{Counted, Error, StateClient};

#[contract_test]
fn it_counts_for_everyone(chain: &mut TestChain) {
    let [alice, bob] = ["alice", "bob"].map(|name| chain.account(name));
    let counter = chain.deploy(&alice, StateClient::new(5));
    assert_eq!(chain.call(&alice, counter.add(1)).value(), 6);

    let receipt = chain.call(&bob, counter.add(2));
    assert_eq!(receipt.events::<Counted>(), [Counted { by: bob, count: 8 }]);
    assert_eq!(receipt.value(), 8);
    assert_eq!(chain.query(counter.get()), 8);
    assert_eq!(chain.query(counter.added_by(bob)), 2);
}

#[contract_test]
fn only_the_owner_sets_it_back(chain: &mut TestChain) {
    let [alice, bob] = ["alice", "bob"].map(|name| chain.account(name));
    let counter = chain.deploy(&alice, StateClient::new(5));
    let refused = chain.call(&bob, counter.reset());
    assert_eq!(refused.error(), Error::NotTheOwner { owner: alice });
    assert_eq!(chain.query(counter.get()), 5);

    chain.call(&alice, counter.reset()).value();
    assert_eq!(chain.query(counter.get()), 0);
}
