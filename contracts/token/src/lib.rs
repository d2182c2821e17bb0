//! A fungible token of fixed supply.
#![no_std]

use quorate_sdk::contract;

/// A token whose whole supply belongs at first to whoever creates it.
#[contract]
mod token {
    #[storage]
    struct Token {
        supply: Item<u128>,
        balances: Map<Address, u128>,
    }

    /// Units changed hands. Those of the first transfer come from the zero address.
    #[event]
    struct Transfer {
        #[topic]
        from: Address,
        #[topic]
        to: Address,
        amount: u128,
    }

    #[error]
    enum Error {
        /// The sender has fewer units than it wants to send.
        Insufficient { have: u128, need: u128 },
    }

    impl Token {
        /// Gives the whole supply to the creator.
        #[init]
        fn new(&mut self, cx: &Context, supply: u128) {
            self.supply.set(supply);
            self.balances.set(&cx.caller, supply);
            cx.emit(Transfer { from: Address::default(), to: cx.caller, amount: supply });
        }

        /// All units there are.
        #[query]
        fn supply(&self) -> u128 {
            self.supply.get()
        }

        /// The units of one owner.
        #[query]
        fn balance_of(&self, owner: Address) -> u128 {
            self.balances.get(&owner).unwrap_or(0)
        }

        /// Sends units of the caller.
        #[call]
        fn transfer(&mut self, cx: &Context, to: Address, amount: u128) -> Result<(), Error> {
            let have = self.balances.get(&cx.caller).unwrap_or(0);
            ensure!(have >= amount, Error::Insufficient { have, need: amount });
            self.balances.set(&cx.caller, have - amount);
            self.balances.update(&to, |balance| balance.unwrap_or(0) + amount);
            cx.emit(Transfer { from: cx.caller, to, amount });
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use quorate_sdk::abi::Abi;

    use super::token::ABI;

    /// Fails when `token.wasm` is not of this source's interface. Renew it with
    /// `cargo run -p quorate-contract-build --example build -- contracts/token`.
    #[test]
    fn the_module_describes_this_source() {
        let module = include_bytes!("../token.wasm");
        assert_eq!(Abi::from_module(module), Abi::decode(&ABI));
    }
}
