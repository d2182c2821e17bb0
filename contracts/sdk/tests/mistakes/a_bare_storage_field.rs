use quorate_sdk::contract;

#[contract]
mod sample {
    #[storage]
    struct Sample {
        n: u64,
    }

    impl Sample {
        #[init]
        fn new(&mut self) {}
    }
}

fn main() {}
