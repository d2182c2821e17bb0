//! The escrow against a model, in every order of calls and times: each unit that comes in leaves
//! exactly once.
#![allow(clippy::indexing_slicing, reason = "accounts and deals are told by their numbers")]

use std::collections::BTreeMap;

use escrow::escrow::{Error, EscrowClient, Step, Terms};
use proptest::prelude::*;
use quorate_sdk::testing::{Problem, TestChain, natively_and_as_wasm};
use quorate_sdk::{Address, Call, Client};
use token::token::TokenClient;

const NAMES: [&str; 4] = ["buyer", "seller", "arbiter", "stranger"];
const BUYER: usize = 0;
const SELLER: usize = 1;
const ARBITER: usize = 2;
/// The token's units. Few, so that a seller sometimes cannot deliver.
const SUPPLY: u128 = 100;
const STEP_MS: u64 = 5_000;

#[derive(Clone, Copy, Debug)]
enum Action {
    Accept,
    Deliver,
    Dispute,
    Cancel,
    Release,
    Refund,
    Decide { price_to_seller: u128, tokens_to_buyer: u128 },
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Open {
        price: u128,
        amount: u128,
    },
    /// By whoever should, or by anybody.
    Act {
        by: usize,
        deal: u64,
        action: Action,
    },
    Wait {
        time_ms: u64,
    },
}

fn action() -> impl Strategy<Value = (usize, Action)> {
    let split = (0..60_u128, 0..60_u128);
    let action = prop_oneof![
        3 => Just((SELLER, Action::Accept)),
        3 => Just((SELLER, Action::Deliver)),
        2 => Just((BUYER, Action::Dispute)),
        1 => Just((SELLER, Action::Dispute)),
        1 => Just((BUYER, Action::Cancel)),
        1 => Just((BUYER, Action::Release)),
        1 => Just((BUYER, Action::Refund)),
        2 => split.prop_map(|(price_to_seller, tokens_to_buyer)| {
            (ARBITER, Action::Decide { price_to_seller, tokens_to_buyer })
        }),
    ];
    (action, prop_oneof![4 => Just(None), 1 => (0..NAMES.len()).prop_map(Some)])
        .prop_map(|((usual, action), other)| (other.unwrap_or(usual), action))
}

fn step() -> impl Strategy<Value = Move> {
    prop_oneof![
        2 => (0..50_u128, 0..50_u128).prop_map(|(price, amount)| Move::Open { price, amount }),
        8 => (action(), 0..3_u64).prop_map(|((by, action), deal)| Move::Act { by, deal, action }),
        1 => (0..2 * STEP_MS).prop_map(|time_ms| Move::Wait { time_ms }),
    ]
}

struct Deal {
    price: u128,
    amount: u128,
    step: Step,
    deadline_ms: u64,
}

/// What an escrow is: who has what, and the deals that are open.
#[derive(Default)]
struct Model {
    deals: BTreeMap<u64, Deal>,
    opened: u64,
    /// Native units that each account has won, or lost when it is below zero.
    native: [i128; 4],
    tokens: [u128; 4],
}

impl Model {
    fn open(&mut self, now: u64, price: u128, amount: u128) -> bool {
        if price > 0 {
            self.native[BUYER] -= price.cast_signed();
            let deal = Deal { price, amount, step: Step::Offered, deadline_ms: now + STEP_MS };
            self.deals.insert(self.opened, deal);
            self.opened += 1;
        }
        price > 0
    }

    /// Whether the call succeeds.
    fn act(&mut self, now: u64, by: usize, number: u64, action: Action) -> bool {
        let Some(deal) = self.deals.get_mut(&number) else { return false };
        let Deal { price, amount, step, deadline_ms } = *deal;
        let in_time = now <= deadline_ms;
        let is_party = by == BUYER || by == SELLER;
        let (allowed, next, paid) = match (step, action) {
            (Step::Offered, Action::Accept) => {
                (by == SELLER && in_time, Some(Step::Accepted), (0, 0))
            }
            (Step::Offered, Action::Cancel) => (is_party, None, (0, 0)),
            (Step::Accepted, Action::Deliver) => {
                let has = self.tokens[SELLER] >= amount;
                (by == SELLER && in_time && has, Some(Step::Delivered), (0, 0))
            }
            (Step::Delivered, Action::Dispute) => {
                (is_party && in_time, Some(Step::Disputed), (0, 0))
            }
            (Step::Delivered, Action::Release) => (by == BUYER || !in_time, None, (price, amount)),
            (Step::Disputed, Action::Decide { price_to_seller, tokens_to_buyer }) => {
                let enough = price_to_seller <= price && tokens_to_buyer <= amount;
                let allowed = by == ARBITER && in_time && enough;
                (allowed, None, (price_to_seller, tokens_to_buyer))
            }
            (Step::Offered | Step::Accepted | Step::Disputed, Action::Refund) => {
                (!in_time, None, (0, 0))
            }
            _ => (false, None, (0, 0)),
        };
        if !allowed {
            return false;
        }
        if let Some(next) = next {
            (deal.step, deal.deadline_ms) = (next, now + STEP_MS);
            if next == Step::Delivered {
                self.tokens[SELLER] -= amount;
            }
            return true;
        }
        self.deals.remove(&number);
        let (to_seller, to_buyer) = paid;
        self.native[SELLER] += to_seller.cast_signed();
        self.native[BUYER] += (price - to_seller).cast_signed();
        if matches!(step, Step::Delivered | Step::Disputed) {
            self.tokens[BUYER] += to_buyer;
            self.tokens[SELLER] += amount - to_buyer;
        }
        true
    }
}

