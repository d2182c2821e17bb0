//! `quorate contract upgrade` and `quorate contract admin`: other code for a contract, and who may
//! give it.

use std::path::PathBuf;

use abi::{Abi, MethodKind};
use clap::Args;
use primitives::{Action, Address, Domain, Hash};
use rpc::client::ContractApiClient as _;
use serde_json::json;

use super::{Arguments, fetch_code, stored_abi};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output::fields;
use crate::cli::tx::{SendOptions, Sender, show_sent};
use crate::cli::workshop;

#[derive(Debug, Args)]
pub struct Upgrade {
    /// The contract's address
    contract: Address,
    /// A module, or a contract's directory, which is built
    module: PathBuf,
    #[command(flatten)]
    arguments: Arguments,
    #[command(flatten)]
    options: SendOptions,
}

#[derive(Debug, Args)]
pub struct Admin {
    /// The contract's address
    contract: Address,
    /// The next admin: an address, or a key of this home
    #[arg(required_unless_present = "nobody")]
    admin: Option<String>,
    /// Leave the contract as it is for ever: nobody can upgrade it any more
    #[arg(long, conflicts_with = "admin")]
    nobody: bool,
    #[command(flatten)]
    options: SendOptions,
}

impl Upgrade {
    /// All that the chain would refuse is found before anything is paid for.
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let module = workshop::module(context, &self.module)?;
        let next = Abi::from_module(&module)?;
        let sender = Sender::new(context).await?;
        let remote = &sender.remote;
        let view = remote.ask(remote.http.contract_abi(self.contract, None)).await?.body;
        check_admin(self.contract, view.admin, sender.address())?;
        let (from, code) = (view.code, Hash::of_bytes(Domain::Code, &module));
        if from == code {
            let message = format!("{} has this code already: {code}", self.contract);
            return Err(Failure::Usage(message).into());
        }
        let current = stored_abi(remote, from).await?;
        let (migrates, arguments) = self.migration(context, &current, &next)?;
        if fetch_code(remote, code).await?.is_none() {
            context.out.progress(&format!("uploading {}, {} bytes", next.name, module.len()));
            sender.send(Action::Upload { code: module }).await?;
        }
        let action = Action::Upgrade { contract: self.contract, code, arguments };
        let Some(sent) = sender.run(context, action, &self.options).await? else { return Ok(()) };
        let receipt = &sent.receipt;
        let answer = json!({
            "contract": self.contract, "from": from, "code": code, "migrated": migrates,
            "receipt": receipt,
        });
        context.out.show(&answer, || {
            let (was, is) = (current.state_version, next.state_version);
            let state = match migrates {
                true => format!("migrated from version {was} to {is}"),
                false => format!("version {is}, as before"),
            };
            fields(&[
                ("contract", self.contract.to_string()),
                ("code before", format!("{from} ({} {})", current.name, current.version)),
                ("code", format!("{code} ({} {})", next.name, next.version)),
                ("state", state),
                ("block", receipt.height.to_string()),
                ("gas used", receipt.gas_used.to_string()),
                ("took", format!("{} ms", sent.took.as_millis())),
            ])
        })
    }

    /// Whether a migration runs, and its input.
    fn migration(
        &self,
        context: &Context,
        current: &Abi,
        next: &Abi,
    ) -> anyhow::Result<(bool, Vec<u8>)> {
        let migrates = current.migrates_to(next).map_err(|why| {
            let message = format!(
                "the chain would refuse it: {why}. `quorate contract check {} --against {}` shows \
                 what differs",
                self.module.display(),
                self.contract
            );
            Failure::refused("INCOMPATIBLE", message)
        })?;
        if !migrates && !self.arguments.words().is_empty() {
            let message = format!(
                "no migration runs, so there are no arguments: the state version stays {}",
                next.state_version
            );
            return Err(Failure::Usage(message).into());
        }
        match next.methods_of(MethodKind::Migrate).next().filter(|_| migrates) {
            Some(method) => Ok((true, self.arguments.encode(context, next, method)?)),
            None => Ok((false, Vec::new())),
        }
    }
}

impl Admin {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let admin = self.admin.as_deref().map(|text| context.address(text)).transpose()?;
        let sender = Sender::new(context).await?;
        let remote = &sender.remote;
        let view = remote.ask(remote.http.contract_abi(self.contract, None)).await?.body;
        check_admin(self.contract, view.admin, sender.address())?;
        let action = Action::SetAdmin { contract: self.contract, admin };
        match sender.run(context, action, &self.options).await? {
            Some(sent) => show_sent(context, &sent),
            None => Ok(()),
        }
    }
}

fn check_admin(contract: Address, admin: Option<Address>, sender: Address) -> Result<(), Failure> {
    let message = match admin {
        Some(admin) if admin == sender => return Ok(()),
        Some(admin) => format!(
            "the admin of {contract} is {admin}, and the key that signs is {sender}: choose \
             another with --key"
        ),
        None => format!("{contract} has no admin: it stays what it is for ever"),
    };
    Err(Failure::refused("NOT_ADMIN", message))
}
