//! The contract `{{name}}`.
//!
//! Build it with `quorate contract build`, and test it with `quorate contract test`. What the
//! attributes mean stands at the top of `vendor/sdk/src/lib.rs`.
#![no_std]

use quorate_sdk::contract;

/// A counter that only its owner may set back. These lines are shown wherever the contract is.
#[contract]
pub mod {{module}} {
    /// What the contract keeps on the chain. Each field is written when it is set.
    #[storage]
    pub struct State {
        owner: Item<Address>,
        count: Item<u64>,
        by_caller: Map<Address, u64>,
    }

    /// Emitted for whoever watches the chain; a topic can be searched by.
    #[event]
    #[derive(Debug, PartialEq)]
    pub struct Counted {
        #[topic]
        pub by: Address,
        pub count: u64,
    }

    /// Returning an error undoes the call.
    #[error]
    #[derive(Debug, PartialEq)]
    pub enum Error {
        NotTheOwner { owner: Address },
    }

    impl State {
        /// Runs once, when the contract is instantiated.
        #[init]
        fn new(&mut self, cx: &Context, start: u64) {
            self.owner.set(cx.caller);
            self.count.set(start);
        }

        /// Adds `by` and returns the sum.
        #[call]
        fn add(&mut self, cx: &Context, by: u64) -> u64 {
            let count = self.count.update(|count| count + by);
            self.by_caller.update(&cx.caller, |sum| sum.unwrap_or(0) + by);
            cx.emit(Counted { by: cx.caller, count });
            count
        }

        /// Starts again from zero.
        #[call]
        fn reset(&mut self, cx: &Context) -> Result<(), Error> {
            let owner = self.owner.get();
            ensure!(cx.caller == owner, Error::NotTheOwner { owner });
            self.count.set(0);
            Ok(())
        }

        /// The count.
        #[query]
        fn get(&self) -> u64 {
            self.count.get()
        }

        /// How much one account has added.
        #[query]
        fn added_by(&self, account: Address) -> u64 {
            self.by_caller.get(&account).unwrap_or(0)
        }
    }
}
