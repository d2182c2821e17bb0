//! The lock file of a new project: the versions that this repository is tested with, of what a
//! contract needs.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::vendor;

const LOCK: &str = include_str!("../../../Cargo.lock");
/// What a contract depends on directly.
const ROOT: &str = "quorate-sdk";

/// The part of this repository's lock file that the SDK reaches. Cargo adds the project itself.
///
/// # Panics
///
/// When this repository's lock file is not well formed; nothing would have been built with it.
pub fn of_the_sdk() -> String {
    let lock: Table = toml::from_str(LOCK).expect("the lock file is well formed");
    let packages = lock.get("package").and_then(Value::as_array).expect("it has packages");
    let mut kept = BTreeMap::new();
    let mut open = vec![ROOT.to_owned()];
    while let Some(wanted) = open.pop() {
        // `name`, or `name version` where there are several.
        let (name, version) = match wanted.split_once(' ') {
            Some((name, rest)) => (name, rest.split(' ').next()),
            None => (wanted.as_str(), None),
        };
        let found = packages.iter().enumerate().filter(|(_, package)| {
            text(package, "name") == name && version.is_none_or(|v| text(package, "version") == v)
        });
        for (index, package) in found {
            if kept.insert(index, package.clone()).is_none() {
                let dependencies = package.get("dependencies").and_then(Value::as_array);
                let names = dependencies.into_iter().flatten().filter_map(Value::as_str);
                // The SDK's own tests stay at home, and so does what they need.
                let for_tests = vendor::only_for_tests(text(package, "name"));
                let needed =
                    |name: &&str| !for_tests.iter().any(|of| name.split(' ').next() == Some(of));
                open.extend(names.filter(needed).map(str::to_owned));
            }
        }
    }
    let mut own = Table::new();
    own.extend(lock.get("version").map(|version| ("version".to_owned(), version.clone())));
    own.insert("package".into(), Value::Array(kept.into_values().collect()));
    toml::to_string(&own).expect("a table can be written")
}

fn text<'a>(package: &'a Value, key: &str) -> &'a str {
    package.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_what_the_sdk_reaches_and_no_more() {
        let lock: Table = toml::from_str(&of_the_sdk()).expect("it is well formed");
        let packages = lock["package"].as_array().expect("it has packages");
        let names: Vec<&str> = packages.iter().map(|package| text(package, "name")).collect();
        for name in ["quorate-sdk", "quorate-abi", "quorate-macros", "borsh", "syn"] {
            assert!(names.contains(&name), "{name} is missing");
        }
        for name in ["tokio", "quorate-node", "rocksdb", "trybuild"] {
            assert!(!names.contains(&name), "{name} is not needed");
        }
    }
}
