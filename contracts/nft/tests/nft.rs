//! The tokens, as their owners see them.

use nft::nft::{ABI, Approval, ApprovalForAll, Error, NftClient, Token, Transfer};
use quorate_sdk::abi::Abi;
use quorate_sdk::testing::{Failure, TestChain, contract_test};
use quorate_sdk::{Address, Client};

/// A contract of alice's, and a token of bob's with the number 1.
fn open(chain: &mut TestChain) -> (NftClient, [Address; 4]) {
    let accounts = ["alice", "bob", "carol", "dave"].map(|name| chain.account(name));
    let nft = chain.deploy(&accounts[0], NftClient::new());
    assert_eq!(chain.call(&accounts[0], nft.mint(accounts[1], "uri:1".into())).value(), 1);
    (nft, accounts)
}

fn owner_of(chain: &mut TestChain, nft: NftClient, token: u64) -> Option<Address> {
    chain.query(nft.token(token)).map(|token| token.owner)
}

#[contract_test]
fn only_the_owner_of_the_contract_mints(chain: &mut TestChain) {
    let (nft, [alice, bob, ..]) = open(chain);
    let receipt = chain.call(&alice, nft.mint(bob, "uri:2".into()));
    let expected = Transfer { from: Address::default(), to: bob, token: 2 };
    assert_eq!(receipt.events::<Transfer>(), [expected]);
    assert_eq!(receipt.value(), 2);
    let expected = Token { owner: bob, approved: None, uri: "uri:2".into() };
    assert_eq!(chain.query(nft.token(2)), Some(expected));

    let refused = chain.call(&bob, nft.mint(bob, "uri:3".into()));
    assert_eq!(refused.error(), Error::NotTheOwner);
    let refused = chain.call(&alice, nft.mint(Address::default(), "uri:3".into()));
    assert_eq!(refused.error(), Error::ZeroAddress);
    assert_eq!(chain.query(nft.supply()), 2);
    // What was refused took no number.
    assert_eq!(chain.call(&alice, nft.mint(bob, String::new())).value(), 3);
}

/// Who owns the contract has no right to what it has minted.
#[contract_test]
fn a_token_is_its_owners_to_transfer(chain: &mut TestChain) {
    let (nft, [alice, bob, carol, _]) = open(chain);
    for stranger in [alice, carol] {
        let refused = chain.call(&stranger, nft.transfer(1, stranger));
        assert_eq!(refused.error(), Error::NotAllowed);
        assert_eq!(chain.call(&stranger, nft.burn(1)).error(), Error::NotAllowed);
        let refused = chain.call(&stranger, nft.approve(1, Some(stranger)));
        assert_eq!(refused.error(), Error::NotAllowed);
    }
    let refused = chain.call(&bob, nft.transfer(1, Address::default()));
    assert_eq!(refused.error(), Error::ZeroAddress);
    assert_eq!(chain.call(&bob, nft.transfer(2, carol)).error(), Error::NoSuchToken);
    assert_eq!(owner_of(chain, nft, 1), Some(bob));

    let receipt = chain.call(&bob, nft.transfer(1, carol));
    assert_eq!(receipt.events::<Transfer>(), [Transfer { from: bob, to: carol, token: 1 }]);
    receipt.value();
    assert_eq!(owner_of(chain, nft, 1), Some(carol));
    assert_eq!(chain.call(&bob, nft.transfer(1, bob)).error(), Error::NotAllowed);
    assert_eq!(chain.query(nft.balance_of(bob)), 0);
    assert_eq!(chain.query(nft.balance_of(carol)), 1);
}

#[contract_test]
fn an_approval_is_for_one_token_and_one_transfer(chain: &mut TestChain) {
    let (nft, [alice, bob, carol, dave]) = open(chain);
    chain.call(&alice, nft.mint(bob, String::new())).value();
    let receipt = chain.call(&bob, nft.approve(1, Some(carol)));
    let expected = Approval { owner: bob, approved: Some(carol), token: 1 };
    assert_eq!(receipt.events::<Approval>(), [expected]);
    receipt.value();
    assert_eq!(chain.call(&carol, nft.transfer(2, carol)).error(), Error::NotAllowed);
    // Who is approved may not approve others.
    assert_eq!(chain.call(&carol, nft.approve(1, Some(dave))).error(), Error::NotAllowed);

    chain.call(&carol, nft.transfer(1, dave)).value();
    assert_eq!(chain.query(nft.token(1)).and_then(|token| token.approved), None);
    assert_eq!(chain.call(&carol, nft.transfer(1, carol)).error(), Error::NotAllowed);

    // A transfer to oneself ends an approval too, and so does another one.
    chain.call(&bob, nft.approve(2, Some(carol))).value();
    chain.call(&bob, nft.transfer(2, bob)).value();
    assert_eq!(chain.call(&carol, nft.burn(2)).error(), Error::NotAllowed);
    chain.call(&bob, nft.approve(2, Some(carol))).value();
    chain.call(&bob, nft.approve(2, None)).value();
    assert_eq!(chain.call(&carol, nft.burn(2)).error(), Error::NotAllowed);
}

