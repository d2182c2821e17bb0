//! A newcomer's project tests itself. Needs a compiler for WebAssembly, and so is run where one is:
//! `cargo test -p quorate-contract-host -- --ignored`.

use std::fs;
use std::path::Path;
use std::process::Command;

use contract_build::new_project;

/// Runs a project's tests as `quorate contract test` does. Whether they pass, and what they print.
fn test(project: &Path) -> (bool, String) {
    let output = Command::new(env!("CARGO"))
        .arg("test")
        .current_dir(project)
        .env("CARGO_TARGET_DIR", project.join("target"))
        .env_remove("QUORATE_MODULES")
        .env("QUORATE_HOST", env!("CARGO_BIN_EXE_quorate-contract-host"))
        .output()
        .expect("cargo can be run");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
#[ignore = "takes minutes, and needs a compiler for WebAssembly"]
fn a_fresh_project_passes_its_tests_and_one_that_differs_does_not() {
    let parent = tempfile::tempdir().expect("a temporary folder");
    let project = new_project(parent.path(), "first-steps").expect("a fresh folder");
    let (passes, text) = test(&project);
    assert!(passes, "{text}");
    assert!(text.contains("2 passed"), "{text}");

    // What depends on the width of the machine's words.
    let path = project.join("src/lib.rs");
    let source = fs::read_to_string(&path).expect("it was written");
    let changed =
        source.replace("            self.count.get()\n", "            size_of::<usize>() as u64\n");
    assert_ne!(changed, source);
    fs::write(&path, changed).expect("it can be written");
    let tests = project.join("tests/contract.rs");
    let source = fs::read_to_string(&tests).expect("it was written");
    let changed = source.replace(
        "assert_eq!(chain.query(counter.get()), ",
        "assert_ne!(chain.query(counter.get()), 1 + ",
    );
    fs::write(&tests, changed).expect("it can be written");
    let (passes, text) = test(&project);
    assert!(!passes, "{text}");
    assert!(text.contains("`get` of the first_steps"), "{text}");
    assert!(text.contains("differs in its output"), "{text}");
}
