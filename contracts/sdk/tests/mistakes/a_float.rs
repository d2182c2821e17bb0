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
        fn scale(&mut self, by: f64) {
            let _ = by;
        }
    }
}

fn main() {}
