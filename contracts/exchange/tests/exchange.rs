//! The exchange and its two tokens.

use exchange::exchange::{
    ABI, Added, Error, ExchangeClient, LOCKED_SHARES, Portion, RESERVE_MAX, Removed, Swapped,
};
use quorate_sdk::abi::Abi;
use quorate_sdk::testing::{Failure, TestChain, contract_test};
use quorate_sdk::{Address, Client};
use token::token::{Error as TokenError, TokenClient};

struct Opened {
    exchange: ExchangeClient,
    a: TokenClient,
    b: TokenClient,
    alice: Address,
}

/// An exchange that may take all units of both tokens, which are alice's.
fn open(chain: &mut TestChain, supply: u128) -> Opened {
    let alice = chain.account("alice");
    let [a, b] = [0; 2].map(|_| chain.deploy(&alice, TokenClient::new(supply)));
    let exchange = chain.deploy(&alice, ExchangeClient::new(a.address(), b.address()));
    for token in [a, b] {
        chain.call(&alice, token.approve(exchange.address(), u128::MAX)).value();
    }
    Opened { exchange, a, b, alice }
}

/// An account with units of both tokens that the exchange may take.
fn trader(chain: &mut TestChain, opened: &Opened, name: &str, amount: u128) -> Address {
    let trader = chain.account(name);
    for token in [opened.a, opened.b] {
        chain.call(&opened.alice, token.transfer(trader, amount)).value();
        chain.call(&trader, token.approve(opened.exchange.address(), amount)).value();
    }
    trader
}

#[contract_test]
fn liquidity_comes_and_goes_for_shares(chain: &mut TestChain) {
    let opened @ Opened { exchange, a, b, alice } = &open(chain, 1_000_000);
    assert_eq!(chain.query(exchange.tokens()), (a.address(), b.address()));
    let first = Portion { shares: 20_000, amount_a: 10_000, amount_b: 40_000 };
    assert_eq!(chain.query(exchange.quote_add(10_000, 40_000)), first);
    let receipt = chain.call(alice, exchange.add_liquidity(10_000, 40_000, 19_000));
    assert_eq!(receipt.events::<Added>(), [Added { provider: *alice, portion: first.clone() }]);
    assert_eq!(receipt.value(), first);
    assert_eq!(chain.query(exchange.shares_of(*alice)), 19_000);
    assert_eq!(chain.query(exchange.supply()), 19_000 + LOCKED_SHARES);

    // The ratio is kept, whatever is offered; the rest is not taken.
    let bob = trader(chain, opened, "bob", 10_000);
    let second = chain.call(&bob, exchange.add_liquidity(10_000, 4_001, 2_000)).value();
    assert_eq!(second, Portion { shares: 2_000, amount_a: 1_000, amount_b: 4_000 });
    assert_eq!(chain.query(a.balance_of(bob)), 9_000);
    assert_eq!(chain.query(exchange.reserves()), (11_000, 44_000));

    let receipt = chain.call(&bob, exchange.remove_liquidity(2_000, 1_000, 4_000));
    assert_eq!(receipt.events::<Removed>(), [Removed { provider: bob, portion: second }]);
    receipt.value();
    assert_eq!(chain.query(b.balance_of(bob)), 10_000);
    assert_eq!(chain.query(exchange.shares_of(bob)), 0);
}

#[contract_test]
fn a_swap_gives_what_was_quoted_and_leaves_the_fee(chain: &mut TestChain) {
    let opened @ Opened { exchange, a, b, alice } = &open(chain, 10_000_000);
    chain.call(alice, exchange.add_liquidity(1_000_000, 2_000_000, 0)).value();
    let bob = trader(chain, opened, "bob", 100_000);
    // 99,700 of 100,000 count: 2,000,000 · 99,700 / 1,099,700.
    assert_eq!(chain.query(exchange.quote_swap(a.address(), 100_000)), 181_322);
    let receipt = chain.call(&bob, exchange.swap(a.address(), 100_000, 181_322));
    let expected =
        Swapped { trader: bob, token_in: a.address(), amount_in: 100_000, amount_out: 181_322 };
    assert_eq!(receipt.events::<Swapped>(), [expected]);
    assert_eq!(receipt.value(), 181_322);
    assert_eq!(chain.query(a.balance_of(bob)), 0);
    assert_eq!(chain.query(b.balance_of(bob)), 281_322);
    assert_eq!(chain.query(exchange.reserves()), (1_100_000, 1_818_678));

    // The way back costs the fee again.
    chain.call(&bob, b.approve(exchange.address(), 181_322)).value();
    let back = chain.call(&bob, exchange.swap(b.address(), 181_322, 0)).value();
    assert!((99_400..99_500).contains(&back), "{back}");
}

