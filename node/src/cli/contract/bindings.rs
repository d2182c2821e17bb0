//! `quorate contract bindings`: typed clients of a contract.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use contract_bindings::{File, generate};
use serde_json::json;

use super::abi_of;
use crate::cli::context::Context;
use crate::cli::failure::Failure;

#[derive(Debug, Args)]
pub struct Bindings {
    /// A contract's address, a module, or a contract's directory, which is built
    contract: String,
    #[arg(long, value_enum)]
    language: Language,
    /// Where to write; the folder is made
    #[arg(long, default_value = "bindings")]
    out: PathBuf,
    /// Overwrite files that are there and differ
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    /// A class over fetch, for Node 20, Deno, Bun and browsers
    Typescript,
    /// For applications, over the crate quorate-rpc
    Rust,
    /// A trait by which another contract calls this one
    RustInterface,
}

impl From<Language> for contract_bindings::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::Typescript => Self::TypeScript,
            Language::Rust => Self::Rust,
            Language::RustInterface => Self::RustInterface,
        }
    }
}

impl Bindings {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let abi = abi_of(context, &self.contract).await?;
        let files = generate(&abi, self.language.into());
        std::fs::create_dir_all(&self.out).with_context(|| self.out.display().to_string())?;
        let path = |file: &File| self.out.join(&file.name);
        // All or none: a client does not fit the runtime of another version.
        for file in &files {
            let there = std::fs::read_to_string(path(file));
            if !self.force && there.is_ok_and(|text| text != file.text) {
                let path = path(file).display().to_string();
                let message = format!("{path} is there and differs; --force overwrites it");
                return Err(Failure::Usage(message).into());
            }
        }
        for file in &files {
            let path = path(file);
            std::fs::write(&path, &file.text).with_context(|| path.display().to_string())?;
        }
        let paths: Vec<_> = files.iter().map(path).collect();
        let answer = json!({ "contract": abi.name, "files": paths });
        context.out.show(&answer, || {
            let lines: Vec<_> =
                paths.iter().map(|path| format!("wrote {}", path.display())).collect();
            lines.join("\n")
        })
    }
}
