use quorate_sdk::contract;

#[contract]
mod sample {
    #[data]
    struct Offer {
        price: u128,
    }

    #[storage]
    struct Sample {
        offers: IndexedMap<u64, Offer>,
    }

    impl Sample {
        #[init]
        fn new(&mut self) {}
    }
}

fn main() {}
