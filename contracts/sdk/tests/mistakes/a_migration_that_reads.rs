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

        #[migrate]
        fn from_v1(&self) {}
    }
}

fn main() {}
