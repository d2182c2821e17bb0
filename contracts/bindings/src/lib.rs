//! Typed clients of contracts, written from their descriptions ([`abi::Abi`]).
//!
//! - [`Language::TypeScript`]: a class with a method for each method, over a small runtime that
//!   speaks JSON-RPC by `fetch`, encodes arguments and signs transactions.
//! - [`Language::Rust`]: the same for applications, over the `quorate-rpc` client.
//! - [`Language::RustInterface`]: a trait by which other contracts call this one.
//!
//! A description comes from whoever uploaded the contract, so nothing of it is written where it
//! could become code: names are identifiers, which [`abi::Abi::decode`] has checked, and
//! documentation stays within its comments.

mod interface;
mod names;
mod rust;
mod types;
mod typescript;

use abi::Abi;

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    TypeScript,
    Rust,
    /// Rust, for contracts that call the contract.
    RustInterface,
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub text: String,
}

/// The files of a client: the contract's, and what it stands on.
pub fn generate(abi: &Abi, language: Language) -> Vec<File> {
    let stem = names::module(&abi.name);
    let file = |name: &str, text: String| File { name: name.to_owned(), text };
    match language {
        Language::TypeScript => vec![
            file(&format!("{stem}.ts"), typescript::client(abi)),
            file("quorate.ts", typescript::RUNTIME.to_owned()),
        ],
        Language::Rust => vec![
            file(&format!("{stem}.rs"), rust::client(abi)),
            file("quorate.rs", rust::RUNTIME.to_owned()),
        ],
        Language::RustInterface => {
            vec![file(&format!("{stem}_interface.rs"), interface::interface(abi))]
        }
    }
}

/// What stands at the top of every file.
const MADE: &str =
    "Made by `quorate contract bindings`; what is changed here is lost when it is made anew.";
