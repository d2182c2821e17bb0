//! An exchange of two tokens, by their constant product.
//!
//! Why nobody can take what is another's:
//!
//! - What the exchange owes is its *reserves*, which only its own methods change. Tokens that are
//!   sent to it without being deposited belong to nobody and move no price.
//! - Every division rounds in favour of the pool, so that the product of the reserves per squared
//!   share never falls.
//! - A deposit is charged what its shares are worth, rounded up to a unit, and never more; so
//!   nobody gains by making a share dear. The first 1,000 shares are locked for ever: to make
//!   shares so dear that small deposits are refused costs a thousand times what they are worth.
//! - The host lets nobody enter while a token is being called, and an error undoes everything,
//!   what the tokens did included.
#![no_std]

mod wide;

use quorate_sdk::contract;

/// Exchanges two tokens for each other, at the price that their reserves make. Whoever deposits
/// both holds shares of the reserves, and earns the fee of 0.3 % that stays in them.
#[contract]
pub mod exchange {
    use token::token::TokenClient;

    use crate::wide::mul_div;

    /// The most units that a reserve may have: products with the fee's factors fit into a number.
    pub const RESERVE_MAX: u128 = (1 << 112) - 1;
    /// Shares of the first deposit that belong to nobody.
    pub const LOCKED_SHARES: u128 = 1_000;
    /// What counts of an amount that is paid in, in thousandths.
    const AFTER_FEE: u128 = 997;

    #[storage]
    pub struct Exchange {
        tokens: Item<(Address, Address)>,
        /// Units of each token that belong to the shares.
        reserves: Totals<Address>,
        /// All shares, the locked ones included.
        supply: Total,
        shares: Totals<Address>,
    }

    /// Shares, and the units of both tokens that they are made of.
    #[data]
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Portion {
        pub shares: u128,
        pub amount_a: u128,
        pub amount_b: u128,
    }

    /// Liquidity was added. Of the first deposit, the locked shares are in the number.
    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Added {
        #[topic]
        pub provider: Address,
        pub portion: Portion,
    }

    /// Liquidity was removed.
    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Removed {
        #[topic]
        pub provider: Address,
        pub portion: Portion,
    }

    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Swapped {
        #[topic]
        pub trader: Address,
        #[topic]
        pub token_in: Address,
        pub amount_in: u128,
        pub amount_out: u128,
    }

    #[error]
    #[derive(Debug, PartialEq, Eq)]
    pub enum Error {
        /// A token cannot be exchanged for itself.
        SameToken,
        /// The exchange has two tokens, and this is neither.
        UnknownToken,
        /// It is too little to give anything for.
        TooLittle,
        /// A reserve would be more than it may be.
        TooMany,
        /// The caller would get less than it asks for at least.
        BelowMinimum { amount: u128 },
        /// There are fewer shares than are wanted.
        InsufficientShares { have: u128, need: u128 },
        /// A token refused, with this error.
        Token(token::token::Error),
        /// A token failed: it is no token, or has not enough gas.
        TokenFailed,
        /// A token says that it was paid, and it was not.
        Unpaid,
    }

    impl Exchange {
        /// An exchange of two different tokens.
        #[init]
        fn new(&mut self, token_a: Address, token_b: Address) -> Result<(), Error> {
            ensure!(token_a != token_b, Error::SameToken);
            self.tokens.set((token_a, token_b));
            Ok(())
        }

        /// Both tokens.
        #[query]
        fn tokens(&self) -> (Address, Address) {
            self.tokens.get()
        }

        /// What there is of both tokens, for all shares.
        #[query]
        fn reserves(&self) -> (u128, u128) {
            let (a, b) = self.tokens.get();
            (self.reserves.get(&a), self.reserves.get(&b))
        }

        /// All shares, the locked ones included.
        #[query]
        fn supply(&self) -> u128 {
            self.supply.get()
        }

        /// The shares of one owner.
        #[query]
        fn shares_of(&self, owner: Address) -> u128 {
            self.shares.get(&owner)
        }

        /// What a swap would give now.
        #[query]
        fn quote_swap(&self, token_in: Address, amount_in: u128) -> Result<u128, Error> {
            let reserve_in = self.reserves.get(&token_in);
            let reserve_out = self.reserves.get(&self.other(token_in)?);
            ensure!(amount_in <= RESERVE_MAX - reserve_in, Error::TooMany);
            let counted = amount_in * AFTER_FEE;
            let amount_out = down(counted, reserve_out, reserve_in * 1_000 + counted)?;
            ensure!(amount_out > 0, Error::TooLittle);
            Ok(amount_out)
        }

        /// What a deposit of at most these amounts would be now; it keeps the reserves' ratio.
        #[query]
        fn quote_add(&self, most_a: u128, most_b: u128) -> Result<Portion, Error> {
            let supply = self.supply.get();
            let (reserve_a, reserve_b) = self.reserves();
            let portion = if supply == 0 {
                // How fine shares are is free to choose; so neither token counts for more.
                let shares = most_a.isqrt() * most_b.isqrt();
                ensure!(shares > LOCKED_SHARES, Error::TooLittle);
                Portion { shares, amount_a: most_a, amount_b: most_b }
            } else {
                // What is beyond any number is bounded by the other token, or too much below.
                let by_a = down(most_a, supply, reserve_a).unwrap_or(u128::MAX);
                let by_b = down(most_b, supply, reserve_b).unwrap_or(u128::MAX);
                let shares = by_a.min(by_b);
                ensure!(shares > 0, Error::TooLittle);
                let amount_a = up(shares, reserve_a, supply)?;
                let amount_b = up(shares, reserve_b, supply)?;
                Portion { shares, amount_a, amount_b }
            };
            ensure!(portion.amount_a <= RESERVE_MAX - reserve_a, Error::TooMany);
            ensure!(portion.amount_b <= RESERVE_MAX - reserve_b, Error::TooMany);
            Ok(portion)
        }

