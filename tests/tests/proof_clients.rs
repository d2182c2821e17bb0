//! The verifiers of proofs where clients have them: in WebAssembly and in JavaScript.
//!
//! Each needs what not every machine has, and says so where it lacks. `tests/run` sees to both.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use contract_build::Installing;
use contract_build::toolchain::{self, Library, Toolchain};

fn proof() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../proof")
}

fn check(what: &str, output: &Output) {
    let [said, complained] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{what}:\n{said}\n{complained}");
}

/// With the library built from source it takes a minute, once.
#[test]
fn the_verifier_compiles_to_webassembly() {
    let Some(found) = toolchain::find(&proof(), Installing::Forbidden) else {
        eprintln!("skipped: there is no compiler for WebAssembly; tests/run installs one");
        return;
    };
    let toolchain = match found.library {
        // The library can be built for any target: this is that of browsers.
        Library::Built { .. } => Toolchain { target: "wasm32-unknown-unknown", ..found },
        Library::Installed => found,
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--lib", "--package", "quorate-proof", "--target-dir"]);
    cargo.arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasm")).current_dir(proof());
    toolchain.apply(&mut cargo);
    let output = cargo.output().expect("cargo can be run");
    check(&toolchain.describe(), &output);
}

#[test]
fn the_verifier_in_javascript_agrees_with_the_vectors() {
    let folder = proof().join("js");
    if !folder.join("node_modules/@noble/hashes").is_dir() {
        eprintln!(
            "skipped: proof/js lacks its packages; `npm ci` there, or tests/run, installs them"
        );
        return;
    }
    match Command::new("node").arg("--test").current_dir(folder).output() {
        Ok(output) => check("node --test", &output),
        Err(error) => eprintln!("skipped: node cannot be run: {error}"),
    }
}
