use quorate_sdk::contract;

#[contract]
mod sample {
    #[storage]
    struct Sample {
        n: Item<u64>,
    }

    #[event]
    struct Traded {
        #[topic]
        pair: (Address, Address, u8),
        amount: u128,
    }

    impl Sample {
        #[init]
        fn new(&mut self) {}
    }
}

fn main() {}
