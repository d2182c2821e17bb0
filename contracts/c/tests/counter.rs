//! The counter in C on a chain, and that what is written down twice is the same.
#![allow(clippy::indexing_slicing, reason = "what is not there fails the test")]

use std::fs;
use std::path::Path;
use std::process::Command;

use abi::layout::to_vec;
use abi::{Abi, host, selector, storage_prefix};
use c::{COUNT, Counted, CounterClient, LAYOUT, Refused, described};
use quorate_sdk::testing::{Failure, TestChain};
use quorate_sdk::{Address, Call, Client};

const MODULE: &[u8] = include_bytes!("../c.wasm");
const SOURCE: &str = include_str!("../counter.c");
const HEADER: &str = include_str!("../quorate.h");
const INTERFACE: &str = include_str!("../../abi/src/host.rs");

/// A chain with a counter. Nodes would take the module, or storing it panics.
fn open(n: u64) -> (TestChain, CounterClient, Address) {
    let mut chain = TestChain::new();
    let alice = chain.account("alice");
    let code = chain.store_module(MODULE.to_vec());
    let counter = chain.try_deploy_code(&alice, &code, CounterClient::new(n)).value();
    (chain, counter, alice)
}

#[test]
fn it_counts() {
    let (mut chain, counter, alice) = open(40);
    assert_eq!(chain.query(counter.get()), 40);
    let bob = chain.account("bob");
    let receipt = chain.call(&alice, counter.add(1));
    assert_eq!(receipt.events::<Counted>(), [Counted { caller: alice, count: 41 }]);
    assert_eq!(receipt.value(), 41);
    let receipt = chain.call(&bob, counter.add(1));
    assert_eq!(receipt.events::<Counted>(), [Counted { caller: bob, count: 42 }]);
    assert_eq!(chain.query(counter.get()), 42);
}

#[test]
fn it_refuses_with_its_error_and_changes_nothing() {
    let (mut chain, counter, alice) = open(u64::MAX - 1);
    let refused = chain.call(&alice, counter.add(2));
    assert!(refused.events::<Counted>().is_empty());
    assert_eq!(refused.error(), Refused::Overflow { count: u64::MAX - 1, by: 2 });
    assert_eq!(chain.query(counter.get()), u64::MAX - 1);
    assert_eq!(chain.call(&alice, counter.add(1)).value(), u64::MAX);
}

#[test]
fn what_is_not_described_is_not_done() {
    let (mut chain, counter, alice) = open(0);
    let paid = chain.call(&alice, counter.add(1).value(1));
    assert_eq!(paid.failure(), Failure::NotPayable);
    let unknown = Call::<u64>::new(counter.address(), selector("sub")).argument(&1_u64);
    assert_eq!(chain.call(&alice, unknown).failure(), Failure::UnknownMethod);
    let again = Call::<()>::new(counter.address(), selector("new")).argument(&1_u64);
    assert_eq!(chain.call(&alice, again).failure(), Failure::UnknownMethod);
    let malformed = Failure::Panicked("the input is malformed".to_owned());
    for call in [counter.add(1).argument(&0_u8), Call::new(counter.address(), selector("add"))] {
        assert_eq!(chain.call(&alice, call).failure(), malformed);
    }
    let long = chain.try_query(&alice, counter.get().argument(&0_u8));
    assert_eq!(long.failure(), malformed);
    assert_eq!(chain.query(counter.get()), 0);
}

/// Fails when `c.wasm` is not of this description. Renew it with
/// `cargo run -p c --example embed`.
#[test]
fn the_module_describes_this_source() {
    assert_eq!(Abi::from_module(MODULE), Abi::decode(&to_vec(&LAYOUT)));
}

/// C has no macro that computes them.
#[test]
fn the_source_has_the_right_numbers() {
    assert_eq!(COUNT, storage_prefix("count"));
    let selectors =
        ["new", "add", "get", "Counted"].map(|name| (name.to_uppercase(), selector(name)));
    for (name, bytes) in selectors.into_iter().chain([("COUNT =".to_owned(), COUNT)]) {
        let number = format!(" {name} {:#010x}u", u32::from_le_bytes(bytes));
        assert!(SOURCE.contains(&number), "{number}");
    }
}

