//! An escrow: native units for a token, step by step, with deadlines and an arbiter.
//!
//! A deal is a saga of four steps, each with a deadline in the time of the blocks. Whatever step it
//! stops at, there is a way to end it that needs only the caller and the time:
//!
//! | step | goes on with | ends with | after the deadline anyone may |
//! | --- | --- | --- | --- |
//! | offered | `accept`, by the seller | `cancel`, by either party | `refund` |
//! | accepted | `deliver`, by the seller | | `refund` |
//! | delivered | `dispute`, by either party | `release`, by the buyer | `release` |
//! | disputed | | `decide`, by the arbiter | `refund` |
//!
//! A refund is the compensation of all steps so far: each gets back what it brought. Why each unit
//! is paid exactly once:
//!
//! - A deal that ends is removed before anything is paid, and what is paid adds up to what it held.
//! - What a deal holds has arrived: a delivery is measured, since the escrow keeps units of many
//!   deals, and a token that keeps a part would have one pay for another.
//! - A token that fails when a deal ends keeps nobody's native units back: what it did not take is
//!   kept for its owner to claim. Transfers of native units run no code.
#![no_std]

use quorate_sdk::contract;

/// Keeps what a buyer pays until the seller has delivered units of a token for it, and the buyer,
/// time or an arbiter says how it ends.
#[contract]
pub mod escrow {
    use token::token::TokenClient;

    /// The longest that a step may take: a year. So no deadline is beyond what time can be.
    pub const STEP_MS_MAX: u64 = 365 * 24 * 60 * 60 * 1_000;

    /// Bounds what a token may use when a deal ends, ten times what a usual one needs: so no token
    /// can use up all there is, and so keep the deal from ending.
    const PAYOUT_GAS: u64 = 1_000_000_000;

    /// What the parties agree on.
    #[data]
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Terms {
        pub seller: Address,
        pub arbiter: Address,
        pub token: Address,
        /// Units of the token that are to be delivered.
        pub amount: u128,
        /// Milliseconds for the seller to accept.
        pub accept_ms: u64,
        /// Milliseconds for the seller to deliver, from then on.
        pub deliver_ms: u64,
        /// Milliseconds for either party to dispute, from then on.
        pub review_ms: u64,
        /// Milliseconds for the arbiter to decide, from then on.
        pub decide_ms: u64,
    }

    #[data]
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Step {
        /// The buyer has paid.
        Offered,
        /// The seller has promised.
        Accepted,
        /// The seller has delivered.
        Delivered,
        /// A party wants the arbiter to decide.
        Disputed,
    }

    /// A deal that has not ended.
    #[data]
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Deal {
        pub buyer: Address,
        /// The native units that the buyer has paid.
        pub price: u128,
        pub terms: Terms,
        pub step: Step,
        /// The last time of the step, in milliseconds since the Unix epoch.
        pub deadline_ms: u64,
    }

    #[storage]
    pub struct Escrow {
        deals: Map<u64, Deal>,
        next: Item<u64>,
        /// Units of a token that it did not take when a deal ended, by their owner.
        unclaimed: Totals<(Address, Address)>,
    }

    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Opened {
        #[topic]
        pub number: u64,
        #[topic]
        pub buyer: Address,
        #[topic]
        pub seller: Address,
    }

    /// A deal went on to a step.
    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Advanced {
        #[topic]
        pub number: u64,
        pub step: Step,
    }

    /// A deal ended, and this is who got what of what it held.
    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Settled {
        #[topic]
        pub number: u64,
        pub price_to_seller: u128,
        pub price_to_buyer: u128,
        pub tokens_to_buyer: u128,
        pub tokens_to_seller: u128,
    }

    #[error]
    #[derive(Debug, PartialEq, Eq)]
    pub enum Error {
        NoSuchDeal,
        /// Nothing was paid.
        NoPrice,
        /// A step would take longer than a year.
        StepTooLong,
        /// It is not for the caller to do this now.
        Unauthorized,
        /// The deal is at another step.
        WrongStep {
            step: Step,
        },
        /// The deadline has passed.
        TooLate {
            deadline_ms: u64,
        },
        /// The deadline has not passed yet.
        TooEarly {
            deadline_ms: u64,
        },
        /// More would be paid than the deal holds.
        MoreThanHeld,
        /// The token says that it delivered, and it did not.
        NotDelivered,
        NothingToClaim,
        /// The token refused, with this error.
        Token(token::token::Error),
        /// The token failed: it is no token, or has not enough gas.
        TokenFailed,
    }