#[contract_test]
fn nobody_gets_less_than_it_asked_for(chain: &mut TestChain) {
    let Opened { exchange, a, alice, .. } = open(chain, 10_000_000);
    let refused = chain.call(&alice, exchange.add_liquidity(10_000, 10_000, 9_001));
    assert_eq!(refused.error(), Error::BelowMinimum { amount: 9_000 });
    chain.call(&alice, exchange.add_liquidity(10_000, 10_000, 9_000)).value();
    let refused = chain.call(&alice, exchange.swap(a.address(), 1_000, 907));
    assert_eq!(refused.error(), Error::BelowMinimum { amount: 906 });
    for least in [(1_001, 0), (0, 1_001)] {
        let refused = chain.call(&alice, exchange.remove_liquidity(1_000, least.0, least.1));
        assert_eq!(refused.error(), Error::BelowMinimum { amount: 1_000 });
    }
    assert_eq!(chain.query(exchange.reserves()), (10_000, 10_000));
}

#[contract_test]
fn only_own_shares_are_removed_and_the_locked_ones_never(chain: &mut TestChain) {
    let Opened { exchange, alice, .. } = open(chain, 20_000);
    let bob = chain.account("bob");
    chain.call(&alice, exchange.add_liquidity(10_000, 10_000, 0)).value();
    let refused = chain.call(&bob, exchange.remove_liquidity(1, 0, 0));
    assert_eq!(refused.error(), Error::InsufficientShares { have: 0, need: 1 });
    let refused = chain.call(&alice, exchange.remove_liquidity(9_001, 0, 0));
    assert_eq!(refused.error(), Error::InsufficientShares { have: 9_000, need: 9_001 });
    assert_eq!(chain.call(&bob, exchange.remove_liquidity(0, 0, 0)).error(), Error::TooLittle);
    chain.call(&alice, exchange.remove_liquidity(9_000, 9_000, 9_000)).value();
    assert_eq!(chain.query(exchange.reserves()), (1_000, 1_000));
    // So it is never the first deposit again.
    let portion = chain.call(&alice, exchange.add_liquidity(1, 1, 1)).value();
    assert_eq!(portion.shares, 1);
}

#[contract_test]
fn what_makes_no_sense_is_refused(chain: &mut TestChain) {
    let Opened { exchange, a, b, alice } = open(chain, 10_000);
    let same = chain.try_deploy(&alice, ExchangeClient::new(a.address(), a.address()));
    assert_eq!(same.error(), Error::SameToken);
    // Nothing is there yet.
    let empty = chain.call(&alice, exchange.swap(a.address(), 1, 0));
    assert_eq!(empty.error(), Error::TooLittle);
    for (most_a, most_b) in [(0, 10_000), (10_000, 0), (1_000, 1_000)] {
        let refused = chain.call(&alice, exchange.add_liquidity(most_a, most_b, 0));
        assert_eq!(refused.error(), Error::TooLittle);
    }
    chain.call(&alice, exchange.add_liquidity(5_000, 500, 0)).value();

    for (token, amount) in [(a, 0), (b, 0), (a, 1)] {
        let refused = chain.call(&alice, exchange.swap(token.address(), amount, 0));
        assert_eq!(refused.error(), Error::TooLittle);
    }
    // A unit of the first token is not worth a share.
    let refused = chain.call(&alice, exchange.add_liquidity(1, 1, 0));
    assert_eq!(refused.error(), Error::TooLittle);
    let refused = chain.call(&alice, exchange.swap(exchange.address(), 1, 0));
    assert_eq!(refused.error(), Error::UnknownToken);
    let refused = chain.call(&alice, exchange.swap(a.address(), 1, 0).value(1));
    assert_eq!(refused.failure(), Failure::NotPayable);
}

