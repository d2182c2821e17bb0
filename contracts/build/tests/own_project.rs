//! A newcomer's project builds by itself. Needs a compiler for WebAssembly, and so is run where one
//! is.

use contract_build::{BuildError, Messages, Options, build, new_project};
use quorate_contract_build as contract_build;

/// `cargo test -p quorate-contract-build -- --ignored` where a compiler for WebAssembly is.
#[test]
#[ignore = "takes a minute, and needs a compiler for WebAssembly"]
fn a_fresh_project_builds_and_describes_itself() {
    let parent = tempfile::tempdir().expect("a temporary folder");
    let project = new_project(parent.path(), "first-steps").expect("a fresh folder");
    let options = Options { messages: Messages::Shown, ..Options::default() };
    let built = build(&project, &options).expect("the template compiles");
    assert_eq!(built.abi.name, "first_steps");
    assert_eq!(built.abi.storage.len(), 3);
    assert!(built.size() < 64 << 10, "{} bytes", built.size());
    assert_eq!(std::fs::read(&built.wasm_path).expect("it was written"), built.code);
    let place = parent.path().display().to_string();
    let quoted = built.code.windows(place.len()).any(|bytes| bytes == place.as_bytes());
    assert!(!quoted, "the module quotes the folder it was built in");
}

#[test]
fn a_folder_without_a_manifest_is_no_project() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let error = build(folder.path(), &Options::default()).expect_err("there is nothing");
    assert!(matches!(error, BuildError::NotAProject { .. }), "{error}");
}
