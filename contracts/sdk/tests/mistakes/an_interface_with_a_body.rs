use quorate_sdk::interface;

#[interface]
trait Token {
    #[call]
    fn transfer(&mut self, amount: u128) {}
}

fn main() {}