struct World {
    escrow: EscrowClient,
    token: TokenClient,
    accounts: [Address; 4],
    funds: u128,
    model: Model,
}

impl World {
    fn open(chain: &mut TestChain) -> Self {
        let accounts = NAMES.map(|name| chain.account(name));
        let escrow = chain.deploy(&accounts[ARBITER], EscrowClient::new());
        let token = chain.deploy(&accounts[SELLER], TokenClient::new(SUPPLY));
        chain.call(&accounts[SELLER], token.approve(escrow.address(), u128::MAX)).value();
        let funds = chain.balance(&accounts[BUYER]);
        let mut model = Model::default();
        model.tokens[SELLER] = SUPPLY;
        Self { escrow, token, accounts, funds, model }
    }

    fn apply(&mut self, chain: &mut TestChain, step: Move) {
        let now = chain.time_ms();
        match step {
            Move::Open { price, amount } => {
                let terms = Terms {
                    seller: self.accounts[SELLER],
                    arbiter: self.accounts[ARBITER],
                    token: self.token.address(),
                    amount,
                    accept_ms: STEP_MS,
                    deliver_ms: STEP_MS,
                    review_ms: STEP_MS,
                    decide_ms: STEP_MS,
                };
                let open = self.escrow.open(terms).value(price);
                let done = chain.call(&self.accounts[BUYER], open).is_success();
                assert_eq!(done, self.model.open(now, price, amount), "{step:?}");
            }
            Move::Act { by, deal, action } => {
                let call = self.call(deal, action);
                let result = chain.call(&self.accounts[by], call).result();
                let failed = matches!(result, Err(Problem::Failed(_) | Problem::Malformed));
                assert!(!failed, "{step:?}: {result:?}");
                assert_eq!(result.is_ok(), self.model.act(now, by, deal, action), "{step:?}");
            }
            Move::Wait { time_ms } => chain.advance_ms(time_ms),
        }
    }

    fn call(&self, deal: u64, action: Action) -> Call<(), Error> {
        let escrow = &self.escrow;
        match action {
            Action::Accept => escrow.accept(deal),
            Action::Deliver => escrow.deliver(deal),
            Action::Dispute => escrow.dispute(deal),
            Action::Cancel => escrow.cancel(deal),
            Action::Release => escrow.release(deal),
            Action::Refund => escrow.refund(deal),
            Action::Decide { price_to_seller, tokens_to_buyer } => {
                escrow.decide(deal, price_to_seller, tokens_to_buyer)
            }
        }
    }

    /// Everybody has what the model says, and the escrow what its open deals hold.
    fn check(&self, chain: &mut TestChain) {
        let Self { escrow, token, accounts, funds, model } = self;
        for (number, account) in accounts.iter().enumerate() {
            let won = chain.balance(account).cast_signed() - funds.cast_signed();
            assert_eq!(won, model.native[number], "{}", NAMES[number]);
            let tokens = chain.query(token.balance_of(*account));
            assert_eq!(tokens, model.tokens[number], "{}", NAMES[number]);
            assert_eq!(chain.query(escrow.unclaimed(token.address(), *account)), 0);
        }
        let prices: u128 = model.deals.values().map(|deal| deal.price).sum();
        assert_eq!(chain.balance(&escrow.address()), prices);
        let held = SUPPLY - model.tokens.iter().sum::<u128>();
        assert_eq!(chain.query(token.balance_of(escrow.address())), held);
        assert_eq!(chain.query(escrow.deals(None, 100)).len(), model.deals.len());
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn each_unit_leaves_exactly_once(steps in prop::collection::vec(step(), 1..40)) {
        natively_and_as_wasm(|chain| {
            let mut world = World::open(chain);
            for step in &steps {
                world.apply(chain, *step);
                world.check(chain);
            }
            // Time alone lets a stranger end whatever is open, so nothing is ever stuck.
            chain.advance_ms(2 * STEP_MS);
            for deal in 0..world.model.opened {
                for action in [Action::Release, Action::Refund] {
                    world.apply(chain, Move::Act { by: 3, deal, action });
                }
            }
            world.check(chain);
            assert!(world.model.deals.is_empty());
            assert_eq!(world.model.native.iter().sum::<i128>(), 0);
            assert_eq!(world.model.tokens.iter().sum::<u128>(), SUPPLY);
        });
    }
}
