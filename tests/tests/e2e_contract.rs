//! The way of whoever writes a contract: the command line alone, against `quorate dev`.
//!
//! Needs a compiler for WebAssembly, and says so where there is none.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use contract_build::Installing;
use contract_build::toolchain;
use quorate_tests::net::Dev;

/// From nothing to an answer of one's own contract.
const PATIENCE: Duration = Duration::from_secs(60);

fn has_compiler() -> bool {
    let found = toolchain::find(Path::new(env!("CARGO_MANIFEST_DIR")), Installing::Forbidden);
    if found.is_none() {
        eprintln!("skipped: there is no compiler for WebAssembly; tests/run installs one");
    }
    found.is_some()
}

#[test]
fn four_commands_lead_from_nothing_to_an_answer() {
    if !has_compiler() {
        return;
    }
    let dev = Dev::start().unwrap();
    let start = Instant::now();
    dev.run("contract new tally").unwrap();
    let deployed = dev.run("contract deploy tally start=5").unwrap();
    let contract = deployed["contract"].as_str().unwrap();
    let called = dev.run(&format!("contract call {contract} add by=7")).unwrap();
    let asked = dev.run(&format!("contract query {contract} get")).unwrap();
    let took = start.elapsed();
    assert_eq!(called["result"], "12");
    assert_eq!(asked["result"], "12");
    println!("new, deploy, call and query took {:.1} s", took.as_secs_f64());
    assert!(took < PATIENCE, "{took:?}");
}

/// The source of the new project with some of its lines exchanged.
fn edit(dev: &Dev, changes: &[(&str, &str)]) {
    let path = dev.folder().join("tally/src/lib.rs");
    let mut text = fs::read_to_string(&path).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "the template has no {from:?} any more");
        text = text.replacen(from, to, 1);
    }
    fs::write(path, text).unwrap();
}

#[test]
fn a_contract_is_verified_upgraded_and_kept_from_losing_its_state() {
    if !has_compiler() {
        return;
    }
    let dev = Dev::start().unwrap();
    dev.run("contract new tally").unwrap();
    let deployed = dev.run("contract deploy tally start=5").unwrap();
    let contract = deployed["contract"].as_str().unwrap();
    let verified = dev.run(&format!("contract verify {contract} tally")).unwrap();
    assert_eq!(verified["verified"], true);

    // A further query reads what is stored as before.
    let query = "/// The count, twice.\n        #[query]\n        fn twice(&self) -> u64 {\n            \
                 self.count.get() * 2\n        }\n\n        /// The count.";
    edit(&dev, &[("/// The count.", query)]);
    let checked = dev.run(&format!("contract check tally --against {contract}")).unwrap();
    let comparison = &checked["comparison"];
    assert_eq!(comparison["upgrade"]["isPossible"], true, "{checked}");
    let added = &comparison["methods"][0];
    assert_eq!(
        (&added["change"], &added["what"]),
        (&"added".into(), &"query twice() -> u64".into())
    );
    let costs = checked["queries"].as_array().unwrap();
    let cost = |name: &str| costs.iter().find(|cost| cost["query"] == name).unwrap();
    assert!(cost("get")["before"].is_u64() && cost("get")["after"].is_u64(), "{checked}");
    assert!(cost("twice")["before"].is_null() && cost("twice")["after"].is_u64(), "{checked}");
    let refused = dev.refused(&format!("contract upgrade {contract} tally by=1")).unwrap();
    assert!(refused.contains("no migration runs"), "{refused}");
    let upgraded = dev.run(&format!("contract upgrade {contract} tally")).unwrap();
    assert_eq!(upgraded["migrated"], false);
    let twice = dev.run(&format!("contract query {contract} twice")).unwrap();
    assert_eq!(twice["result"], "10");

    // What is stored could not be read any more: found out before anything is sent.
    edit(&dev, &[("count: Item<u64>", "count: Item<u128>"), ("count: u64,", "count: u128,")]);
    edit(&dev, &[("start: u64", "start: u128"), ("by: u64) -> u64", "by: u64) -> u128")]);
    edit(&dev, &[("|count| count + by", "|count| count + u128::from(by)")]);
    edit(&dev, &[("fn twice(&self) -> u64", "fn twice(&self) -> u128")]);
    edit(&dev, &[("fn get(&self) -> u64", "fn get(&self) -> u128")]);
    let why = "the storage field `count` was u64 and is u128";
    let refused = dev.refused(&format!("contract upgrade {contract} tally")).unwrap();
    assert!(refused.contains(why), "{refused}");
    let checked = dev.run(&format!("contract check tally --against {contract}")).unwrap();
    let upgrade = &checked["comparison"]["upgrade"];
    assert_eq!(upgrade["isPossible"], false, "{checked}");
    assert!(upgrade["why"].as_str().unwrap().contains(why), "{upgrade}");
    let other = dev.refused(&format!("contract verify {contract} tally")).unwrap();
    assert!(other.contains("the source is another"), "{other}");
}

/// Usage comes from the description on the chain.
#[test]
fn help_comes_from_the_contract() {
    let dev = Dev::start().unwrap();
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts/token/token.wasm");
    let module = module.display();
    let missing = dev.refused(&format!("contract deploy {module}")).unwrap();
    assert!(missing.contains("argument `supply` is missing"), "{missing}");
    assert!(missing.contains("usage:  new supply=<u128>"), "{missing}");
    let deployed = dev.run(&format!("contract deploy {module} supply=1000")).unwrap();
    let contract = deployed["contract"].as_str().unwrap();
    let listed = dev.refused(&format!("contract call {contract}")).unwrap();
    assert!(listed.contains("transfer to=<Address> amount=<u128>"), "{listed}");
    assert!(!listed.contains("balance_of"), "a query is no call: {listed}");
    let listed = dev.refused(&format!("contract query {contract}")).unwrap();
    assert!(listed.contains("balance_of owner=<Address>"), "{listed}");
    let wrong = dev.refused(&format!("contract call {contract} transfer to=bob")).unwrap();
    assert!(wrong.contains("argument `amount` is missing"), "{wrong}");
    assert!(wrong.contains("Sends units of the caller."), "{wrong}");
    let wrong = dev.refused(&format!("contract call {contract} transfr to=bob amount=1")).unwrap();
    assert!(wrong.contains("did you mean transfer?"), "{wrong}");
    let sent = dev.run(&format!("contract call {contract} transfer to=bob amount=1")).unwrap();
    assert_eq!(sent["events"][0]["name"], "Transfer");
    // The same module again, and nobody may upgrade what is nobody's.
    let same = dev.refused(&format!("contract upgrade {contract} {module}")).unwrap();
    assert!(same.contains("has this code already"), "{same}");
    let stranger = dev.refused(&format!("--key bob contract admin {contract} bob")).unwrap();
    assert!(stranger.contains("choose another with --key"), "{stranger}");
    dev.run(&format!("contract admin {contract} --nobody")).unwrap();
    let refused = dev.refused(&format!("contract upgrade {contract} {module}")).unwrap();
    assert!(refused.contains("has no admin"), "{refused}");
}
