use quorate_sdk::contract_test;

#[contract_test]
fn it_counts() {}

fn main() {}
