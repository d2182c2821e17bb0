use quorate_sdk::contract;

#[contract]
mod sample {
    #[storage]
    struct Sample {
        n: Item<u64>,
    }

    impl Sample {
        #[call]
        fn touch(&mut self) {}
    }
}

fn main() {}
