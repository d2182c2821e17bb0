//! Each host function: what it does, and that no argument makes it do more.

use primitives::receipt::{Failure, Status};
use primitives::{Address, Gas, Receipt, StateKey, codec};

use crate::testing::{GAS, PAY, RUN, TestChain, calling, key, text_bytes};

fn run(extra: &str, body: &str) -> Receipt {
    let mut chain = TestChain::new();
    let contract = chain.deploy(calling(extra, body));
    chain.call(contract, &RUN, 0)
}

fn check_misuse(body: &str, expected: &str) {
    let receipt = run("", &format!("{body} i32.const 0"));
    let Status::Failed(Failure::HostMisuse(message)) = receipt.status else {
        panic!("{body}: {:?}", receipt.status);
    };
    assert!(message.contains(expected), "{body}: {message:?} does not say {expected:?}");
    assert!(receipt.gas_used < Gas(GAS));
}

/// A pointer to the memory's last byte, to its end, and to the end of the address space: with every
/// host function, in every place that takes a pointer.
#[test]
fn pointers_outside_of_the_memory_end_the_call() {
    for bad in ["(i32.const 65535)", "(i32.const 65536)", "(i32.const -1)"] {
        for call in [
            "(call $input BAD)",
            "(call $set_output BAD (i32.const 4))",
            "(call $context BAD)",
            "(drop (call $get BAD (i32.const 4) (i32.const 0) (i32.const 0)))",
            "(call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 4))
             (drop (call $get (i32.const 0) (i32.const 1) BAD (i32.const 4)))",
            "(call $set BAD (i32.const 4) (i32.const 0) (i32.const 1))",
            "(call $set (i32.const 0) (i32.const 1) BAD (i32.const 4))",
            "(call $delete BAD (i32.const 4))",
            "(drop (call $has BAD (i32.const 4)))",
            "(call $emit BAD (i32.const 4) (i32.const 0) (i32.const 0))",
            "(call $emit (i32.const 0) (i32.const 4) BAD (i32.const 4))",
            "(drop (call $call BAD (i32.const 0) (i32.const 4) (i32.const 0) (i64.const 0)
                (i32.const 0)))",
            "(drop (call $call (i32.const 0) BAD (i32.const 4) (i32.const 0) (i64.const 0)
                (i32.const 0)))",
            "(drop (call $call (i32.const 0) (i32.const 0) (i32.const 4) BAD (i64.const 0)
                (i32.const 0)))",
            "(drop (call $add BAD (i32.const 4) (i32.const 0) (i32.const 0)))",
            "(drop (call $add (i32.const 0) (i32.const 4) BAD (i32.const 0)))",
            "(drop (call $add (i32.const 0) (i32.const 4) (i32.const 0) BAD))",
            "(drop (call $scan BAD (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 0)))",
            "(drop (call $scan (i32.const 0) (i32.const 0) BAD (i32.const 4) (i32.const 0)))",
            "(call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 4))
             (drop (call $next_batch (call $scan (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 0) (i32.const 0)) BAD (i32.const 64)))",
            "(drop (call $instantiate BAD (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 0) (i64.const 0)))",
            "(drop (call $instantiate (i32.const 0) BAD (i32.const 4) (i32.const 0) (i32.const 0)
                (i32.const 0) (i64.const 0)))",
            "(drop (call $instantiate (i32.const 0) (i32.const 0) (i32.const 0) BAD (i32.const 4)
                (i32.const 0) (i64.const 0)))",
            "(drop (call $instantiate (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 0) BAD (i64.const 0)))",
            "(drop (call $upgrade BAD (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0)))",
            "(drop (call $upgrade (i32.const 0) BAD (i32.const 0) (i32.const 0) (i64.const 0)))",
            "(drop (call $upgrade (i32.const 0) (i32.const 0) BAD (i32.const 4) (i64.const 0)))",
            "(drop (call $set_admin BAD (i32.const 0)))",
            "(drop (call $set_admin (i32.const 0) BAD))",
            "(call $blake3 BAD (i32.const 4) (i32.const 0))",
            "(call $blake3 (i32.const 0) (i32.const 4) BAD)",
            "(call $sha256 BAD (i32.const 4) (i32.const 0))",
            "(call $sha256 (i32.const 0) (i32.const 4) BAD)",
            "(call $keccak256 BAD (i32.const 4) (i32.const 0))",
            "(call $keccak256 (i32.const 0) (i32.const 4) BAD)",
            "(drop (call $ed25519_verify BAD (i32.const 0) (i32.const 4) (i32.const 0)))",
            "(drop (call $ed25519_verify (i32.const 0) BAD (i32.const 4) (i32.const 0)))",
            "(drop (call $ed25519_verify (i32.const 0) (i32.const 0) (i32.const 4) BAD))",
            "(drop (call $ed25519_verify_batch BAD (i32.const 4)))",
            "(drop (call $secp256k1_verify BAD (i32.const 0) (i32.const 0)))",
            "(drop (call $secp256k1_verify (i32.const 0) BAD (i32.const 0)))",
            "(drop (call $secp256k1_verify (i32.const 0) (i32.const 0) BAD))",
            "(drop (call $secp256k1_recover BAD (i32.const 0) (i32.const 0)))",
            "(drop (call $secp256k1_recover (i32.const 0) BAD (i32.const 0)))",
            "(drop (call $p256_verify BAD (i32.const 0) (i32.const 0)))",
            "(drop (call $p256_verify (i32.const 0) BAD (i32.const 0)))",
            "(drop (call $p256_verify (i32.const 0) (i32.const 0) BAD))",
            "(drop (call $transfer BAD (i32.const 0)))",
            "(drop (call $transfer (i32.const 0) BAD))",
            "(call $balance BAD (i32.const 0))",
            "(call $balance (i32.const 0) BAD)",
            "(call $panic BAD (i32.const 4))",
        ] {
            check_misuse(&call.replace("BAD", bad), "outside of the memory");
        }
    }
}