    impl Escrow {
        #[init]
        fn new(&mut self) {
            self.next.set(0);
        }

        /// One deal, until it ends.
        #[query]
        fn deal(&self, number: u64) -> Option<Deal> {
            self.deals.get(&number)
        }

        /// Deals that have not ended, `limit` of them behind one.
        #[query]
        fn deals(&self, after: Option<u64>, limit: u32) -> Vec<(u64, Deal)> {
            self.deals.page(after.as_ref(), limit as usize)
        }

        /// Units of a token that an owner can claim.
        #[query]
        fn unclaimed(&self, token: Address, owner: Address) -> u128 {
            self.unclaimed.get(&(token, owner))
        }

        /// Offers the native units that are sent along for a token, and answers with the deal's
        /// number. Who accepts takes the terms as a whole, the token and the arbiter among them.
        #[call(payable)]
        fn open(&mut self, cx: &Context, terms: Terms) -> Result<u64, Error> {
            ensure!(cx.value > 0, Error::NoPrice);
            let steps = [terms.accept_ms, terms.deliver_ms, terms.review_ms, terms.decide_ms];
            ensure!(steps.iter().all(|step| *step <= STEP_MS_MAX), Error::StepTooLong);
            let number = self.next.get();
            self.next.set(number + 1);
            cx.emit(Opened { number, buyer: cx.caller, seller: terms.seller });
            let deadline_ms = cx.time_ms + terms.accept_ms;
            let (buyer, price, step) = (cx.caller, cx.value, Step::Offered);
            self.deals.set(&number, Deal { buyer, price, terms, step, deadline_ms });
            Ok(number)
        }

        /// Promises to deliver; for the seller.
        #[call]
        fn accept(&mut self, cx: &Context, number: u64) -> Result<(), Error> {
            let deal = self.at_step(number, &[Step::Offered])?;
            ensure!(cx.caller == deal.terms.seller, Error::Unauthorized);
            in_time(cx, &deal)?;
            let deliver_ms = deal.terms.deliver_ms;
            self.advance(cx, number, deal, Step::Accepted, deliver_ms);
            Ok(())
        }

        /// Delivers the token, which the caller has let the escrow take; for the seller.
        #[call]
        fn deliver(&mut self, cx: &Context, number: u64) -> Result<(), Error> {
            let deal = self.at_step(number, &[Step::Accepted])?;
            ensure!(cx.caller == deal.terms.seller, Error::Unauthorized);
            in_time(cx, &deal)?;
            let Terms { amount, review_ms, .. } = deal.terms;
            let token = TokenClient::at(deal.terms.token);
            let held = || token.balance_of(cx.contract).send().map_err(|_| Error::TokenFailed);
            let before = held()?;
            checked(token.transfer_from(cx.caller, cx.contract, amount).send())?;
            ensure!(held()?.checked_sub(before) == Some(amount), Error::NotDelivered);
            self.advance(cx, number, deal, Step::Delivered, review_ms);
            Ok(())
        }

        /// Asks the arbiter to decide; for either party.
        #[call]
        fn dispute(&mut self, cx: &Context, number: u64) -> Result<(), Error> {
            let deal = self.at_step(number, &[Step::Delivered])?;
            ensure!(is_party(cx, &deal), Error::Unauthorized);
            in_time(cx, &deal)?;
            let decide_ms = deal.terms.decide_ms;
            self.advance(cx, number, deal, Step::Disputed, decide_ms);
            Ok(())
        }

        /// Ends a deal before it is accepted; for either party. The buyer gets the price back.
        #[call]
        fn cancel(&mut self, cx: &Context, number: u64) -> Result<(), Error> {
            let deal = self.at_step(number, &[Step::Offered])?;
            ensure!(is_party(cx, &deal), Error::Unauthorized);
            self.settle(cx, number, &deal, 0, 0)
        }

        /// Ends a deal as it was meant to: the price is the seller's, the token the buyer's. For
        /// the buyer, and for everyone when the time to dispute is over.
        #[call]
        fn release(&mut self, cx: &Context, number: u64) -> Result<(), Error> {
            let deal = self.at_step(number, &[Step::Delivered])?;
            if cx.caller != deal.buyer {
                overdue(cx, &deal)?;
            }
            self.settle(cx, number, &deal, deal.price, deal.terms.amount)
        }

