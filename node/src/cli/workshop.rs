//! Contracts before they are on a chain: begun and built.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::Args;
use contract_build::{Built, Installing, Messages, Options};
use serde_json::json;

use super::context::Context;
use super::contract::check::show;
use super::failure::Failure;

#[derive(Debug, Args)]
pub struct New {
    /// The contract's name, and its directory's
    name: String,
}

#[derive(Debug, Args)]
pub struct Build {
    /// The contract's directory
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// Install no compiler target, even if one is missing
    #[arg(long)]
    no_install: bool,
}

#[derive(Debug, Args)]
pub struct Test {
    /// The contract's directory
    #[arg(long, default_value = ".")]
    directory: PathBuf,
    /// Install no compiler target, even if one is missing
    #[arg(long)]
    no_install: bool,
    /// Handed on to `cargo test`: a part of tests' names, options
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

impl New {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let path = contract_build::new_project(Path::new(""), &self.name)?;
        context.out.show(&json!({ "directory": path }), || {
            let path = path.display();
            format!("made {path}\n\nNext:  cd {path} && quorate contract deploy .")
        })
    }
}

impl Build {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let installing = if self.no_install { Installing::Forbidden } else { Installing::Allowed };
        let built = build(context, &self.directory, installing)?;
        check(&built.code)?;
        show(context, &built.wasm_path, built.code)
    }
}

impl Test {
    /// The module is built first, so that its compiler's messages do not stand among the tests'.
    /// What the tests need of this program they ask of it by `quorate contract host`.
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let installing = if self.no_install { Installing::Forbidden } else { Installing::Allowed };
        let built = build(context, &self.directory, installing)?;
        check(&built.code)?;
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(&cargo)
            .arg("test")
            .args(&self.arguments)
            .current_dir(&self.directory)
            .env("QUORATE", std::env::current_exe()?)
            .env("QUORATE_MODULES", &built.wasm_path)
            .status()
            .with_context(|| format!("{} could not be started", cargo.display()))?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::refused("TESTS_FAILED", "not all of the contract's tests passed".to_owned())
            .into())
    }
}

/// The module of a file, or of a contract's directory, which is built.
pub fn module(context: &Context, path: &Path) -> anyhow::Result<Vec<u8>> {
    let code = if path.is_dir() {
        build(context, path, Installing::Allowed)?.code
    } else {
        std::fs::read(path).with_context(|| path.display().to_string())?
    };
    check(&code)?;
    Ok(code)
}

fn build(context: &Context, directory: &Path, installing: Installing) -> anyhow::Result<Built> {
    let messages = if context.out.is_json() { Messages::Kept } else { Messages::Shown };
    let options = Options { installing, messages, ..Options::default() };
    Ok(contract_build::build(directory, &options)?)
}

/// The rule that every validator applies at upload.
fn check(code: &[u8]) -> Result<(), Failure> {
    let refuse = |refusal| format!("a node would refuse the module: {refusal}");
    let checked = vm::check_code(code).map(|_| ());
    checked.map_err(|refusal| Failure::refused("INVALID_CODE", refuse(refusal)))
}