#[test]
fn lengths_over_their_caps_end_the_call() {
    let grow = "(drop (memory.grow (i32.const 4)))";
    for (call, what) in [
        ("(call $set_output (i32.const 0) (i32.const 65537))", "the output has 65537 bytes"),
        ("(call $set_output (i32.const 0) (i32.const -1))", "the output has 4294967295 bytes"),
        ("(drop (call $has (i32.const 0) (i32.const 257)))", "the key has 257 bytes"),
        (
            "(call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 65537))",
            "the value has 65537 bytes",
        ),
        (
            "(call $emit (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 16385))",
            "the data has 16385 bytes",
        ),
        (
            "(call $emit (i32.const 0) (i32.const 300) (i32.const 0) (i32.const 0))",
            "the topics has 300",
        ),
        (
            "(drop (call $call (i32.const 0) (i32.const 0) (i32.const 65537) (i32.const 0)
                (i64.const 0) (i32.const 0)))",
            "the input has 65537 bytes",
        ),
        (
            "(drop (call $call (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0) (i64.const 0)
                (i32.const 2)))",
            "unknown flags",
        ),
        (
            "(drop (call $add (i32.const 0) (i32.const 257) (i32.const 0) (i32.const 0)))",
            "the key has 257 bytes",
        ),
        (
            "(drop (call $scan (i32.const 0) (i32.const 257) (i32.const 0) (i32.const 0)
                (i32.const 0)))",
            "the start has 257 bytes",
        ),
        (
            "(drop (call $scan (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 257)
                (i32.const 0)))",
            "the end has 257 bytes",
        ),
        (
            "(drop (call $instantiate (i32.const 0) (i32.const 0) (i32.const 65) (i32.const 0)
                (i32.const 0) (i32.const 0) (i64.const 0)))",
            "the salt has 65 bytes",
        ),
        (
            "(drop (call $instantiate (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 65537) (i32.const 0) (i64.const 0)))",
            "the input has 65537 bytes",
        ),
        (
            "(drop (call $upgrade (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 65537)
                (i64.const 0)))",
            "the input has 65537 bytes",
        ),
        ("(call $sha256 (i32.const 0) (i32.const 1048577) (i32.const 0))", "has 1048577 bytes"),
    ] {
        check_misuse(&format!("{grow} {call}"), what);
    }
}

#[test]
fn storage_reads_what_it_wrote() {
    let receipt = run(
        r#"(data (i32.const 0) "key") (data (i32.const 16) "a value")"#,
        "(if (i64.ne (call $get (i32.const 0) (i32.const 3) (i32.const 64) (i32.const 64))
            (i64.const -1)) (then unreachable))
         (if (call $has (i32.const 0) (i32.const 3)) (then unreachable))
         (call $set (i32.const 0) (i32.const 3) (i32.const 16) (i32.const 7))
         (if (i64.ne (call $get (i32.const 0) (i32.const 3) (i32.const 64) (i32.const 2))
            (i64.const 7)) (then unreachable))
         (if (i32.ne (i32.load (i32.const 64)) (i32.const 0x2061)) (then unreachable))
         (if (i32.eqz (call $has (i32.const 0) (i32.const 3))) (then unreachable))
         (call $delete (i32.const 0) (i32.const 3))
         (call $delete (i32.const 0) (i32.const 3))
         (call $has (i32.const 0) (i32.const 3))",
    );
    assert_eq!(receipt.status, Status::Success);
}

/// Contracts have storages of their own, and an empty value is not an absent one.
#[test]
fn storage_is_the_contracts_own() {
    let mut chain = TestChain::new();
    let write = "(call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)) i32.const 0";
    let first = chain.deploy(calling("", write));
    let second = chain.deploy(calling("", &format!("(drop (i32.const 1)) {write}")));
    assert_ne!(first, second);
    chain.call(first, &RUN, 0);
    assert_eq!(chain.state.get(&StateKey::storage(&first, &[0])), Some(&Vec::new()));
    assert_eq!(chain.state.get(&StateKey::storage(&second, &[0])), None);
}

