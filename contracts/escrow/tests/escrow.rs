//! The escrow, as buyer, seller and arbiter see it.

use escrow::escrow::{
    ABI, Advanced, Error, EscrowClient, Opened, STEP_MS_MAX, Settled, Step, Terms,
};
use quorate_sdk::abi::Abi;
use quorate_sdk::testing::{Failure, TestChain, contract_test};
use quorate_sdk::{Address, Client, selector};
use token::token::{Error as TokenError, TokenClient};

const MINUTE_MS: u64 = 60_000;

struct World {
    escrow: EscrowClient,
    token: TokenClient,
    buyer: Address,
    seller: Address,
    arbiter: Address,
    stranger: Address,
    /// The native units of buyer and seller at first.
    funds: u128,
}

impl World {
    /// A seller with 1,000 units of a token that the escrow may take.
    fn open(chain: &mut TestChain) -> Self {
        let [buyer, seller, arbiter, stranger] =
            ["buyer", "seller", "arbiter", "stranger"].map(|name| chain.account(name));
        let escrow = chain.deploy(&stranger, EscrowClient::new());
        let token = chain.deploy(&seller, TokenClient::new(1_000));
        chain.call(&seller, token.approve(escrow.address(), 1_000)).value();
        let funds = chain.balance(&buyer);
        Self { escrow, token, buyer, seller, arbiter, stranger, funds }
    }

    /// A minute for each step.
    fn terms(&self) -> Terms {
        Terms {
            seller: self.seller,
            arbiter: self.arbiter,
            token: self.token.address(),
            amount: 30,
            accept_ms: MINUTE_MS,
            deliver_ms: MINUTE_MS,
            review_ms: MINUTE_MS,
            decide_ms: MINUTE_MS,
        }
    }

    /// A deal of 500 native units for 30 of the token, at a step.
    fn deal(&self, chain: &mut TestChain, step: Step) -> u64 {
        self.deal_on(chain, self.terms(), step)
    }

    fn deal_on(&self, chain: &mut TestChain, terms: Terms, step: Step) -> u64 {
        let Self { escrow, buyer, seller, .. } = self;
        let number = chain.call(buyer, escrow.open(terms).value(500)).value();
        if step as u8 >= Step::Accepted as u8 {
            chain.call(seller, escrow.accept(number)).value();
        }
        if step as u8 >= Step::Delivered as u8 {
            chain.call(seller, escrow.deliver(number)).value();
        }
        if step as u8 >= Step::Disputed as u8 {
            chain.call(buyer, escrow.dispute(number)).value();
        }
        assert_eq!(chain.query(escrow.deal(number)).map(|deal| deal.step), Some(step));
        number
    }

    /// The deal has ended: native units and tokens are where they should be, and nothing is left.
    #[track_caller]
    fn check(&self, chain: &mut TestChain, price_to_seller: u128, tokens_to_buyer: u128) {
        let Self { escrow, token, buyer, seller, funds, .. } = self;
        assert_eq!(chain.query(escrow.deals(None, 1)), []);
        assert_eq!(chain.balance(buyer), funds - price_to_seller);
        assert_eq!(chain.balance(seller), funds + price_to_seller);
        assert_eq!(chain.balance(&escrow.address()), 0);
        for owner in [buyer, seller] {
            assert_eq!(chain.query(escrow.unclaimed(token.address(), *owner)), 0);
        }
        assert_eq!(chain.query(token.balance_of(*buyer)), tokens_to_buyer);
        assert_eq!(chain.query(token.balance_of(*seller)), 1_000 - tokens_to_buyer);
    }
}

