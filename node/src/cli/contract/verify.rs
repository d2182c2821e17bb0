//! `quorate contract verify`: whether the code on the chain is made of a source.

use std::path::{Path, PathBuf};

use clap::Args;
use contract_build::{Built, Installing, Messages, Options, origin, reproduce};
use primitives::{Address, Domain, Hash};
use rpc::client::ContractApiClient as _;
use serde_json::json;

use super::{fetch_code, missing_code};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output::fields;
use crate::cli::remote::Remote;

#[derive(Debug, Args)]
pub struct Verify {
    /// The contract's address
    contract: Address,
    /// The source: a contract's directory
    directory: PathBuf,
}

impl Verify {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let remote = Remote::find(context).await?;
        let view = remote.ask(remote.http.contract_abi(self.contract, None)).await?.body;
        let stored = fetch_code(&remote, view.code).await?;
        let stored = stored.ok_or_else(|| missing_code(view.code))?;
        let built = self.build(context)?;
        let code = Hash::of_bytes(Domain::Code, &built.code);
        if code != view.code {
            return Err(self.explain(context, &built, &stored, view.code)?.into());
        }
        let answer = json!({
            "verified": true, "contract": self.contract, "code": code, "bytes": built.code.len(),
            "toolchain": built.toolchain,
        });
        context.out.show(&answer, || {
            fields(&[
                ("contract", self.contract.to_string()),
                ("code hash", code.to_string()),
                ("toolchain", built.toolchain.clone()),
                ("verified", "built anew, the source gives the very bytes on the chain".to_owned()),
            ])
        })
    }

    /// Builds the source from nothing, in a folder of its own.
    fn build(&self, context: &Context) -> anyhow::Result<Built> {
        let messages = if context.out.is_json() { Messages::Kept } else { Messages::Shown };
        let options = Options { installing: Installing::Allowed, messages, ..Options::default() };
        let scratch = tempfile::tempdir()?;
        Ok(reproduce(&self.directory, scratch.path(), &options)?)
    }

    /// Why the bytes differ, as far as that can be told.
    fn explain(
        &self,
        context: &Context,
        built: &Built,
        stored: &[u8],
        expected: Hash,
    ) -> anyhow::Result<Failure> {
        let code = Hash::of_bytes(Domain::Code, &built.code);
        let theirs = origin::read(stored);
        let reason = match theirs.as_deref() {
            Some(theirs) if theirs != built.toolchain => format!(
                "the one on the chain says that it was made with {theirs}, and here is {}: build \
                 with that one",
                built.toolchain
            ),
            // The same compiler, it says: then a second build tells whether it is its fault.
            Some(_) if self.build(context)?.code != built.code => format!(
                "a second build here gives other bytes again: {} is not reproducible",
                show(&self.directory)
            ),
            Some(_) => "both are made with the same compiler, so the source is another".to_owned(),
            None => format!(
                "the one on the chain does not say what made it; here it is {}",
                built.toolchain
            ),
        };
        let message = format!(
            "{} has the code {expected}, {} bytes, and {} gives {code}, {} bytes; {reason}",
            self.contract,
            stored.len(),
            show(&self.directory),
            built.code.len(),
        );
        Ok(Failure::Unproved(message))
    }
}

fn show(path: &Path) -> String {
    path.display().to_string()
}
