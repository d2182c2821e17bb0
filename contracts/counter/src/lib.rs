//! The smallest contract: a counter.
#![no_std]

use quorate_sdk::contract;

/// Counts up, for everyone.
#[contract]
pub mod counter {
    #[storage]
    pub struct Counter {
        n: Item<u64>,
    }

    impl Counter {
        /// Starts counting at `n`.
        #[init]
        fn new(&mut self, n: u64) {
            self.n.set(n);
        }

        /// Adds one and returns the sum.
        #[call]
        fn inc(&mut self) -> u64 {
            self.n.update(|n| n + 1)
        }

        /// Adds `by` and returns the sum.
        #[call]
        fn add(&mut self, by: u64) -> u64 {
            self.n.update(|n| n + by)
        }

        /// The count.
        #[query]
        fn get(&self) -> u64 {
            self.n.get()
        }
    }
}
