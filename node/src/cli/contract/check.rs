//! `quorate contract check`: what a node would say to a module, and what differs from another
//! version of it.

use std::path::{Path, PathBuf};

use abi::{Abi, MethodKind};
use clap::Args;
use primitives::codec::FormatVersion;
use primitives::{
    Action, Address, Amount, ChainId, Domain, Gas, Hash, Nonce, PublicKey, TimestampMs, Transaction,
};
use rpc::client::ContractApiClient as _;
use rpc::types::At;
use serde_json::{Value, json};

use super::compare::{Comparison, step};
use super::queries::{self, Costs, Question};
use super::{fetch_code, missing_code};
use crate::cli::arguments;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::far_state::FarState;
use crate::cli::output::{fields, table};
use crate::cli::remote::Remote;
use crate::cli::workshop;

#[derive(Debug, Args)]
pub struct Check {
    /// A module, or a contract's directory, which is built
    module: PathBuf,
    /// Compare with the contract at an address, or with another module
    #[arg(long, value_name = "ADDRESS|FILE")]
    against: Option<String>,
    /// Run this query too, as 'METHOD NAME=VALUE …', with both codes on the contract's state; those
    /// without arguments are run anyway
    #[arg(long = "query", requires = "against", value_name = "QUERY")]
    queries: Vec<String>,
}

/// A module, and what can be said of it without running it.
struct Facts {
    code: Vec<u8>,
    abi: Abi,
    hash: Hash,
    /// Of the transaction that stores it.
    upload_gas: u64,
    /// Of entering the contract, before its first instruction.
    entry_gas: u64,
}

/// What a module is compared with.
struct Other {
    facts: Facts,
    /// Where it is a contract on a chain.
    contract: Option<Address>,
}

impl Check {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let code = workshop::module(context, &self.module)?;
        let Some(against) = &self.against else { return show(context, &self.module, code) };
        let facts = Facts::of(code)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let questions = self.questions(context, &facts.abi)?;
        if !against.starts_with("0x") {
            let code = workshop::module(context, Path::new(against))?;
            let other = Other { facts: Facts::of(code)?, contract: None };
            return self.compare(context, &facts, &other, &[]);
        }
        let contract = context.address(against)?;
        let remote = runtime.block_on(Remote::find(context))?;
        let (code, chain) = runtime.block_on(async {
            let view = remote.ask(remote.http.contract_abi(contract, None)).await?;
            let code = fetch_code(&remote, view.code).await?;
            let code = code.ok_or_else(|| missing_code(view.code))?;
            anyhow::Ok((code, remote.chain(context).await?))
        })?;
        let other = Other { facts: Facts::of(code)?, contract: Some(contract) };
        let (old, new) = (&other.facts.abi, &facts.abi);
        // With another state version the new code would read what only its migration writes.
        let costs = if old.migrates_to(new) == Ok(false) {
            let state = FarState::new(&runtime, &remote, At::Height(chain.at.height));
            let versions = [(old, other.facts.code.as_slice()), (new, facts.code.as_slice())];
            let costs = queries::compare(&state, &chain, contract, versions, &questions);
            state.check()?;
            costs
        } else {
            Vec::new()
        };
        self.compare(context, &facts, &other, &costs)
    }

    /// The queries to be made: those without arguments, and those asked for.
    fn questions(&self, context: &Context, abi: &Abi) -> anyhow::Result<Vec<Question>> {
        let mut questions = queries::plain(abi);
        for asked in &self.queries {
            let mut words = asked.split_whitespace().map(str::to_owned);
            let name = words.next().unwrap_or_default();
            let method = arguments::method(abi, &name, MethodKind::Query)?;
            let words: Vec<String> = words.collect();
            let address = |text: &str| context.address(text).map(|address| address.to_string());
            let arguments = arguments::parse(method, &words, &address)?;
            questions.push(Question { shown: asked.clone(), method: name, arguments });
        }
        Ok(questions)
    }

    fn compare(
        &self,
        context: &Context,
        facts: &Facts,
        other: &Other,
        costs: &[Costs],
    ) -> anyhow::Result<()> {
        let comparison = Comparison::new(&other.facts.abi, &facts.abi);
        let before = other.facts.json();
        let answer = json!({
            "module": self.module, "new": facts.json(), "old": before,
            "contract": other.contract, "comparison": comparison, "queries": costs,
        });
        context.out.show(&answer, || {
            let (new, old) = (facts, &other.facts);
            let length = |facts: &Facts| facts.code.len() as u64;
            let place = self.against.as_deref().unwrap_or_default();
            let rows = [
                ("module", self.module.display().to_string()),
                ("contract", format!("{} {}", new.abi.name, new.abi.version)),
                ("against", format!("{} {}, {place}", old.abi.name, old.abi.version)),
                ("a node", "would accept the module".to_owned()),
                ("upgrade", comparison.upgrade.why.clone()),
                ("code hash", new.hash.to_string()),
                ("bytes", step(length(old), length(new))),
                ("upload gas", step(old.upload_gas, new.upload_gas)),
                ("entry gas", step(old.entry_gas, new.entry_gas)),
            ];
            format!("{}\n\n{}{}", fields(&rows), comparison.describe(), costs_table(costs))
        })
    }
}

