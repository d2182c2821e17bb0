use quorate_sdk::contract;

#[contract]
mod sample {
    #[storage]
    struct Sample {
        n: Map<Option<u64>, u64>,
    }

    impl Sample {
        #[init]
        fn new(&mut self) {}
    }
}

fn main() {}
