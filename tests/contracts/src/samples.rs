//! The modules of the sample contracts.

use std::fs;
use std::path::Path;

/// Each crate of `contracts` that keeps a module of its own name beside its sources: name and
/// module.
///
/// # Panics
///
/// When the folder cannot be read.
pub fn all() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../contracts"));
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut samples = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Ok(module) = fs::read(entry.path().join(format!("{name}.wasm"))) {
            samples.push((name, module));
        }
    }
    samples.sort();
    samples
}
