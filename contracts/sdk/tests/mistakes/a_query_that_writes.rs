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

        #[query]
        fn get(&mut self) -> u64 {
            self.n.get()
        }
    }
}

fn main() {}
