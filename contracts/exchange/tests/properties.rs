//! The exchange under random calls: nobody takes what is another's.

#![allow(clippy::indexing_slicing, reason = "accounts and tokens are told by their numbers")]

use exchange::exchange::{Error, ExchangeClient, LOCKED_SHARES};
use proptest::prelude::*;
use quorate_sdk::testing::{Problem, Receipt, TestChain, natively_and_as_wasm};
use quorate_sdk::{Address, Client, Data};
use token::token::TokenClient;

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
/// Of each token, for each account. Small, so that every rounding counts, and four of its factors
/// fit into a number.
const UNITS: u128 = 100_000;

/// One call; accounts and tokens by their numbers.
#[derive(Clone, Debug)]
enum Step {
    Add {
        by: usize,
        most: [u128; 2],
    },
    Remove {
        by: usize,
        thousandths: u128,
    },
    Swap {
        by: usize,
        token: usize,
        amount: u128,
    },
    /// Units are sent to the exchange without a word.
    Give {
        by: usize,
        token: usize,
        amount: u128,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..NAMES.len();
    let amount = || prop_oneof![0..50_u128, 0..UNITS, Just(u128::MAX)];
    prop_oneof![
        3 => (who(), amount(), amount()).prop_map(|(by, a, b)| Step::Add { by, most: [a, b] }),
        2 => (who(), 0..1_001_u128)
            .prop_map(|(by, thousandths)| Step::Remove { by, thousandths }),
        4 => (who(), 0..2_usize, amount())
            .prop_map(|(by, token, amount)| Step::Swap { by, token, amount }),
        1 => (who(), 0..2_usize, 0..UNITS / 10)
            .prop_map(|(by, token, amount)| Step::Give { by, token, amount }),
    ]
}

struct World {
    exchange: ExchangeClient,
    tokens: [TokenClient; 2],
    accounts: [Address; 3],
}

impl World {
    fn open(chain: &mut TestChain) -> Self {
        let accounts = NAMES.map(|name| chain.account(name));
        let [first, ..] = accounts;
        let tokens = [0; 2].map(|_| chain.deploy(&first, TokenClient::new(3 * UNITS)));
        let [a, b] = tokens.map(|token| token.address());
        let exchange = chain.deploy(&first, ExchangeClient::new(a, b));
        for token in tokens {
            for account in accounts {
                chain.call(&first, token.transfer(account, UNITS)).value();
                chain.call(&account, token.approve(exchange.address(), u128::MAX)).value();
            }
        }
        chain.call(&first, exchange.add_liquidity(2_000, 5_000, 0)).value();
        Self { exchange, tokens, accounts }
    }

    /// What a call gives is what was quoted before; whether it succeeded.
    fn apply(&self, chain: &mut TestChain, step: &Step) -> bool {
        let Self { exchange, tokens, accounts } = self;
        match *step {
            Step::Add { by, most: [a, b] } => {
                let quoted = chain.try_query(&accounts[by], exchange.quote_add(a, b));
                let done = chain.call(&accounts[by], exchange.add_liquidity(a, b, 0));
                same(quoted, done)
            }
            Step::Remove { by, thousandths } => {
                let shares = chain.query(exchange.shares_of(accounts[by])) * thousandths / 1_000;
                let quoted = chain.try_query(&accounts[by], exchange.quote_remove(shares));
                let done = chain.call(&accounts[by], exchange.remove_liquidity(shares, 0, 0));
                same(quoted, done)
            }
            Step::Swap { by, token, amount } => {
                let token = tokens[token].address();
                let quoted = chain.try_query(&accounts[by], exchange.quote_swap(token, amount));
                let done = chain.call(&accounts[by], exchange.swap(token, amount, 0));
                same(quoted, done)
            }
            Step::Give { by, token, amount } => {
                let give = tokens[token].transfer(exchange.address(), amount);
                chain.call(&accounts[by], give).is_success()
            }
        }
    }

    /// Reserves and shares. The tokens that the exchange holds are at least its reserves, and the
    /// shares are all somebody's, but for the locked ones.
    fn check(&self, chain: &mut TestChain) -> [u128; 3] {
        let Self { exchange, tokens: [a, b], accounts } = self;
        let (reserve_a, reserve_b) = chain.query(exchange.reserves());
        assert!(chain.query(a.balance_of(exchange.address())) >= reserve_a);
        assert!(chain.query(b.balance_of(exchange.address())) >= reserve_b);
        let supply = chain.query(exchange.supply());
        let owners = accounts.iter();
        let shares: u128 = owners.map(|owner| chain.query(exchange.shares_of(*owner))).sum();
        assert_eq!(shares + LOCKED_SHARES, supply);
        [reserve_a, reserve_b, supply]
    }
}

/// A quote and its call agree, in their refusals too; only a token may refuse what was quoted.
fn same<T: Data + PartialEq + std::fmt::Debug>(
    quoted: Receipt<T, Error>,
    done: Receipt<T, Error>,
) -> bool {
    let (quoted, done) = (quoted.result(), done.result());
    if let Err(Problem::Refused(Error::Token(_))) = done {
        assert!(quoted.is_ok(), "{quoted:?}");
    } else {
        assert_eq!(quoted, done);
        assert!(!matches!(done, Err(Problem::Failed(_) | Problem::Malformed)), "{done:?}");
    }
    done.is_ok()
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_product_per_share_never_falls(steps in prop::collection::vec(step(), 1..20)) {
        natively_and_as_wasm(|chain| {
            let world = World::open(chain);
            let mut before = world.check(chain);
            for step in &steps {
                let done = world.apply(chain, step);
                let after = world.check(chain);
                let ([a, b, shares], [a_after, b_after, shares_after]) = (before, after);
                assert!(
                    a_after * b_after * shares * shares >= a * b * shares_after * shares_after,
                    "{step:?}: {before:?}, then {after:?}"
                );
                assert!(done || before == after, "{step:?} was refused, and changed something");
                before = after;
            }
            // Whoever has shares gets its part, at any time, and something is left for the locked.
            for account in world.accounts {
                let shares = chain.query(world.exchange.shares_of(account));
                if shares > 0 {
                    let remove = world.exchange.remove_liquidity(shares, 0, 0);
                    chain.call(&account, remove).value();
                }
            }
            let [a, b, shares] = world.check(chain);
            assert!(a > 0 && b > 0 && shares == LOCKED_SHARES, "{a} {b} {shares}");
        });
    }
}
