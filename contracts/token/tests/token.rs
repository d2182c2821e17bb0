//! The token, as its users see it.

use quorate_sdk::Client;
use quorate_sdk::abi::Abi;
use quorate_sdk::testing::{Failure, TestChain, contract_test};
use token::token::{ABI, Approval, Error, TokenClient, Transfer};

#[contract_test]
fn units_change_hands(chain: &mut TestChain) {
    let [alice, bob] = ["alice", "bob"].map(|name| chain.account(name));
    let token = chain.deploy(&alice, TokenClient::new(100));
    assert_eq!(chain.query(token.balance_of(alice)), 100);

    let receipt = chain.call(&alice, token.transfer(bob, 40));
    let expected = Transfer { from: alice, to: bob, amount: 40 };
    assert_eq!(receipt.events::<Transfer>(), [expected]);
    receipt.value();
    assert_eq!(chain.query(token.balance_of(alice)), 60);
    assert_eq!(chain.query(token.balance_of(bob)), 40);
    assert_eq!(chain.query(token.supply()), 100);
}

#[contract_test]
fn more_than_there_is_is_refused_and_changes_nothing(chain: &mut TestChain) {
    let [alice, bob] = ["alice", "bob"].map(|name| chain.account(name));
    let token = chain.deploy(&alice, TokenClient::new(100));
    let receipt = chain.call(&alice, token.transfer(bob, 101));
    assert!(receipt.events::<Transfer>().is_empty());
    assert_eq!(receipt.error(), Error::Insufficient { have: 100, need: 101 });
    assert_eq!(chain.query(token.balance_of(bob)), 0);
    // Sending to oneself neither makes units nor needs more than there are.
    chain.call(&alice, token.transfer(alice, 100)).value();
    assert_eq!(chain.query(token.balance_of(alice)), 100);
}

#[contract_test]
fn a_spender_takes_what_it_is_allowed(chain: &mut TestChain) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| chain.account(name));
    let token = chain.deploy(&alice, TokenClient::new(100));
    let receipt = chain.call(&alice, token.approve(bob, 30));
    let expected = Approval { owner: alice, spender: bob, amount: 30 };
    assert_eq!(receipt.events::<Approval>(), [expected]);
    receipt.value();

    chain.call(&bob, token.transfer_from(alice, carol, 20)).value();
    assert_eq!(chain.query(token.allowance(alice, bob)), 10);
    assert_eq!(chain.query(token.balance_of(carol)), 20);
    let refused = chain.call(&bob, token.transfer_from(alice, carol, 11));
    assert_eq!(refused.error(), Error::NotAllowed { allowed: 10, need: 11 });

    // An allowance is not a balance.
    chain.call(&alice, token.approve(bob, u128::MAX)).value();
    let refused = chain.call(&bob, token.transfer_from(alice, carol, 81));
    assert_eq!(refused.error(), Error::Insufficient { have: 80, need: 81 });
    assert_eq!(chain.query(token.allowance(alice, bob)), u128::MAX);
}

#[contract_test]
fn only_minters_mint_and_only_the_owner_makes_minters(chain: &mut TestChain) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| chain.account(name));
    let token = chain.deploy(&alice, TokenClient::new(0));
    assert_eq!(chain.call(&alice, token.mint(alice, 1)).error(), Error::NotAMinter);
    assert_eq!(chain.call(&bob, token.add_minter(bob)).error(), Error::NotTheOwner);

    chain.call(&alice, token.add_minter(bob)).value();
    chain.call(&alice, token.add_minter(carol)).value();
    let mut minters = [bob, carol];
    minters.sort();
    assert_eq!(chain.query(token.minters(None, 10)), minters);
    assert_eq!(chain.query(token.minters(Some(minters[0]), 10)), [minters[1]]);
    chain.call(&bob, token.mint(carol, 7)).value();
    assert_eq!(chain.query(token.supply()), 7);

    chain.call(&alice, token.remove_minter(bob)).value();
    assert_eq!(chain.call(&bob, token.mint(carol, 1)).error(), Error::NotAMinter);
}

#[contract_test]
fn the_supply_is_what_a_number_can_hold(chain: &mut TestChain) {
    let alice = chain.account("alice");
    let token = chain.deploy(&alice, TokenClient::new(u128::MAX));
    chain.call(&alice, token.add_minter(alice)).value();
    assert_eq!(chain.call(&alice, token.mint(alice, 1)).error(), Error::TooMany);
    chain.call(&alice, token.burn(u128::MAX)).value();
    assert_eq!(chain.query(token.supply()), 0);
    chain.call(&alice, token.mint(alice, 1)).value();
    assert_eq!(chain.query(token.balance_of(alice)), 1);
}

#[contract_test]
fn holders_come_in_pages(chain: &mut TestChain) {
    let alice = chain.account("alice");
    let token = chain.deploy(&alice, TokenClient::new(1_000));
    let names: Vec<String> = (0..30).map(|number| format!("holder {number}")).collect();
    let mut expected = vec![(alice, 1_000 - 30)];
    for name in &names {
        let holder = chain.account(name);
        chain.call(&alice, token.transfer(holder, 1)).value();
        expected.push((holder, 1));
    }
    expected.sort();
    let mut seen = Vec::new();
    loop {
        let after = seen.last().map(|(holder, _)| *holder);
        let page = chain.query(token.holders(after, 7));
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    assert_eq!(seen, expected);
}

/// The host refuses what no method declares, whatever the contract's code would do.
#[contract_test]
fn no_method_takes_native_units(chain: &mut TestChain) {
    let alice = chain.account("alice");
    let token = chain.deploy(&alice, TokenClient::new(1));
    let refused = chain.call(&alice, token.transfer(alice, 1).value(5));
    assert_eq!(refused.failure(), Failure::NotPayable);
    let nobody = TokenClient::at(alice);
    assert_eq!(chain.call(&alice, nobody.burn(1)).failure(), Failure::UnknownContract);
}

/// Gas is real only as WebAssembly, so this is no contract test.
#[test]
fn a_transfer_has_its_price() {
    let mut chain = TestChain::new();
    let [alice, bob] = ["alice", "bob"].map(|name| chain.account(name));
    let token = chain.deploy(&alice, TokenClient::new(100));
    let receipt = chain.call(&alice, token.transfer(bob, 1));
    let gas = receipt.gas_used();
    assert!((100_000_000..400_000_000).contains(&gas), "{gas}");
    let starved = chain.call(&alice, token.transfer(bob, 1).gas(gas - 1));
    assert_eq!(starved.failure(), Failure::OutOfGas);
    assert_eq!(chain.query(token.balance_of(bob)), 1);
}

/// Fails when `token.wasm` is not of this source's interface. Renew it with
/// `cargo run -p quorate-contract-build --example build -- contracts/token`.
#[test]
fn the_module_describes_this_source() {
    let module = include_bytes!("../token.wasm");
    assert_eq!(Abi::from_module(module), Abi::decode(&ABI));
}
