//! The market and a token, two contracts that call each other.

use market::market::{ABI, Error, MarketClient, Offer, Sold};
use quorate_sdk::abi::Abi;
use quorate_sdk::testing::{Failure, TestChain, contract_test};
use quorate_sdk::{Address, Client, Upgrade};
use token::token::{Error as TokenError, TokenClient};

/// A market, and a seller with 1,000 units of a token that the market may take.
fn open(chain: &mut TestChain) -> (MarketClient, TokenClient, Address) {
    let seller = chain.account("seller");
    let market = chain.deploy(&seller, MarketClient::new());
    let token = chain.deploy(&seller, TokenClient::new(1_000));
    chain.call(&seller, token.approve(market.address(), 1_000)).value();
    (market, token, seller)
}

#[contract_test]
fn what_is_bought_and_what_is_paid_change_hands(chain: &mut TestChain) {
    let (market, token, seller) = open(chain);
    let buyer = chain.account("buyer");
    let number = chain.call(&seller, market.offer(token.address(), 30, 500)).value();
    assert_eq!(chain.query(token.balance_of(market.address())), 30);

    let wrong = chain.call(&buyer, market.buy(number).value(499));
    assert_eq!(wrong.error(), Error::WrongPrice { price: 500 });
    let before = chain.balance(&seller);
    let receipt = chain.call(&buyer, market.buy(number).value(500));
    assert_eq!(receipt.events::<Sold>(), [Sold { seller, buyer, offer: number }]);
    receipt.value();
    assert_eq!(chain.query(token.balance_of(buyer)), 30);
    assert_eq!(chain.query(market.sold()), 1);
    assert_eq!(chain.balance(&seller), before + 500);
    assert_eq!(chain.balance(&market.address()), 0);
    assert_eq!(chain.call(&buyer, market.buy(number).value(500)).error(), Error::NoSuchOffer);
}

/// The token's own error comes through, and all that the market did before is undone.
#[contract_test]
fn what_the_token_refuses_is_refused(chain: &mut TestChain) {
    let (market, token, seller) = open(chain);
    let refused = chain.call(&seller, market.offer(token.address(), 1_001, 1));
    let expected = TokenError::NotAllowed { allowed: 1_000, need: 1_001 };
    assert_eq!(refused.error(), Error::Token(expected));
    assert!(chain.query(market.offers(None, 10)).is_empty());
    // The market itself is no token.
    let refused = chain.call(&seller, market.offer(market.address(), 1, 1));
    assert_eq!(refused.error(), Error::TokenFailed);
}

#[contract_test]
fn each_index_follows_its_values(chain: &mut TestChain) {
    let (market, token, seller) = open(chain);
    let other = chain.account("other");
    chain.call(&seller, token.transfer(other, 100)).value();
    chain.call(&other, token.approve(market.address(), 100)).value();
    for (who, price) in [(&seller, 30), (&other, 10), (&seller, 20), (&other, 1 << 100)] {
        chain.call(who, market.offer(token.address(), 1, price)).value();
    }
    let numbers = |offers: Vec<(u64, Offer)>| -> Vec<u64> {
        offers.into_iter().map(|(number, _)| number).collect()
    };
    assert_eq!(numbers(chain.query(market.cheapest(10))), [1, 2, 0, 3]);
    assert_eq!(numbers(chain.query(market.below(30, 10))), [2, 1]);
    assert_eq!(chain.query(market.of_seller(seller)), [0, 2]);
    assert_eq!(numbers(chain.query(market.offers(Some(0), 2))), [1, 2]);

    assert_eq!(chain.call(&other, market.reprice(0, 5)).error(), Error::NotTheSeller);
    chain.call(&seller, market.reprice(0, 5)).value();
    assert_eq!(numbers(chain.query(market.cheapest(10))), [0, 1, 2, 3]);
    chain.call(&other, market.withdraw(1)).value();
    assert_eq!(numbers(chain.query(market.cheapest(2))), [0, 2]);
    assert_eq!(chain.query(market.of_seller(other)), [3]);
    assert_eq!(chain.query(token.balance_of(other)), 99);
}

/// The module of this source, but for the version that it says its state has.
fn module_of_version_1() -> Vec<u8> {
    let module = include_bytes!("../market.wasm");
    let mut abi = Abi::from_module(module).expect("it describes itself");
    abi.state_version = 1;
    abi.embed(module).expect("it is a module")
}

#[contract_test]
fn an_earlier_version_is_migrated_once(chain: &mut TestChain) {
    let [alice, bob] = ["alice", "bob"].map(|name| chain.account(name));
    let old = chain.store_module(module_of_version_1());
    let market = chain.try_deploy_code(&alice, &old, MarketClient::new()).value();
    let token = chain.deploy(&alice, TokenClient::new(1_000));
    chain.call(&alice, token.approve(market.address(), 1_000)).value();
    chain.call(&alice, market.offer(token.address(), 10, 3)).value();

    let migration = || MarketClient::from_version_1(7);
    let refused = chain.upgrade(&bob, &market.address(), migration());
    assert_eq!(refused.failure(), Failure::NotAdmin);
    let market = chain.upgrade(&alice, &market.address(), migration()).value();
    assert_eq!(chain.query(market.sold()), 7);
    // What was stored before is still there.
    chain.call(&bob, market.buy(0).value(3)).value();
    assert_eq!(chain.query(market.sold()), 8);

    // The same code again brings no migration with it.
    let refused = chain.upgrade(&alice, &market.address(), migration());
    assert_eq!(refused.failure(), Failure::UnknownMethod);
    chain.upgrade(&alice, &market.address(), Upgrade::<MarketClient>::in_place()).value();
    chain.set_admin(&alice, &market.address(), None).value();
    let refused = chain.upgrade(&alice, &market.address(), Upgrade::<MarketClient>::in_place());
    assert_eq!(refused.failure(), Failure::NotAdmin);
}

/// Fails when `market.wasm` is not of this source's interface. Renew it with
/// `cargo run -p quorate-contract-build --example build -- contracts/market`.
#[test]
fn the_module_describes_this_source() {
    let module = include_bytes!("../market.wasm");
    assert_eq!(Abi::from_module(module), Abi::decode(&ABI));
}
