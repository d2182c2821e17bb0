use quorate_sdk::contract;

#[contract]
mod sample {
    #[storage]
    struct Sample {
        n: Item<u64>,
    }

    impl Sample {
        #[init]
        fn new(&mut self) {}

        #[call]
        fn method_21314(&mut self) {}

        #[call]
        fn method_73057(&mut self) {}
    }
}

fn main() {}