#[contract_test]
fn a_deal_goes_from_step_to_step(chain: &mut TestChain) {
    let world @ World { escrow, buyer, seller, .. } = &World::open(chain);
    let receipt = chain.call(buyer, escrow.open(world.terms()).value(500));
    let opened = Opened { number: 0, buyer: *buyer, seller: *seller };
    assert_eq!(receipt.events::<Opened>(), [opened]);
    let number = receipt.value();
    let receipt = chain.call(seller, escrow.accept(number));
    assert_eq!(receipt.events::<Advanced>(), [Advanced { number, step: Step::Accepted }]);
    let deadline_ms = chain.time_ms() + MINUTE_MS;
    chain.call(seller, escrow.deliver(number)).value();
    let deal = chain.query(escrow.deal(number)).expect("it has not ended");
    assert_eq!((deal.step, deal.deadline_ms), (Step::Delivered, deadline_ms));

    let receipt = chain.call(buyer, escrow.release(number));
    let settled = Settled {
        number,
        price_to_seller: 500,
        price_to_buyer: 0,
        tokens_to_buyer: 30,
        tokens_to_seller: 0,
    };
    assert_eq!(receipt.events::<Settled>(), [settled]);
    world.check(chain, 500, 30);
    // It has ended once.
    assert_eq!(chain.call(buyer, escrow.release(number)).error(), Error::NoSuchDeal);
    assert_eq!(chain.call(buyer, escrow.cancel(number)).error(), Error::NoSuchDeal);
}

#[contract_test]
fn either_party_cancels_what_is_not_accepted(chain: &mut TestChain) {
    let world @ World { escrow, buyer, seller, arbiter, .. } = &World::open(chain);
    for who in [buyer, seller] {
        let number = world.deal(chain, Step::Offered);
        let refused = chain.call(arbiter, escrow.cancel(number));
        assert_eq!(refused.error(), Error::Unauthorized);
        chain.call(who, escrow.cancel(number)).value();
        world.check(chain, 0, 0);
    }
    let number = world.deal(chain, Step::Accepted);
    for who in [buyer, seller] {
        let refused = chain.call(who, escrow.cancel(number));
        assert_eq!(refused.error(), Error::WrongStep { step: Step::Accepted });
    }
}

/// What each deadline cuts off, and what it opens, to the millisecond.
#[contract_test]
fn a_deadline_belongs_to_its_step(chain: &mut TestChain) {
    let world @ World { escrow, seller, arbiter, stranger, .. } = &World::open(chain);
    for step in [Step::Offered, Step::Accepted, Step::Delivered, Step::Disputed] {
        let number = world.deal(chain, step);
        let end = |number| match step {
            Step::Delivered => escrow.release(number),
            _ => escrow.refund(number),
        };
        let deadline_ms = chain.query(escrow.deal(number)).expect("it is open").deadline_ms;
        // The last moment that is in time.
        chain.advance_ms(deadline_ms - chain.time_ms());
        let early = chain.call(stranger, end(number));
        assert_eq!(early.error(), Error::TooEarly { deadline_ms });
        let late = match step {
            Step::Offered => chain.call(seller, escrow.accept(number)),
            Step::Accepted => chain.call(seller, escrow.deliver(number)),
            Step::Delivered => chain.call(seller, escrow.dispute(number)),
            Step::Disputed => chain.call(arbiter, escrow.decide(number, 0, 0)),
        };
        assert_eq!(late.error(), Error::TooLate { deadline_ms });
        chain.call(stranger, end(number)).value();
        if step == Step::Delivered {
            world.check(chain, 500, 30);
            // Back to where it began, for what follows.
            chain.call(&world.buyer, world.token.transfer(*seller, 30)).value();
            chain.transfer(seller, &world.buyer, 500).value();
        }
        world.check(chain, 0, 0);
    }
}

/// The deadline itself is in time.
#[contract_test]
fn the_last_moment_is_in_time(chain: &mut TestChain) {
    let world @ World { escrow, seller, .. } = &World::open(chain);
    let number = world.deal(chain, Step::Offered);
    let deadline_ms = chain.query(escrow.deal(number)).expect("it is open").deadline_ms;
    chain.advance_ms(deadline_ms - chain.time_ms());
    chain.call(seller, escrow.accept(number)).value();
}

#[contract_test]
fn the_arbiter_splits(chain: &mut TestChain) {
    let world @ World { escrow, buyer, arbiter, .. } = &World::open(chain);
    let number = world.deal(chain, Step::Disputed);
    for (price, tokens) in [(501, 0), (0, 31), (u128::MAX, u128::MAX)] {
        let refused = chain.call(arbiter, escrow.decide(number, price, tokens));
        assert_eq!(refused.error(), Error::MoreThanHeld);
    }
    let receipt = chain.call(arbiter, escrow.decide(number, 200, 10));
    let settled = Settled {
        number,
        price_to_seller: 200,
        price_to_buyer: 300,
        tokens_to_buyer: 10,
        tokens_to_seller: 20,
    };
    assert_eq!(receipt.events::<Settled>(), [settled]);
    world.check(chain, 200, 10);
    assert_eq!(chain.call(buyer, escrow.dispute(number)).error(), Error::NoSuchDeal);
}

