//! A fungible token, with allowances and a role that may mint.
#![no_std]

use quorate_sdk::contract;

/// A token. Whoever creates it owns it: the owner says who may mint.
#[contract]
pub mod token {
    #[storage]
    pub struct Token {
        owner: Item<Address>,
        supply: Total,
        balances: Totals<Address>,
        /// What an owner lets a spender take.
        allowances: Map<(Address, Address), u128>,
        minters: Set<Address>,
    }

    /// Units changed hands. New ones come from the zero address, and burnt ones go there.
    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Transfer {
        #[topic]
        pub from: Address,
        #[topic]
        pub to: Address,
        pub amount: u128,
    }

    /// An owner lets a spender take so much from now on.
    #[event]
    #[derive(Debug, PartialEq, Eq)]
    pub struct Approval {
        #[topic]
        pub owner: Address,
        #[topic]
        pub spender: Address,
        pub amount: u128,
    }

    #[error]
    #[derive(Debug, PartialEq, Eq)]
    pub enum Error {
        /// There are fewer units than are wanted.
        Insufficient {
            have: u128,
            need: u128,
        },
        /// The spender may take fewer units than it wants to.
        NotAllowed {
            allowed: u128,
            need: u128,
        },
        /// The supply would be more than there can be.
        TooMany,
        NotTheOwner,
        NotAMinter,
    }

    impl Token {
        /// Gives the whole supply to the creator.
        #[init]
        fn new(&mut self, cx: &Context, supply: u128) -> Result<(), Error> {
            self.owner.set(cx.caller);
            self.create(cx, cx.caller, supply)
        }

        /// All units there are.
        #[query]
        fn supply(&self) -> u128 {
            self.supply.get()
        }

        /// The units of one owner.
        #[query]
        fn balance_of(&self, owner: Address) -> u128 {
            self.balances.get(&owner)
        }

        /// What a spender may take of an owner's units.
        #[query]
        fn allowance(&self, owner: Address, spender: Address) -> u128 {
            self.allowances.get(&(owner, spender)).unwrap_or(0)
        }

        /// Those who may mint, `limit` of them behind one.
        #[query]
        fn minters(&self, after: Option<Address>, limit: u32) -> Vec<Address> {
            self.minters.page(after.as_ref(), limit as usize)
        }

        /// Owners and their units, `limit` of them behind one.
        #[query]
        fn holders(&self, after: Option<Address>, limit: u32) -> Vec<(Address, u128)> {
            self.balances.page(after.as_ref(), limit as usize)
        }

        /// Sends units of the caller.
        #[call]
        fn transfer(&mut self, cx: &Context, to: Address, amount: u128) -> Result<(), Error> {
            self.shift(cx, cx.caller, to, amount)
        }

        /// Lets a spender take so many units of the caller, in place of what it could before.
        #[call]
        fn approve(&mut self, cx: &Context, spender: Address, amount: u128) {
            self.allowances.set(&(cx.caller, spender), amount);
            cx.emit(Approval { owner: cx.caller, spender, amount });
        }

        /// Sends units of an owner who has let the caller do so.
        #[call]
        fn transfer_from(
            &mut self,
            cx: &Context,
            from: Address,
            to: Address,
            amount: u128,
        ) -> Result<(), Error> {
            let allowed = self.allowance(from, cx.caller);
            ensure!(allowed >= amount, Error::NotAllowed { allowed, need: amount });
            self.allowances.set(&(from, cx.caller), allowed - amount);
            self.shift(cx, from, to, amount)
        }

        /// Makes new units; for minters.
        #[call]
        fn mint(&mut self, cx: &Context, to: Address, amount: u128) -> Result<(), Error> {
            ensure!(self.minters.contains(&cx.caller), Error::NotAMinter);
            self.create(cx, to, amount)
        }

        /// Destroys units of the caller.
        #[call]
        fn burn(&mut self, cx: &Context, amount: u128) -> Result<(), Error> {
            self.take(&cx.caller, amount)?;
            self.supply.sub(amount).map_err(|_| Error::TooMany)?;
            cx.emit(Transfer { from: cx.caller, to: Address::default(), amount });
            Ok(())
        }

        /// Lets an account mint; for the owner.
        #[call]
        fn add_minter(&mut self, cx: &Context, minter: Address) -> Result<(), Error> {
            self.check_owner(cx)?;
            self.minters.insert(&minter);
            Ok(())
        }

        /// Lets an account mint no more; for the owner.
        #[call]
        fn remove_minter(&mut self, cx: &Context, minter: Address) -> Result<(), Error> {
            self.check_owner(cx)?;
            self.minters.remove(&minter);
            Ok(())
        }

        fn check_owner(&self, cx: &Context) -> Result<(), Error> {
            ensure!(cx.caller == self.owner.get(), Error::NotTheOwner);
            Ok(())
        }

        fn create(&mut self, cx: &Context, to: Address, amount: u128) -> Result<(), Error> {
            // No balance is above the supply, so that only the supply can become too much.
            self.supply.add(amount).map_err(|_| Error::TooMany)?;
            self.balances.add(&to, amount).map_err(|_| Error::TooMany)?;
            cx.emit(Transfer { from: Address::default(), to, amount });
            Ok(())
        }

        fn shift(
            &mut self,
            cx: &Context,
            from: Address,
            to: Address,
            amount: u128,
        ) -> Result<(), Error> {
            self.take(&from, amount)?;
            self.balances.add(&to, amount).map_err(|_| Error::TooMany)?;
            cx.emit(Transfer { from, to, amount });
            Ok(())
        }

        fn take(&mut self, from: &Address, amount: u128) -> Result<(), Error> {
            let taken = self.balances.sub(from, amount);
            taken.map_err(|_| Error::Insufficient { have: self.balances.get(from), need: amount })
        }
    }
}
