use quorate_sdk::contract;

#[contract]
mod sample {}

fn main() {}
