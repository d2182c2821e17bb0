//! The smallest contract: a counter.
#![no_std]

use quorate_sdk::contract;

/// Counts up, for everyone.
#[contract]
mod counter {
    #[storage]
    struct Counter {
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

#[cfg(test)]
mod tests {
    use quorate_sdk::abi::Abi;

    use super::counter::ABI;

    /// Fails when `counter.wasm` is not of this source's interface. Renew it with
    /// `cargo run -p quorate-contract-build --example build -- contracts/counter`.
    #[test]
    fn the_module_describes_this_source() {
        let module = include_bytes!("../counter.wasm");
        assert_eq!(Abi::from_module(module), Abi::decode(&ABI));
    }
}