/// Who may not do what, at every step.
#[contract_test]
fn each_step_has_its_own_people(chain: &mut TestChain) {
    let world @ World { escrow, buyer, seller, arbiter, stranger, .. } = &World::open(chain);
    let offered = world.deal(chain, Step::Offered);
    let accepted = world.deal(chain, Step::Accepted);
    let delivered = world.deal(chain, Step::Delivered);
    let disputed = world.deal(chain, Step::Disputed);
    for who in [buyer, arbiter, stranger] {
        assert_eq!(chain.call(who, escrow.accept(offered)).error(), Error::Unauthorized);
        assert_eq!(chain.call(who, escrow.deliver(accepted)).error(), Error::Unauthorized);
    }
    for who in [arbiter, stranger] {
        assert_eq!(chain.call(who, escrow.cancel(offered)).error(), Error::Unauthorized);
        assert_eq!(chain.call(who, escrow.dispute(delivered)).error(), Error::Unauthorized);
    }
    for who in [buyer, seller, stranger] {
        let refused = chain.call(who, escrow.decide(disputed, 0, 0));
        assert_eq!(refused.error(), Error::Unauthorized);
    }
    for who in [seller, arbiter, stranger] {
        let Error::TooEarly { .. } = chain.call(who, escrow.release(delivered)).error() else {
            panic!("only the buyer releases before the deadline");
        };
    }
    let wrong = Error::WrongStep { step: Step::Disputed };
    assert_eq!(chain.call(buyer, escrow.release(disputed)).error(), wrong);
    let wrong = Error::WrongStep { step: Step::Delivered };
    assert_eq!(chain.call(arbiter, escrow.decide(delivered, 0, 0)).error(), wrong);
    assert_eq!(chain.call(stranger, escrow.refund(delivered)).error(), wrong);
}

#[contract_test]
fn what_makes_no_sense_is_refused(chain: &mut TestChain) {
    let world @ World { escrow, buyer, seller, token, .. } = &World::open(chain);
    assert_eq!(chain.call(buyer, escrow.open(world.terms())).error(), Error::NoPrice);
    let long = Terms { decide_ms: STEP_MS_MAX + 1, ..world.terms() };
    assert_eq!(chain.call(buyer, escrow.open(long).value(1)).error(), Error::StepTooLong);
    assert_eq!(chain.call(seller, escrow.accept(7)).error(), Error::NoSuchDeal);
    let refused = chain.call(buyer, escrow.claim(token.address()));
    assert_eq!(refused.error(), Error::NothingToClaim);
    let number = world.deal(chain, Step::Offered);
    let refused = chain.call(seller, escrow.accept(number).value(1));
    assert_eq!(refused.failure(), Failure::NotPayable);
}

#[contract_test]
fn a_delivery_that_the_token_refuses_is_none(chain: &mut TestChain) {
    let world @ World { escrow, seller, token, .. } = &World::open(chain);
    let terms = Terms { amount: 1_001, ..world.terms() };
    let number = world.deal_on(chain, terms, Step::Accepted);
    let refused = chain.call(seller, escrow.deliver(number));
    let expected = TokenError::NotAllowed { allowed: 1_000, need: 1_001 };
    assert_eq!(refused.error(), Error::Token(expected));
    // No contract at all.
    let terms = Terms { token: *seller, ..world.terms() };
    let number = world.deal_on(chain, terms, Step::Accepted);
    assert_eq!(chain.call(seller, escrow.deliver(number)).error(), Error::TokenFailed);
    assert_eq!(chain.query(token.balance_of(*seller)), 1_000);
}