#[contract_test]
fn an_operator_acts_for_an_owner_until_it_is_removed(chain: &mut TestChain) {
    let (nft, [alice, bob, carol, dave]) = open(chain);
    let receipt = chain.call(&bob, nft.add_operator(carol));
    let expected = ApprovalForAll { owner: bob, operator: carol, approved: true };
    assert_eq!(receipt.events::<ApprovalForAll>(), [expected]);
    receipt.value();
    assert!(chain.query(nft.is_operator(bob, carol)));
    assert!(!chain.query(nft.is_operator(carol, bob)));

    // For tokens that come later too, but not for those that are others' by then.
    chain.call(&alice, nft.mint(bob, String::new())).value();
    chain.call(&carol, nft.approve(2, Some(dave))).value();
    chain.call(&carol, nft.transfer(1, dave)).value();
    assert_eq!(chain.call(&carol, nft.transfer(1, carol)).error(), Error::NotAllowed);

    chain.call(&bob, nft.remove_operator(carol)).value();
    assert!(!chain.query(nft.is_operator(bob, carol)));
    assert_eq!(chain.call(&carol, nft.burn(2)).error(), Error::NotAllowed);
    chain.call(&dave, nft.burn(2)).value();
}

#[contract_test]
fn what_is_burnt_is_gone_for_good(chain: &mut TestChain) {
    let (nft, [alice, bob, ..]) = open(chain);
    let receipt = chain.call(&bob, nft.burn(1));
    let expected = Transfer { from: bob, to: Address::default(), token: 1 };
    assert_eq!(receipt.events::<Transfer>(), [expected]);
    receipt.value();
    assert_eq!(chain.query(nft.token(1)), None);
    assert_eq!(chain.query(nft.supply()), 0);
    assert!(chain.query(nft.tokens_of(bob, None, 10)).is_empty());
    assert_eq!(chain.call(&bob, nft.burn(1)).error(), Error::NoSuchToken);
    assert_eq!(chain.call(&bob, nft.approve(1, Some(bob))).error(), Error::NoSuchToken);
    assert_eq!(chain.call(&alice, nft.mint(bob, String::new())).value(), 2);
}

/// Pages end with the owner's tokens, also where another owner's follow.
#[contract_test]
fn an_owners_tokens_come_in_pages(chain: &mut TestChain) {
    let (nft, accounts) = open(chain);
    let mut expected = vec![Vec::new(); accounts.len()];
    expected[1].push(1);
    for number in 2..=20 {
        let to = usize::try_from(number).expect("it is small") % 3;
        let minted = chain.call(&accounts[0], nft.mint(accounts[to], String::new())).value();
        assert_eq!(minted, number);
        expected[to].push(number);
    }
    for (account, expected) in accounts.iter().zip(expected) {
        for limit in [1, 3, 100] {
            let mut seen: Vec<u64> = Vec::new();
            // Each page but the last has one token at least.
            for _ in 0..=expected.len() {
                let after = seen.last().copied();
                seen.extend(chain.query(nft.tokens_of(*account, after, limit)));
            }
            assert_eq!(seen, expected);
        }
        assert!(chain.query(nft.tokens_of(*account, None, 0)).is_empty());
        assert!(chain.query(nft.tokens_of(*account, Some(u64::MAX), 9)).is_empty());
    }
    let all: Vec<u64> = chain.query(nft.tokens(Some(4), 3)).iter().map(|(n, _)| *n).collect();
    assert_eq!(all, [5, 6, 7]);
}

#[contract_test]
fn no_method_takes_native_units(chain: &mut TestChain) {
    let (nft, [_, bob, ..]) = open(chain);
    let refused = chain.call(&bob, nft.transfer(1, bob).value(5));
    assert_eq!(refused.failure(), Failure::NotPayable);
    assert_eq!(chain.balance(&nft.address()), 0);
}

/// Fails when `nft.wasm` is not of this source's interface. Renew it with
/// `cargo run -p quorate-contract-build --example build -- contracts/nft`.
#[test]
fn the_module_describes_this_source() {
    let module = include_bytes!("../nft.wasm");
    assert_eq!(Abi::from_module(module), Abi::decode(&ABI));
}
