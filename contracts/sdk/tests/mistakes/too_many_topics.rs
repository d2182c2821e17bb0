use quorate_sdk::contract;

#[contract]
mod sample {
    #[storage]
    struct Sample {
        n: Item<u64>,
    }

    #[event]
    struct Moved {
        #[topic]
        a: u8,
        #[topic]
        b: u8,
        #[topic]
        c: u8,
        #[topic]
        d: u8,
    }

    impl Sample {
        #[init]
        fn new(&mut self) {}
    }
}

fn main() {}