#[test]
fn the_context_says_where_it_runs() {
    let mut chain = TestChain::new();
    let contract = chain.deploy(calling(
        "",
        "(call $context (i32.const 0)) (call $set_output (i32.const 0) (i32.const 168))
         i32.const 0",
    ));
    let (height, time_ms) = (chain.block.height.0, chain.block.timestamp.0);
    let output = chain.call(contract, &PAY, 77).output;
    let sender = key(1).public_key().address().0;
    let expected = abi::host::Context {
        height,
        time_ms,
        contract: contract.0,
        caller: sender,
        origin: sender,
        value: 77,
        depth: 0,
        is_static: 0,
        chain: chain.block.chain.0,
    };
    assert_eq!(output, codec::encode(&expected));
    assert_eq!(output.len(), abi::host::CONTEXT_BYTES);
}

#[test]
fn input_and_output_are_whole() {
    let mut chain = TestChain::new();
    let echo = "(call $input (i32.const 10)) (call $set_output (i32.const 10) (local.get 0))";
    let contract = chain.deploy(calling("", &format!("{echo} i32.const 0")));
    let input = [&RUN[..], &[5; 1_000]].concat();
    assert_eq!(chain.call(contract, &input, 0).output, input);
    let contract = chain.deploy(calling("", &format!("{echo} i32.const 1")));
    let receipt = chain.call(contract, &input, 0);
    assert_eq!((receipt.status, receipt.output), (Status::Reverted, input));
}

#[test]
fn events_carry_topics_and_are_bounded() {
    let topics = codec::encode(&vec![b"selector".to_vec(), b"who".to_vec()]);
    let extra =
        format!(r#"(data (i32.const 0) "{}") (data (i32.const 100) "data")"#, text_bytes(&topics));
    let emit = format!(
        "(call $emit (i32.const 0) (i32.const {}) (i32.const 100) (i32.const 4))",
        topics.len()
    );
    let receipt = run(&extra, &format!("{emit} i32.const 0"));
    assert_eq!(receipt.events.len(), 1);
    assert_eq!(receipt.events[0].topics, [b"selector".to_vec(), b"who".to_vec()]);
    assert_eq!(receipt.events[0].data, b"data");
    let many = |count: u32| {
        let body = format!(
            "(local i32) (local.set 1 (i32.const {count})) (loop {emit}
                (br_if 0 (local.tee 1 (i32.sub (local.get 1) (i32.const 1))))) i32.const 0"
        );
        run(&extra, &body)
    };
    assert_eq!(many(256).events.len(), 256);
    let misuse = Failure::HostMisuse("a transaction emits at most 256 events".to_owned());
    assert_eq!(many(257).status, Status::Failed(misuse));
    check_misuse(
        "(i32.store (i32.const 0) (i32.const 5))
         (call $emit (i32.const 0) (i32.const 24) (i32.const 0) (i32.const 0))",
        "the topics are malformed",
    );
    check_misuse(
        "(call $emit (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 0))",
        "malformed",
    );
}

#[test]
fn a_panic_carries_its_message_and_costs_what_was_used() {
    let receipt = run(
        r#"(data (i32.const 0) "lib.rs:7: no")"#,
        "(call $panic (i32.const 0) (i32.const 12)) i32.const 0",
    );
    assert_eq!(receipt.status, Status::Failed(Failure::Panicked("lib.rs:7: no".to_owned())));
    assert!(receipt.gas_used < Gas(GAS));
    // A long one is cut, an invalid one repaired; neither exceeds its place in the receipt.
    let long = run(
        "",
        "(memory.fill (i32.const 0) (i32.const 0xff) (i32.const 1000))
         (call $panic (i32.const 0) (i32.const 1000)) i32.const 0",
    );
    let Status::Failed(Failure::Panicked(message)) = long.status else { panic!() };
    assert!(!message.is_empty() && message.len() <= 256);
}

#[test]
fn native_units_move_out_of_the_contract() {
    let mut chain = TestChain::new();
    let to = Address([9; 32]);
    let extra =
        format!(r#"(data (i32.const 0) "{}") (data (i32.const 32) "\28")"#, text_bytes(&to.0));
    let contract = chain.deploy(calling(
        &extra,
        "(if (call $transfer (i32.const 0) (i32.const 32)) (then (return (i32.const 1))))
         (call $balance (i32.const 0) (i32.const 64))
         (call $set_output (i32.const 64) (i32.const 16)) i32.const 0",
    ));
    assert_eq!(chain.call(contract, &RUN, 0).status, Status::Reverted);
    let receipt = chain.call(contract, &PAY, 100);
    assert_eq!(receipt.output, 40_u128.to_le_bytes());
    assert_eq!((chain.balance(&contract), chain.balance(&to)), (60, 40));
}
