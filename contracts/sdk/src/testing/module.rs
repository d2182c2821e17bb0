//! The compiled modules of the contracts under test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::string::String;
use std::sync::{Mutex, PoisonError};
use std::vec::Vec;
use std::{env, fs};

use abi::Abi;
use abi::layout::to_vec;

use crate::Contract;

/// What this process has found or built, by the folder of the package.
static MODULES: Mutex<BTreeMap<&'static str, Vec<u8>>> = Mutex::new(BTreeMap::new());

/// How a module can be had that is not at hand.
pub(super) enum Built {
    Module(Vec<u8>),
    NoCompiler(String),
}

/// The module of a contract: one of those that the variable `QUORATE_MODULES` names, or else built
/// of its source, or else, where nothing can build it, the one that stands beside its manifest.
pub(super) fn of<C: Contract>(build: impl FnOnce(&str) -> Built) -> Vec<u8> {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = modules.get(C::DIRECTORY) {
        return module.clone();
    }
    let expected = to_vec(&C::LAYOUT);
    let named = env::var_os("QUORATE_MODULES").unwrap_or_default();
    let module = env::split_paths(&named)
        .find_map(|path| find(&path, 2, &expected))
        .unwrap_or_else(|| built::<C>(build(C::DIRECTORY), &expected));
    modules.insert(C::DIRECTORY, module.clone());
    module
}

fn built<C: Contract>(built: Built, expected: &[u8]) -> Vec<u8> {
    match built {
        Built::Module(module) if describes(&module, expected) => module,
        Built::Module(_) => panic!(
            "the module built in {} describes another contract than `{}`: a package has one \
             contract",
            C::DIRECTORY,
            C::LAYOUT.name,
        ),
        Built::NoCompiler(why) => match find(Path::new(C::DIRECTORY), 1, expected) {
            Some(module) => module,
            None => panic!("the contract `{}` cannot be built: {why}", C::LAYOUT.name),
        },
    }
}

/// The module with this description: a file, or one in a folder and so many levels of folders.
fn find(path: &Path, levels: usize, expected: &[u8]) -> Option<Vec<u8>> {
    if path.is_dir() {
        let deeper = levels.checked_sub(1)?;
        let mut paths: Vec<PathBuf> =
            fs::read_dir(path).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        return paths.iter().find_map(|path| find(path, deeper, expected));
    }
    if path.extension()?.to_string_lossy() != "wasm" {
        return None;
    }
    let module = fs::read(path).ok()?;
    describes(&module, expected).then_some(module)
}

fn describes(module: &[u8], expected: &[u8]) -> bool {
    Abi::from_module(module).is_ok_and(|abi| abi.encode() == expected)
}
