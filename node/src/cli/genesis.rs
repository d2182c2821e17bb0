//! `quorate genesis`: what all validators agree on before the first block.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use primitives::{Amount, ChainId, ChainParameters, Genesis, Hash, TimestampMs, Validator};
use serde_json::json;

use super::context::Context;
use super::failure::Failure;
use super::output::fields;
use crate::config::home::write_atomically;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a genesis from validators' public keys and funded accounts
    New(New),
    /// Show a genesis [default: that of this home]
    Show { file: Option<PathBuf> },
    /// Check a genesis and print its hash; compare it with the other validators'
    Verify {
        file: Option<PathBuf>,
        /// The hash it must have
        #[arg(long, value_name = "HASH")]
        hash: Option<Hash>,
    },
}

#[derive(Debug, Args)]
pub struct New {
    /// The chain's name: 1 to 32 of a-z, 0-9 and '-'
    #[arg(long)]
    chain_id: ChainId,
    /// A validator; `quorate init` prints it
    #[arg(long = "validator", value_name = "NAME=PUBLIC_KEY", required = true)]
    validators: Vec<String>,
    /// An account and its balance
    #[arg(long = "fund", value_name = "ADDRESS=AMOUNT")]
    funds: Vec<String>,
    /// The lowest gas price accepted
    #[arg(long, default_value = "0")]
    gas_price_min: Amount,
    /// Milliseconds between blocks of an idle chain
    #[arg(long)]
    heartbeat_ms: Option<u64>,
    /// Where to write it [default: genesis.toml of this home]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace a genesis that is there
    #[arg(long)]
    replace: bool,
}

impl Command {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        match self {
            Self::New(new) => new.run(context),
            Self::Show { file } => {
                let genesis = read(context, file.as_deref())?;
                context.out.show(&genesis, || genesis.to_toml())
            }
            Self::Verify { file, hash } => {
                let genesis = read(context, file.as_deref())?;
                let actual = genesis.hash();
                if let Some(expected) = hash.filter(|expected| *expected != actual) {
                    let message = format!("the genesis has the hash {actual}, not {expected}");
                    return Err(Failure::Unproved(message).into());
                }
                show(context, &genesis)
            }
        }
    }
}

impl New {
    fn run(self, context: &Context) -> anyhow::Result<()> {
        let path = self.out.clone().unwrap_or_else(|| context.home.genesis_file());
        if path.exists() && !self.replace {
            let path = path.display();
            let message = format!("{path} exists; a running chain's genesis must never change");
            return Err(Failure::Usage(message).into());
        }
        let mut validators = Vec::new();
        for text in &self.validators {
            let (name, key) = assignment(text, "--validator NAME=PUBLIC_KEY")?;
            let key = key.parse().with_context(|| format!("the key of validator {name}"))?;
            validators.push(Validator { name: name.to_owned(), key });
        }
        let mut accounts = BTreeMap::new();
        for text in &self.funds {
            let (address, amount) = assignment(text, "--fund ADDRESS=AMOUNT")?;
            let amount = amount.parse::<Amount>().with_context(|| text.clone())?;
            accounts.insert(context.address(address)?, amount);
        }
        let mut parameters =
            ChainParameters { gas_price_min: self.gas_price_min, ..ChainParameters::default() };
        parameters.heartbeat_ms = self.heartbeat_ms.unwrap_or(parameters.heartbeat_ms);
        let chain_id = self.chain_id;
        let genesis = Genesis { chain_id, timestamp_ms: now(), parameters, validators, accounts };
        genesis.check()?;
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        write_atomically(&path, genesis.to_toml().as_bytes())?;
        context.out.note(&format!("wrote {}", path.display()));
        show(context, &genesis)
    }
}

/// The moment, for a genesis and for expiries.
pub fn now() -> TimestampMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn assignment<'a>(text: &'a str, form: &str) -> anyhow::Result<(&'a str, &'a str)> {
    let parts = text.split_once('=');
    parts.ok_or_else(|| Failure::Usage(format!("{text:?} is not {form}")).into())
}

fn read(context: &Context, file: Option<&Path>) -> anyhow::Result<Genesis> {
    let Some(file) = file else { return Ok(context.home.genesis()?) };
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Genesis::from_toml(&text).with_context(|| file.display().to_string())
}

fn show(context: &Context, genesis: &Genesis) -> anyhow::Result<()> {
    let set = genesis.validator_set()?;
    let answer = json!({
        "chainId": genesis.chain_id,
        "hash": genesis.hash(),
        "validators": set.len(),
        "quorum": set.quorum(),
        "faultyMax": set.faulty_max(),
        "accounts": genesis.accounts.len(),
    });
    context.out.show(&answer, || {
        fields(&[
            ("chain", genesis.chain_id.to_string()),
            ("hash", genesis.hash().to_string()),
            (
                "validators",
                format!(
                    "{}: {} make a quorum, {} may fail",
                    set.len(),
                    set.quorum(),
                    set.faulty_max()
                ),
            ),
            ("accounts", genesis.accounts.len().to_string()),
        ])
    })
}