/// Units that nobody deposited are nobody's: they make no share dearer and move no price.
#[contract_test]
fn a_gift_inflates_nothing(chain: &mut TestChain) {
    let opened @ Opened { exchange, a, b, alice } = &open(chain, 1 << 100);
    chain.call(alice, exchange.add_liquidity(1_024, 1_024, 24)).value();
    let bob = trader(chain, opened, "bob", 1_000_000);
    for token in [a, b] {
        chain.call(alice, token.transfer(exchange.address(), 1 << 90)).value();
    }
    assert_eq!(chain.query(exchange.reserves()), (1_024, 1_024));
    let portion = chain.call(&bob, exchange.add_liquidity(1_000_000, 1_000_000, 0)).value();
    let expected = Portion { shares: 1_000_000, amount_a: 1_000_000, amount_b: 1_000_000 };
    assert_eq!(portion, expected);
}

#[contract_test]
fn a_token_that_refuses_undoes_everything(chain: &mut TestChain) {
    let opened @ Opened { exchange, a, b, alice } = &open(chain, 1_000_000);
    chain.call(alice, exchange.add_liquidity(10_000, 10_000, 0)).value();
    let bob = trader(chain, opened, "bob", 5_000);
    // The first token has paid when the second refuses.
    chain.call(&bob, b.approve(exchange.address(), 999)).value();
    let refused = chain.call(&bob, exchange.add_liquidity(1_000, 1_000, 0));
    assert_eq!(refused.error(), Error::Token(TokenError::NotAllowed { allowed: 999, need: 1_000 }));
    assert_eq!(chain.query(a.balance_of(bob)), 5_000);
    assert_eq!(chain.query(a.allowance(bob, exchange.address())), 5_000);
    assert_eq!(chain.query(exchange.shares_of(bob)), 0);
    assert_eq!(chain.query(exchange.supply()), 10_000);
    assert_eq!(chain.query(exchange.reserves()), (10_000, 10_000));

    let refused = chain.call(&bob, exchange.swap(a.address(), 5_001, 0));
    let expected = TokenError::NotAllowed { allowed: 5_000, need: 5_001 };
    assert_eq!(refused.error(), Error::Token(expected));
}

/// An address without a contract fails; it does not refuse.
#[contract_test]
fn a_token_that_fails_undoes_everything(chain: &mut TestChain) {
    let alice = chain.account("alice");
    let a = chain.deploy(&alice, TokenClient::new(10_000));
    let exchange = chain.deploy(&alice, ExchangeClient::new(a.address(), alice));
    chain.call(&alice, a.approve(exchange.address(), 10_000)).value();
    let failed = chain.call(&alice, exchange.add_liquidity(5_000, 5_000, 0));
    assert_eq!(failed.error(), Error::TokenFailed);
    assert_eq!(chain.query(a.balance_of(alice)), 10_000);
    assert_eq!(chain.query(exchange.supply()), 0);
}

/// A module with the description of a token. Every call runs `body`, which answers with a status;
/// every query gives 0.
fn like_a_token(body: &str, data: &[u8]) -> Vec<u8> {
    let data: String = data.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let module = wat::parse_str(format!(
        r#"(module
            (import "quorate" "set_output" (func $set_output (param i32 i32)))
            (import "quorate" "context" (func $context (param i32)))
            (import "quorate" "call"
                (func $call (param i32 i32 i32 i32 i64 i32) (result i64)))
            (memory (export "memory") 1)
            (data (i32.const 1024) "{data}")
            (func (export "init") (param i32) (result i32) i32.const 0)
            (func (export "call") (param i32) (result i32) {body})
            (func (export "query") (param i32) (result i32)
                (call $set_output (i32.const 512) (i32.const 16))
                i32.const 0))"#
    ));
    let token = include_bytes!("../../token/token.wasm");
    let abi = Abi::from_module(token).expect("it describes itself");
    abi.embed(&module.expect("it is a module")).expect("it is a module")
}

