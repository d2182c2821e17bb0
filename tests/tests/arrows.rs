//! Who may import whom. The floors of `ARCHITECTURE.md` are data here, and `cargo metadata` says what is.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

/// A crate imports from floors below its own, never from beside or above.
const FLOORS: [(&str, u8); 11] = [
    ("quorate-primitives", 0),
    ("quorate-proof", 0),
    ("quorate-abi", 0),
    ("quorate-consensus", 1),
    ("quorate-vm", 2),
    ("quorate-state", 2),
    ("quorate-archive", 3),
    ("quorate-replica", 3),
    ("quorate-contract-host", 3),
    ("quorate-rpc", 4),
    ("quorate", 5),
];

/// Crates beside the floors, and all that each may import of ours.
const BESIDE: [(&str, &[&str]); 20] = [
    ("quorate-macros", &["quorate-abi"]),
    ("quorate-sdk", &["quorate-abi", "quorate-macros"]),
    ("quorate-contract-build", &["quorate-abi"]),
    ("quorate-contract-bindings", &["quorate-abi"]),
    ("c", &["quorate-abi", "quorate-sdk"]),
    ("counter", &["quorate-sdk"]),
    ("escrow", &["quorate-sdk", "token"]),
    ("exchange", &["quorate-sdk", "token"]),
    ("market", &["quorate-sdk", "token"]),
    ("multisig", &["quorate-sdk", "token"]),
    ("nft", &["quorate-sdk"]),
    ("oracle", &["quorate-sdk"]),
    ("registry", &["quorate-sdk"]),
    ("token", &["quorate-sdk"]),
    ("vote", &["quorate-sdk"]),
    (TESTS, &[]),
    (ATTACKERS, &["quorate-primitives", "quorate-consensus", "quorate-state", "quorate-replica"]),
    ("quorate-attacker", &["quorate", "quorate-primitives", "quorate-replica", ATTACKERS]),
    ("quorate-crash", &["quorate-archive", "quorate-primitives", "quorate-state"]),
    (CONTRACT_TESTS, &["quorate-abi", "quorate-primitives", "quorate-vm"]),
];

/// May import everything, and nothing imports it.
const TESTS: &str = "quorate-tests";

/// Holds the engine of contracts against another one, and so drives both.
const CONTRACT_TESTS: &str = "quorate-contract-tests";

/// Must never get into the product: no floor imports it.
const ATTACKERS: &str = "quorate-attackers";

/// The ways from a floor to what stands beside: `quorate contract build` and `bindings`, and tests that have their
/// contract built.
const DOORS: [(&str, &str); 3] = [
    ("quorate", "quorate-contract-build"),
    ("quorate", "quorate-contract-bindings"),
    ("quorate-contract-host", "quorate-contract-build"),
];

/// Families of heavy dependencies, and the crates that may import them. Behind each stands a rule of ours: contracts
/// run in one place, the disk is written in one place, and below floor 4 there is no runtime.
const HOUSES: [(&str, &[&str]); 6] = [
    ("libp2p", &["quorate"]),
    ("rocksdb", &["quorate-state"]),
    ("wasmer", &["quorate-vm", CONTRACT_TESTS]),
    ("wasmi", &["quorate-vm", CONTRACT_TESTS]),
    ("jsonrpsee", &["quorate-rpc"]),
    ("tokio", &["quorate-rpc", "quorate", TESTS]),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Clone, Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Clone, Deserialize)]
struct Dependency {
    name: String,
}

/// The workspace's crates with what they import, development and build dependencies included.
fn workspace() -> Vec<Package> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root)
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    metadata.packages
}

fn floor(name: &str) -> Option<u8> {
    FLOORS.iter().find(|(known, _)| *known == name).map(|(_, floor)| *floor)
}

fn beside(name: &str) -> Option<&'static [&'static str]> {
    BESIDE.iter().find(|(known, _)| *known == name).map(|(_, imports)| *imports)
}