impl Facts {
    fn of(code: Vec<u8>) -> anyhow::Result<Self> {
        let abi = Abi::from_module(&code)?;
        let hash = Hash::of_bytes(Domain::Code, &code);
        let refused = || Failure::refused("INVALID_CODE", "a node would refuse the module");
        let entry_gas = vm::entry_gas(&code).ok_or_else(refused)?.0;
        Ok(Self { abi, hash, upload_gas: upload_gas(&code), entry_gas, code })
    }

    fn json(&self) -> Value {
        json!({
            "contract": self.abi.name, "version": self.abi.version, "code": self.hash,
            "bytes": self.code.len(), "uploadGas": self.upload_gas, "entryGas": self.entry_gas,
            "stateVersion": self.abi.state_version,
            "methods": self.abi.methods.iter().map(|method| &method.name).collect::<Vec<_>>(),
        })
    }
}

/// What storing a module costs: nothing of it depends on who sends.
fn upload_gas(code: &[u8]) -> u64 {
    let chain_id = match "check".parse::<ChainId>() {
        Ok(chain_id) => chain_id,
        Err(error) => panic!("it is a chain's name: {error}"),
    };
    let transaction = Transaction {
        version: FormatVersion::V1,
        chain_id,
        sender: PublicKey([0; 32]),
        nonce: Nonce::default(),
        valid_until: TimestampMs(0),
        gas_limit: Gas::ZERO,
        gas_price: Amount::ZERO,
        action: Action::Upload { code: code.to_vec() },
    };
    let compiling = vm::compile_gas(code).unwrap_or_default();
    vm::intrinsic_gas(&transaction).0.saturating_add(compiling.0)
}

/// A module alone.
pub fn show(context: &Context, path: &Path, code: Vec<u8>) -> anyhow::Result<()> {
    let facts = Facts::of(code)?;
    let mut answer = facts.json();
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("module".to_owned(), json!(path));
    }
    context.out.show(&answer, || {
        let abi = &facts.abi;
        let methods: Vec<_> = abi.methods.iter().map(|method| method.name.as_str()).collect();
        let toolchain = contract_build::origin::read(&facts.code);
        let mut rows = vec![
            ("module", path.display().to_string()),
            ("contract", format!("{} {}", abi.name, abi.version)),
            ("bytes", facts.code.len().to_string()),
            ("code hash", facts.hash.to_string()),
            ("methods", methods.join(", ")),
            ("upload gas", facts.upload_gas.to_string()),
            ("entry gas", facts.entry_gas.to_string()),
        ];
        rows.extend(toolchain.map(|toolchain| ("toolchain", toolchain)));
        fields(&rows)
    })
}

fn costs_table(costs: &[Costs]) -> String {
    if costs.is_empty() {
        return String::new();
    }
    let row = |costs: &Costs| {
        let cost = match (costs.before, costs.after) {
            (Some(before), Some(after)) => step(before, after),
            (None, Some(after)) => format!("{after}; it had no answer before"),
            (Some(_), None) => "has no answer any more".to_owned(),
            (None, None) => "has no answer".to_owned(),
        };
        vec![format!("  {}", costs.query), cost]
    };
    let rows: Vec<_> = costs.iter().map(row).collect();
    format!("gas of queries, run with both codes on the contract's state\n{}\n", table(&rows))
}
