use quorate_sdk::contract;

#[contract]
mod sample {
    #[storage]
    struct Sample {
        n: Item<u64>,
    }

    struct Refused;

    impl Sample {
        #[init]
        fn new(&mut self) {}

        #[call]
        fn touch(&mut self) -> Result<(), Refused> {
            Err(Refused)
        }
    }
}

fn main() {}
