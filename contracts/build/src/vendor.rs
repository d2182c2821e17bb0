//! The SDK's source, as it was when this binary was built.

use toml::{Table, Value};

/// A file of the SDK: its path below `vendor`, and its text.
pub type File = (&'static str, &'static str);

macro_rules! files {
    ($($path:literal)*) => { &[$(($path, include_str!(concat!("../../", $path)))),*] };
}

/// What a contract compiles against. A test compares the list with the folders.
pub const FILES: &[File] = files! {
    "abi/Cargo.toml"
    "abi/src/description.rs"
    "abi/src/host.rs"
    "abi/src/json/decode.rs"
    "abi/src/json/describe.rs"
    "abi/src/json/encode.rs"
    "abi/src/json/mod.rs"
    "abi/src/layout.rs"
    "abi/src/lib.rs"
    "abi/src/module.rs"
    "abi/src/selector.rs"
    "abi/src/testing.rs"
    "abi/src/types.rs"
    "abi/src/upgrade.rs"
    "abi/src/validate.rs"
    "macros/Cargo.toml"
    "macros/src/client.rs"
    "macros/src/contract.rs"
    "macros/src/data.rs"
    "macros/src/event.rs"
    "macros/src/lib.rs"
    "macros/src/marks.rs"
    "macros/src/method.rs"
    "macros/src/storage.rs"
    "macros/src/testing.rs"
    "sdk/Cargo.toml"
    "sdk/src/call.rs"
    "sdk/src/context.rs"
    "sdk/src/crypto.rs"
    "sdk/src/data.rs"
    "sdk/src/deploy.rs"
    "sdk/src/dispatch.rs"
    "sdk/src/heap.rs"
    "sdk/src/host/imports.rs"
    "sdk/src/host/mod.rs"
    "sdk/src/host/native.rs"
    "sdk/src/key.rs"
    "sdk/src/lib.rs"
    "sdk/src/panic.rs"
    "sdk/src/storage/indexed.rs"
    "sdk/src/storage/map.rs"
    "sdk/src/storage/mod.rs"
    "sdk/src/storage/range.rs"
    "sdk/src/storage/set.rs"
    "sdk/src/storage/total.rs"
    "sdk/src/testing/chain.rs"
    "sdk/src/testing/compare.rs"
    "sdk/src/testing/link.rs"
    "sdk/src/testing/mod.rs"
    "sdk/src/testing/module.rs"
    "sdk/src/testing/receipt.rs"
};

/// The manifest of this repository's workspace, from which the SDK's crates inherit.
const WORKSPACE: &str = include_str!("../../../Cargo.toml");

/// The manifest of the workspace that the SDK's crates form in a project: this repository's, with
/// only the dependencies that they name.
///
/// # Panics
///
/// When this repository's manifests are not what they were when this was written; a test would have
/// failed.
pub fn workspace_manifest() -> String {
    let all = table(WORKSPACE);
    let workspace = all.get("workspace").and_then(Value::as_table).expect("it is a workspace");
    let part = |name: &str| workspace.get(name).and_then(Value::as_table).cloned();
    let mut dependencies = part("dependencies").expect("the workspace has dependencies");
    let inherited: Vec<String> =
        FILES.iter().filter(|(path, _)| path.ends_with(".toml")).flat_map(inherited).collect();
    dependencies.retain(|name, _| inherited.iter().any(|needed| needed == name));
    for (_, dependency) in &mut dependencies {
        if let Some(Value::String(path)) = dependency.get_mut("path") {
            *path = path.trim_start_matches("contracts/").to_owned();
        }
    }
    let mut own = Table::new();
    own.insert("resolver".into(), "3".into());
    own.insert("members".into(), Value::Array(["abi", "macros", "sdk"].map(Value::from).into()));
    own.insert("package".into(), part("package").expect("the workspace has a package").into());
    own.insert("dependencies".into(), dependencies.into());
    own.insert("lints".into(), part("lints").expect("the workspace has lints").into());
    let manifest = Table::from_iter([("workspace".to_owned(), Value::Table(own))]);
    toml::to_string(&manifest).expect("a table can be written")
}

/// What only the tests of one of the SDK's crates depend on.
pub fn only_for_tests(package: &str) -> Vec<String> {
    let manifests = FILES.iter().filter(|(path, _)| path.ends_with(".toml"));
    let mut manifests = manifests.map(|(_, manifest)| table(manifest));
    let is_wanted = |manifest: &Table| {
        let name = manifest.get("package").and_then(|package| package.get("name"));
        name.and_then(Value::as_str) == Some(package)
    };
    let Some(manifest) = manifests.find(is_wanted) else { return Vec::new() };
    let names = |section: &str| -> Vec<String> {
        let section = manifest.get(section).and_then(Value::as_table);
        section.into_iter().flat_map(Table::keys).cloned().collect()
    };
    let needed = names("dependencies");
    names("dev-dependencies").into_iter().filter(|name| !needed.contains(name)).collect()
}

/// The dependencies that a manifest takes from its workspace.
fn inherited((_, manifest): &File) -> Vec<String> {
    let manifest = table(manifest);
    let sections = ["dependencies", "dev-dependencies"];
    let tables = sections.iter().filter_map(|section| manifest.get(*section)?.as_table());
    let is_inherited = |dependency: &Value| dependency.get("workspace").is_some();
    tables
        .flatten()
        .filter(|(_, dependency)| is_inherited(dependency))
        .map(|(name, _)| name.clone())
        .collect()
}

fn table(text: &str) -> Table {
    toml::from_str(text).expect("the manifests of this repository are well formed")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn collect(folder: &Path, root: &Path, into: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                collect(&path, root, into);
            } else {
                let relative = path.strip_prefix(root).expect("it is below");
                into.insert(relative.display().to_string());
            }
        }
    }

    #[test]
    fn every_source_file_travels_along() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut found = BTreeSet::new();
        for name in ["abi", "macros", "sdk"] {
            collect(&root.join(name).join("src"), &root, &mut found);
            found.insert(format!("{name}/Cargo.toml"));
        }
        let listed: BTreeSet<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(listed, found);
    }

    #[test]
    fn the_workspace_has_all_that_its_crates_inherit() {
        let manifest = table(&workspace_manifest());
        let dependencies = &manifest["workspace"]["dependencies"];
        for file in FILES.iter().filter(|(path, _)| path.ends_with(".toml")) {
            for name in inherited(file) {
                assert!(dependencies.get(&name).is_some(), "{name} of {}", file.0);
            }
        }
        assert_eq!(dependencies["abi"]["path"].as_str(), Some("abi"));
    }
}
