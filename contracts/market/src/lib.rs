//! A market for tokens.
//!
//! Shows calls to another contract through its client, an indexed map, pages, and native units.
#![no_std]

use quorate_sdk::contract;

/// Sells tokens for native units. A seller lets the market take what is offered; the market keeps
/// it until it is sold or withdrawn.
///
/// Since version 2 of its state it counts what it has sold.
#[contract(state_version = 2)]
pub mod market {
    use token::token::TokenClient;

    /// Units of a token, for sale.
    #[data]
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Offer {
        #[index]
        pub seller: Address,
        pub token: Address,
        pub amount: u128,
        /// Native units for all of it.
        #[index]
        pub price: u128,
    }

    #[storage]
    pub struct Market {
        offers: IndexedMap<u64, Offer>,
        next: Item<u64>,
        sold: Total,
    }

    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Sold {
        #[topic]
        pub seller: Address,
        #[topic]
        pub buyer: Address,
        pub offer: u64,
    }

    #[error]
    #[derive(Debug, PartialEq, Eq)]
    pub enum Error {
        NoSuchOffer,
        NotTheSeller,
        WrongPrice {
            price: u128,
        },
        /// More was sold than can be counted.
        TooMany,
        /// The token refused, with this error.
        Token(token::token::Error),
        /// The token failed: it is no token, or has not enough gas.
        TokenFailed,
    }

    impl Market {
        #[init]
        fn new(&mut self) {
            self.next.set(0);
        }

        /// Begins to count, with what was sold before.
        #[migrate]
        fn from_version_1(&mut self, sold: u128) {
            self.sold.set(sold);
        }

        /// Offers units that the caller has allowed the market to take.
        #[call]
        fn offer(
            &mut self,
            cx: &Context,
            token: Address,
            amount: u128,
            price: u128,
        ) -> Result<u64, Error> {
            let units = TokenClient::at(token);
            checked(units.transfer_from(cx.caller, cx.contract, amount).send())?;
            let number = self.next.get();
            self.next.set(number + 1);
            self.offers.set(&number, Offer { seller: cx.caller, token, amount, price });
            Ok(number)
        }

        /// Buys an offer, for exactly its price.
        #[call(payable)]
        fn buy(&mut self, cx: &Context, number: u64) -> Result<(), Error> {
            let offer = self.offers.remove(&number).ok_or(Error::NoSuchOffer)?;
            ensure!(cx.value == offer.price, Error::WrongPrice { price: offer.price });
            checked(TokenClient::at(offer.token).transfer(cx.caller, offer.amount).send())?;
            let paid = cx.transfer(&offer.seller, offer.price);
            paid.map_err(|_| Error::WrongPrice { price: offer.price })?;
            self.sold.add(1).map_err(|_| Error::TooMany)?;
            cx.emit(Sold { seller: offer.seller, buyer: cx.caller, offer: number });
            Ok(())
        }

        /// Asks another price for an offer of the caller.
        #[call]
        fn reprice(&mut self, cx: &Context, number: u64, price: u128) -> Result<(), Error> {
            let offer = self.offers.get(&number).ok_or(Error::NoSuchOffer)?;
            ensure!(offer.seller == cx.caller, Error::NotTheSeller);
            self.offers.set(&number, Offer { price, ..offer });
            Ok(())
        }

        /// Takes an offer of the caller back.
        #[call]
        fn withdraw(&mut self, cx: &Context, number: u64) -> Result<(), Error> {
            let offer = self.offers.remove(&number).ok_or(Error::NoSuchOffer)?;
            ensure!(offer.seller == cx.caller, Error::NotTheSeller);
            checked(TokenClient::at(offer.token).transfer(offer.seller, offer.amount).send())
        }

        /// How many offers were bought.
        #[query]
        fn sold(&self) -> u128 {
            self.sold.get()
        }

        /// Offers in their order, `limit` of them behind one.
        #[query]
        fn offers(&self, after: Option<u64>, limit: u32) -> Vec<(u64, Offer)> {
            self.offers.page(after.as_ref(), limit as usize)
        }

        /// The cheapest offers, the cheapest first.
        #[query]
        fn cheapest(&self, limit: u32) -> Vec<(u64, Offer)> {
            self.offers.by(Offer::BY_PRICE).range(..).take(limit as usize).collect()
        }

        /// The dearest offers below a price, the dearest first.
        #[query]
        fn below(&self, price: u128, limit: u32) -> Vec<(u64, Offer)> {
            let offers = self.offers.by(Offer::BY_PRICE).range_descending(..price);
            offers.take(limit as usize).collect()
        }

        /// The numbers of one seller's offers.
        #[query]
        fn of_seller(&self, seller: Address) -> Vec<u64> {
            self.offers.by(Offer::BY_SELLER).keys_of(&seller).map(|(_, number)| number).collect()
        }
    }

    fn checked(result: Result<(), CallError<token::token::Error>>) -> Result<(), Error> {
        result.map_err(|error| match error {
            CallError::Reverted(error) => Error::Token(error),
            CallError::Failed | CallError::Malformed => Error::TokenFailed,
        })
    }
}
