//! A newcomer's project builds by itself, and to the same bytes everywhere.

use std::path::Path;

use contract_build::toolchain;
use contract_build::{
    BuildError, Installing, Messages, Options, build, new_project, origin, reproduce,
};
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

/// In a folder of another name and depth: what is on a chain can be built again by whoever has the
/// source. Skipped where nothing can compile.
#[test]
fn the_same_source_gives_the_same_bytes_elsewhere() {
    if toolchain::find(Path::new(env!("CARGO_MANIFEST_DIR")), Installing::Forbidden).is_none() {
        eprintln!("skipped: there is no compiler for WebAssembly; tests/run installs one");
        return;
    }
    let parent = tempfile::tempdir().expect("a temporary folder");
    let project = new_project(parent.path(), "first-steps").expect("a fresh folder");
    let options = Options { messages: Messages::Kept, ..Options::default() };
    let first = build(&project, &options).expect("the template compiles");
    let scratch = parent.path().join("deep/er/and-longer");
    let again = reproduce(&project, &scratch, &options).expect("it compiles there too");
    assert_eq!(again.toolchain, first.toolchain);
    assert!(again.code == first.code, "{} gives other bytes", scratch.display());
    assert_eq!(origin::read(&first.code), Some(first.toolchain));
    // And the bytes are those of this source.
    let source = project.join("src/lib.rs");
    let text = std::fs::read_to_string(&source).expect("it is there");
    std::fs::write(&source, text.replace("count + by", "count + by + 1")).expect("it is writable");
    let other = build(&project, &options).expect("it compiles");
    assert!(other.code != first.code, "another source gives other bytes");
}

#[test]
fn a_folder_without_a_manifest_is_no_project() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let error = build(folder.path(), &Options::default()).expect_err("there is nothing");
    assert!(matches!(error, BuildError::NotAProject { .. }), "{error}");
}