        /// Ends a deal whose seller, or whose arbiter, let the deadline pass; for everyone. Each
        /// gets back what it brought.
        #[call]
        fn refund(&mut self, cx: &Context, number: u64) -> Result<(), Error> {
            let deal = self.at_step(number, &[Step::Offered, Step::Accepted, Step::Disputed])?;
            overdue(cx, &deal)?;
            self.settle(cx, number, &deal, 0, 0)
        }

        /// Ends a disputed deal; for its arbiter. So much of the price goes to the seller, and so
        /// much of the token to the buyer; each gets back the rest of what it brought.
        #[call]
        fn decide(
            &mut self,
            cx: &Context,
            number: u64,
            price_to_seller: u128,
            tokens_to_buyer: u128,
        ) -> Result<(), Error> {
            let deal = self.at_step(number, &[Step::Disputed])?;
            ensure!(cx.caller == deal.terms.arbiter, Error::Unauthorized);
            in_time(cx, &deal)?;
            self.settle(cx, number, &deal, price_to_seller, tokens_to_buyer)
        }

        /// Takes the caller's units of a token that failed when a deal ended.
        #[call]
        fn claim(&mut self, cx: &Context, token: Address) -> Result<u128, Error> {
            let amount = self.unclaimed.get(&(token, cx.caller));
            ensure!(amount > 0, Error::NothingToClaim);
            self.unclaimed.remove(&(token, cx.caller));
            checked(TokenClient::at(token).transfer(cx.caller, amount).send())?;
            Ok(amount)
        }

        fn at_step(&self, number: u64, steps: &[Step]) -> Result<Deal, Error> {
            let deal = self.deals.get(&number).ok_or(Error::NoSuchDeal)?;
            ensure!(steps.contains(&deal.step), Error::WrongStep { step: deal.step });
            Ok(deal)
        }

        fn advance(&mut self, cx: &Context, number: u64, deal: Deal, step: Step, for_ms: u64) {
            let deadline_ms = cx.time_ms + for_ms;
            self.deals.set(&number, Deal { step, deadline_ms, ..deal });
            cx.emit(Advanced { number, step });
        }

        /// Ends a deal: what it holds goes to its two parties, and nothing else.
        fn settle(
            &mut self,
            cx: &Context,
            number: u64,
            deal: &Deal,
            price_to_seller: u128,
            tokens_to_buyer: u128,
        ) -> Result<(), Error> {
            let Deal { buyer, price, terms: Terms { seller, token, amount, .. }, .. } = *deal;
            let tokens = match deal.step {
                Step::Offered | Step::Accepted => 0,
                Step::Delivered | Step::Disputed => amount,
            };
            let rest = |held: u128, part| held.checked_sub(part).ok_or(Error::MoreThanHeld);
            let price_to_buyer = rest(price, price_to_seller)?;
            let tokens_to_seller = rest(tokens, tokens_to_buyer)?;
            self.deals.remove(&number);
            for (to, amount) in [(seller, price_to_seller), (buyer, price_to_buyer)] {
                cx.transfer(&to, amount).map_err(|_| Error::MoreThanHeld)?;
            }
            for (to, amount) in [(buyer, tokens_to_buyer), (seller, tokens_to_seller)] {
                let transfer = TokenClient::at(token).transfer(to, amount).gas(PAYOUT_GAS);
                if amount > 0 && transfer.send().is_err() {
                    let kept = self.unclaimed.add(&(token, to), amount);
                    kept.map_err(|_| Error::MoreThanHeld)?;
                }
            }
            cx.emit(Settled {
                number,
                price_to_seller,
                price_to_buyer,
                tokens_to_buyer,
                tokens_to_seller,
            });
            Ok(())
        }
    }

    fn is_party(cx: &Context, deal: &Deal) -> bool {
        cx.caller == deal.buyer || cx.caller == deal.terms.seller
    }

    fn in_time(cx: &Context, deal: &Deal) -> Result<(), Error> {
        let deadline_ms = deal.deadline_ms;
        ensure!(cx.time_ms <= deadline_ms, Error::TooLate { deadline_ms });
        Ok(())
    }

    fn overdue(cx: &Context, deal: &Deal) -> Result<(), Error> {
        let deadline_ms = deal.deadline_ms;
        ensure!(cx.time_ms > deadline_ms, Error::TooEarly { deadline_ms });
        Ok(())
    }

    fn checked(result: Result<(), CallError<token::token::Error>>) -> Result<(), Error> {
        result.map_err(|error| match error {
            CallError::Reverted(error) => Error::Token(error),
            CallError::Failed | CallError::Malformed => Error::TokenFailed,
        })
    }
}