        /// What shares are worth now.
        #[query]
        fn quote_remove(&self, shares: u128) -> Result<Portion, Error> {
            ensure!(shares > 0, Error::TooLittle);
            let supply = self.supply.get();
            ensure!(shares <= supply, Error::InsufficientShares { have: supply, need: shares });
            let (reserve_a, reserve_b) = self.reserves();
            let amount_a = down(shares, reserve_a, supply)?;
            let amount_b = down(shares, reserve_b, supply)?;
            Ok(Portion { shares, amount_a, amount_b })
        }

        /// Deposits both tokens, at most these amounts, for at least so many shares. The caller has
        /// let the exchange take them. Of the very first shares, 1,000 are locked for ever.
        #[call]
        fn add_liquidity(
            &mut self,
            cx: &Context,
            most_a: u128,
            most_b: u128,
            least_shares: u128,
        ) -> Result<Portion, Error> {
            let portion = self.quote_add(most_a, most_b)?;
            let locked = if self.supply.get() == 0 { LOCKED_SHARES } else { 0 };
            let own = portion.shares - locked;
            ensure!(own >= least_shares, Error::BelowMinimum { amount: own });
            self.supply.add(portion.shares).map_err(|_| Error::TooMany)?;
            self.shares.add(&cx.caller, own).map_err(|_| Error::TooMany)?;
            let (a, b) = self.tokens.get();
            self.receive(cx, a, portion.amount_a)?;
            self.receive(cx, b, portion.amount_b)?;
            cx.emit(Added { provider: cx.caller, portion: portion.clone() });
            Ok(portion)
        }

        /// Takes shares of the caller back, for at least these amounts.
        #[call]
        fn remove_liquidity(
            &mut self,
            cx: &Context,
            shares: u128,
            least_a: u128,
            least_b: u128,
        ) -> Result<Portion, Error> {
            self.shares.sub(&cx.caller, shares).map_err(|_| Error::InsufficientShares {
                have: self.shares.get(&cx.caller),
                need: shares,
            })?;
            let portion = self.quote_remove(shares)?;
            let Portion { amount_a, amount_b, .. } = portion;
            ensure!(amount_a >= least_a, Error::BelowMinimum { amount: amount_a });
            ensure!(amount_b >= least_b, Error::BelowMinimum { amount: amount_b });
            self.supply.sub(shares).map_err(|_| Error::TooMany)?;
            let (a, b) = self.tokens.get();
            self.pay(cx, a, amount_a)?;
            self.pay(cx, b, amount_b)?;
            cx.emit(Removed { provider: cx.caller, portion: portion.clone() });
            Ok(portion)
        }

        /// Swaps exactly this amount of a token, which the caller has let the exchange take, for at
        /// least so much of the other. Answers with what the caller got.
        #[call]
        fn swap(
            &mut self,
            cx: &Context,
            token_in: Address,
            amount_in: u128,
            least_out: u128,
        ) -> Result<u128, Error> {
            let amount_out = self.quote_swap(token_in, amount_in)?;
            ensure!(amount_out >= least_out, Error::BelowMinimum { amount: amount_out });
            self.receive(cx, token_in, amount_in)?;
            self.pay(cx, self.other(token_in)?, amount_out)?;
            cx.emit(Swapped { trader: cx.caller, token_in, amount_in, amount_out });
            Ok(amount_out)
        }

        fn other(&self, token: Address) -> Result<Address, Error> {
            match self.tokens.get() {
                (a, b) if token == a => Ok(b),
                (a, b) if token == b => Ok(a),
                _ => Err(Error::UnknownToken),
            }
        }

        /// Takes the caller's units into a reserve. The token's word for it is not enough: it may
        /// keep a part, or lie.
        fn receive(&mut self, cx: &Context, token: Address, amount: u128) -> Result<(), Error> {
            self.reserves.add_up_to(&token, amount, RESERVE_MAX).map_err(|_| Error::TooMany)?;
            let units = TokenClient::at(token);
            checked(units.transfer_from(cx.caller, cx.contract, amount).send())?;
            let held = units.balance_of(cx.contract).send().map_err(|_| Error::TokenFailed)?;
            ensure!(held >= self.reserves.get(&token), Error::Unpaid);
            Ok(())
        }

        /// Pays the caller out of a reserve.
        fn pay(&mut self, cx: &Context, token: Address, amount: u128) -> Result<(), Error> {
            self.reserves.sub(&token, amount).map_err(|_| Error::TooMany)?;
            checked(TokenClient::at(token).transfer(cx.caller, amount).send())
        }
    }

    /// `a · b / c`, rounded down: of what the pool gives.
    fn down(a: u128, b: u128, c: u128) -> Result<u128, Error> {
        mul_div(a, b, c).map(|(quotient, _)| quotient).ok_or(Error::TooMany)
    }

    /// `a · b / c`, rounded up: of what the pool gets.
    fn up(a: u128, b: u128, c: u128) -> Result<u128, Error> {
        let (quotient, rest) = mul_div(a, b, c).ok_or(Error::TooMany)?;
        quotient.checked_add(u128::from(rest > 0)).ok_or(Error::TooMany)
    }

    fn checked(result: Result<(), CallError<token::token::Error>>) -> Result<(), Error> {
        result.map_err(|error| match error {
            CallError::Reverted(error) => Error::Token(error),
            CallError::Failed | CallError::Malformed => Error::TokenFailed,
        })
    }
}
