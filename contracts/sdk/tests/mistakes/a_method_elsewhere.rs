use quorate_sdk::contract;

#[contract]
mod sample {
    #[storage]
    struct Sample {
        n: Item<u64>,
    }

    struct Other;

    impl Other {
        #[call]
        fn touch(&mut self) {}
    }

    impl Sample {
        #[init]
        fn new(&mut self) {}
    }
}

fn main() {}
