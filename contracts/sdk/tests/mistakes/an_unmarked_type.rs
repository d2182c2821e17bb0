use quorate_sdk::contract;

#[contract]
mod sample {
    #[storage]
    struct Sample {
        n: Item<u64>,
    }

    struct Order {
        amount: u64,
    }

    impl Sample {
        #[init]
        fn new(&mut self) {}

        #[call]
        fn order(&mut self, order: Order) {
            let _ = order;
        }
    }
}

fn main() {}