/// The same source and the same compiler give the same bytes. Where there is no such compiler,
/// nothing can be said.
#[test]
fn the_module_is_made_of_the_source() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let temporary = tempfile::tempdir().expect("there is a disk");
    let to = temporary.path().join("counter.wasm");
    let built = Command::new(folder.join("build")).arg(&to).output().expect("it is a script");
    if built.status.code() == Some(127) {
        return eprintln!("not compiled: {}", String::from_utf8_lossy(&built.stderr));
    }
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let built = described(&fs::read(&to).expect("it was built")).expect("it is a module");
    if producer(&built) == producer(MODULE) {
        assert!(built == MODULE, "c.wasm is not of this source: cargo run -p c --example embed");
    }
}

/// What the module says of its compiler, in the section before the description.
fn producer(module: &[u8]) -> &[u8] {
    let find = |name: &[u8]| module.windows(name.len()).position(|bytes| bytes == name);
    let (from, to) = (find(b"producers"), find(b"quorate-abi"));
    &module[from.expect("clang says so")..to.expect("it was put at the end")]
}

/// Each function of the interface's table, by name and parameters: `get(key, key_len, out,
/// capacity)`.
fn functions_of_the_table() -> Vec<String> {
    let mut functions = Vec::new();
    let rows = INTERFACE.lines().filter_map(|line| line.strip_prefix("//! | `"));
    for row in rows {
        let names = row.split(" | ").next().unwrap_or_default();
        let mut parameters = String::new();
        for name in names.split('`').filter(|name| name.chars().any(char::is_alphanumeric)) {
            let (name, rest) = name.split_once('(').unwrap_or((name, ""));
            if let Some((typed, _)) = rest.split_once(')') {
                let untyped =
                    typed.split(", ").map(|one| one.split(':').next().unwrap_or_default());
                parameters = untyped.collect::<Vec<_>>().join(", ");
            }
            functions.push(format!("{name}({parameters})"));
        }
    }
    functions
}

/// Each function of the header, likewise.
fn functions_of_the_header() -> Vec<String> {
    let declarations = HEADER.split("QUORATE_IMPORT(\"").skip(1);
    declarations
        .map(|declaration| {
            let (name, rest) = declaration.split_once("\")").expect("the name ends");
            let (declared, rest) = rest.split_once('(').expect("parameters follow");
            assert!(declared.ends_with(&format!(" quorate_{name}")), "{declared}");
            let (typed, _) = rest.split_once(");").expect("the declaration ends");
            let untyped =
                typed.split(',').map(|one| one.rsplit([' ', '*']).next().unwrap_or_default());
            format!("{name}({})", untyped.collect::<Vec<_>>().join(", "))
        })
        .collect()
}

#[test]
fn the_header_has_the_whole_interface() {
    let expected = functions_of_the_table();
    assert!(expected.len() > 25, "{expected:?}");
    assert_eq!(functions_of_the_header(), expected);
    for (name, number) in [
        ("OK", host::OK.to_string()),
        ("REVERT", host::REVERT.to_string()),
        ("FAILED", host::FAILED.to_string()),
        ("FLAG_STATIC", host::FLAG_STATIC.to_string()),
        ("FLAG_DESCENDING", host::FLAG_DESCENDING.to_string()),
        ("CURSORS_MAX", host::CURSORS_MAX.to_string()),
        ("BATCH_MAX", host::BATCH_MAX.to_string()),
    ] {
        assert!(HEADER.contains(&format!("#define QUORATE_{name} {number}\n")), "{name}");
    }
    let size = format!("sizeof(struct quorate_context) == {},", host::CONTEXT_BYTES);
    assert!(HEADER.contains(&size), "{size}");
}