/// Why `from` must not import `to`, a crate of ours.
fn refuse(from: &str, to: &str) -> Option<String> {
    if from == TESTS || DOORS.contains(&(from, to)) {
        return None;
    }
    match (floor(from), floor(to), beside(from)) {
        (Some(own), Some(other), _) if other < own => None,
        (Some(own), Some(other), _) => {
            Some(format!("{from} (floor {own}) → {to} (floor {other}): imports go down only"))
        }
        (Some(_), None, _) => Some(format!("{from} → {to}: a floor imports nothing from beside")),
        (None, _, Some(imports)) if imports.contains(&to) => None,
        (None, _, _) => Some(format!("{from} → {to}: beside the floors, each import is named")),
    }
}

/// Whether a dependency is of a family: `libp2p`, `libp2p-stream`, `librocksdb-sys`.
fn belongs(name: &str, family: &str) -> bool {
    name == family || name.starts_with(&format!("{family}-")) || name == format!("lib{family}-sys")
}

/// The arrows that must not be, each by its name.
fn check(packages: &[Package]) -> Vec<String> {
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut offenders = Vec::new();
    for Package { name, dependencies } in packages {
        if floor(name).is_none() && beside(name).is_none() {
            offenders.push(format!("{name} stands on no floor: name its place in arrows.rs"));
        }
        for Dependency { name: to } in dependencies {
            if ours.contains(to.as_str()) {
                offenders.extend(refuse(name, to));
            }
            for (family, houses) in HOUSES {
                if belongs(to, family) && !houses.contains(&name.as_str()) {
                    let houses = houses.join(", ");
                    offenders.push(format!("{name} → {to}: {family} lives in {houses}"));
                }
            }
        }
    }
    offenders.sort();
    offenders.dedup();
    offenders
}

#[test]
fn imports_go_down_only_and_heavy_dependencies_stay_home() {
    let packages = workspace();
    let offenders = check(&packages);
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
}

#[test]
fn every_crate_with_a_place_exists() {
    let packages = workspace();
    for name in FLOORS.map(|(name, _)| name).into_iter().chain(BESIDE.map(|(name, _)| name)) {
        assert!(packages.iter().any(|package| package.name == name), "{name} is gone");
    }
}

#[test]
fn a_wrong_arrow_is_named() {
    let arrow = |from: &str, to: &str| {
        let dependency = |name: &str| Dependency { name: name.to_owned() };
        let package = |name: &str, dependencies| Package { name: name.to_owned(), dependencies };
        let mut packages = vec![package(from, vec![dependency(to)])];
        let is_ours = floor(to).is_some() || beside(to).is_some();
        packages.extend(is_ours.then(|| package(to, Vec::new())));
        check(&packages).into_iter().next()
    };
    for (from, to, words) in [
        ("quorate-consensus", "quorate-state", "(floor 1) → quorate-state (floor 2)"),
        ("quorate-vm", "quorate-state", "(floor 2) → quorate-state (floor 2)"),
        ("quorate-primitives", "quorate-abi", "imports go down only"),
        ("quorate-proof", "quorate-primitives", "imports go down only"),
        ("quorate-vm", "quorate-sdk", "imports nothing from beside"),
        ("quorate", "quorate-tests", "imports nothing from beside"),
        ("quorate", "quorate-attackers", "imports nothing from beside"),
        ("quorate-sdk", "quorate-primitives", "each import is named"),
        ("quorate-replica", "tokio", "tokio lives in quorate-rpc"),
        ("quorate-replica", "librocksdb-sys", "rocksdb lives in quorate-state"),
        ("quorate-rpc", "libp2p-stream", "libp2p lives in quorate"),
    ] {
        let offender = arrow(from, to).unwrap_or_else(|| panic!("{from} → {to} passes"));
        assert!(offender.contains(words), "{offender}");
    }
    for (from, to) in [
        ("quorate", "quorate-contract-build"),
        ("quorate-tests", "quorate"),
        ("quorate-replica", "quorate-consensus"),
        ("token", "quorate-sdk"),
        ("quorate-rpc", "tokio"),
    ] {
        assert_eq!(arrow(from, to), None);
    }
}