/// A token whose `transfer_from` runs `paid`, and whose `transfer` runs `failing` until `approve`
/// was called. Everybody has what was paid last, or nothing.
fn like_a_token(chain: &mut TestChain, paid: &str, failing: &str) -> TokenClient {
    let [approve, transfer] = [selector!("approve"), selector!("transfer")].map(i32::from_le_bytes);
    let module = wat::parse_str(format!(
        r#"(module
            (import "quorate" "input" (func $input (param i32)))
            (import "quorate" "set_output" (func $set_output (param i32 i32)))
            (import "quorate" "get" (func $get (param i32 i32 i32 i32) (result i64)))
            (import "quorate" "has" (func $has (param i32 i32) (result i32)))
            (import "quorate" "set" (func $set (param i32 i32 i32 i32)))
            (memory (export "memory") 1)
            (data (i32.const 900) "paidopen")
            (func (export "init") (param i32) (result i32) i32.const 0)
            (func (export "query") (param i32) (result i32)
                (drop (call $get (i32.const 900) (i32.const 4) (i32.const 512) (i32.const 16)))
                (call $set_output (i32.const 512) (i32.const 16))
                i32.const 0)
            (func (export "call") (param i32) (result i32)
                (call $input (i32.const 0))
                (if (i32.eq (i32.load (i32.const 0)) (i32.const {approve}))
                    (then
                        (call $set (i32.const 904) (i32.const 4) (i32.const 0) (i32.const 0))
                        (return (i32.const 0))))
                (if (i32.eq (i32.load (i32.const 0)) (i32.const {transfer}))
                    (then
                        (if (i32.eqz (call $has (i32.const 904) (i32.const 4)))
                            (then {failing}))
                        (return (i32.const 0))))
                ;; The amount stands behind the selector and two addresses.
                {paid}
                i32.const 0))"#
    ));
    let token = include_bytes!("../../token/token.wasm");
    let abi = Abi::from_module(token).expect("it describes itself");
    let module = abi.embed(&module.expect("it is a module")).expect("it is a module");
    let (alice, code) = (chain.account("alice"), chain.store_module(module));
    chain.try_deploy_code(&alice, &code, TokenClient::new(0)).value()
}

const PAID: &str = "(call $set (i32.const 900) (i32.const 4) (i32.const 68) (i32.const 16))";

/// A token that says yes and moves nothing has delivered nothing.
#[contract_test]
fn a_delivery_is_measured(chain: &mut TestChain) {
    let world @ World { escrow, seller, .. } = &World::open(chain);
    let token = like_a_token(chain, "", "unreachable");
    let terms = Terms { token: token.address(), ..world.terms() };
    let number = world.deal_on(chain, terms, Step::Accepted);
    assert_eq!(chain.call(seller, escrow.deliver(number)).error(), Error::NotDelivered);
}

/// Whether it traps or burns all gas it gets, a token keeps no native units back; its own can be
/// claimed when it works again, once.
#[contract_test]
fn a_token_that_fails_keeps_no_price_back(chain: &mut TestChain) {
    let world @ World { escrow, buyer, seller, arbiter, funds, .. } = &World::open(chain);
    for failing in ["unreachable", "(loop (br 0))"] {
        let token = like_a_token(chain, PAID, failing);
        let terms = Terms { token: token.address(), ..world.terms() };
        let number = world.deal_on(chain, terms, Step::Disputed);
        let before = chain.balance(seller);
        let decide = escrow.decide(number, 400, 20).gas(10_000_000_000);
        chain.call(arbiter, decide).value();
        assert_eq!(chain.balance(seller), before + 400);
        assert_eq!(chain.query(escrow.unclaimed(token.address(), *buyer)), 20);
        assert_eq!(chain.query(escrow.unclaimed(token.address(), *seller)), 10);

        assert!(!chain.call(buyer, escrow.claim(token.address())).is_success());
        chain.call(buyer, token.approve(*buyer, 0)).value();
        assert_eq!(chain.call(buyer, escrow.claim(token.address())).value(), 20);
        let again = chain.call(buyer, escrow.claim(token.address()));
        assert_eq!(again.error(), Error::NothingToClaim);
        let other = chain.call(arbiter, escrow.claim(token.address()));
        assert_eq!(other.error(), Error::NothingToClaim);
        assert_eq!(chain.call(seller, escrow.claim(token.address())).value(), 10);
    }
    assert_eq!(chain.balance(buyer), funds - 800);
    assert_eq!(chain.balance(&escrow.address()), 0);
}

/// Fails when `escrow.wasm` is not of this source's interface. Renew it with
/// `cargo run -p quorate-contract-build --example build -- contracts/escrow`.
#[test]
fn the_module_describes_this_source() {
    let module = include_bytes!("../escrow.wasm");
    assert_eq!(Abi::from_module(module), Abi::decode(&ABI));
}