/// A token that says yes to everything and moves nothing.
#[contract_test]
fn a_token_that_lies_is_found_out(chain: &mut TestChain) {
    let alice = chain.account("alice");
    let code = chain.store_module(like_a_token("i32.const 0", &[]));
    let liar = chain.try_deploy_code(&alice, &code, TokenClient::new(0)).value();
    let b = chain.deploy(&alice, TokenClient::new(10_000));
    let exchange = chain.deploy(&alice, ExchangeClient::new(liar.address(), b.address()));
    chain.call(&alice, b.approve(exchange.address(), 10_000)).value();
    let refused = chain.call(&alice, exchange.add_liquidity(5_000, 5_000, 0));
    assert_eq!(refused.error(), Error::Unpaid);
    assert_eq!(chain.query(b.balance_of(alice)), 10_000);
}

/// A token that calls back while it is called finds the door shut: its own call fails (status 2),
/// or else it traps, and the deposit would not be what is seen.
#[contract_test]
fn a_token_cannot_enter_again(chain: &mut TestChain) {
    let alice = chain.account("alice");
    // Whoever calls it stands in the context, behind height, time and its own address.
    let body = "(call $context (i32.const 0))
        (if (i64.ne (i64.const 2) (i64.shr_u (call $call (i32.const 48) (i32.const 1024)
            (i32.const 36) (i32.const 512) (i64.const 0) (i32.const 0)) (i64.const 32)))
            (then unreachable))
        i32.const 0";
    // Even a query is refused to one who is being called, so that nobody sees what is half done.
    let input = ExchangeClient::at(Address::default()).shares_of(alice).input().to_vec();
    let code = chain.store_module(like_a_token(body, &input));
    let thief = chain.try_deploy_code(&alice, &code, TokenClient::new(0)).value();
    let b = chain.deploy(&alice, TokenClient::new(10_000));
    let exchange = chain.deploy(&alice, ExchangeClient::new(thief.address(), b.address()));
    // Asked from outside, the same input is a good one.
    assert_eq!(input, exchange.shares_of(alice).input());
    assert_eq!(chain.query(exchange.shares_of(alice)), 0);
    let refused = chain.call(&alice, exchange.add_liquidity(5_000, 5_000, 0));
    assert_eq!(refused.error(), Error::Unpaid);
}

#[contract_test]
fn the_greatest_reserves_still_work(chain: &mut TestChain) {
    let Opened { exchange, a, b, alice } = open(chain, u128::MAX);
    let too_many = chain.call(&alice, exchange.add_liquidity(RESERVE_MAX + 1, 1 << 100, 0));
    assert_eq!(too_many.error(), Error::TooMany);
    let too_many = chain.call(&alice, exchange.add_liquidity(u128::MAX, u128::MAX, 0));
    assert_eq!(too_many.error(), Error::TooMany);
    let half: u128 = 1 << 111;
    chain.call(&alice, exchange.add_liquidity(half, half, 0)).value();
    let refused = chain.call(&alice, exchange.swap(a.address(), half, 0));
    assert_eq!(refused.error(), Error::TooMany);
    let refused = chain.call(&alice, exchange.swap(a.address(), u128::MAX, 0));
    assert_eq!(refused.error(), Error::TooMany);
    let out = chain.call(&alice, exchange.swap(a.address(), half - 1, 0)).value();
    // 997 of 1,997 parts, as near as the parts can say.
    assert!(out.abs_diff(half / 1_997 * 997) < 1_000, "{out}");
    assert_eq!(chain.query(exchange.reserves()), (RESERVE_MAX, half - out));

    let refused = chain.call(&alice, exchange.swap(a.address(), 1, 0));
    assert_eq!(refused.error(), Error::TooMany);
    let refused = chain.call(&alice, exchange.add_liquidity(u128::MAX, u128::MAX, 0));
    assert_eq!(refused.error(), Error::TooMany);
    let shares = chain.query(exchange.shares_of(alice));
    chain.call(&alice, exchange.remove_liquidity(shares, 0, 0)).value();
    let (left_a, left_b) = chain.query(exchange.reserves());
    assert!(left_a > 0 && left_b > 0);
    assert_eq!(chain.query(a.balance_of(alice)), u128::MAX - left_a);
    assert_eq!(chain.query(b.balance_of(alice)), u128::MAX - left_b);
}

/// Fails when `exchange.wasm` is not of this source's interface. Renew it with
/// `cargo run -p quorate-contract-build --example build -- contracts/exchange`.
#[test]
fn the_module_describes_this_source() {
    let module = include_bytes!("../exchange.wasm");
    assert_eq!(Abi::from_module(module), Abi::decode(&ABI));
}
