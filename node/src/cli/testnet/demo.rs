//! The whole path, shown: a contract deployed, called through one validator, read from another,
//! proved.

use std::path::Path;

use abi::{Abi, Method, MethodKind, StorageKind};
use anyhow::Context as _;
use primitives::{Action, Address, Amount, Domain, Genesis, Hash, Height};
use rpc::client::ContractApiClient;
use rpc::types::{Blob, KeyView};
use serde::Serialize;
use serde_json::Value;

use super::layout::Net;
use super::up;
use crate::cli::Global;
use crate::cli::arguments;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output::{Output, fields};
use crate::cli::prove::{self, Verified};
use crate::cli::remote::Remote;
use crate::cli::tx::{Sender, plain};
use crate::cli::workshop;

/// Makes the contract's address the same at every `up`, so that the second finds what the first
/// deployed.
const SALT: &[u8] = b"testnet";

/// What was shown.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    contract: Address,
    deployed_now: bool,
    called_through: String,
    read_from: String,
    before: Value,
    after: Value,
    transaction: Hash,
    height: Height,
    took_ms: u64,
    signers: usize,
    validators: usize,
    state_root: Hash,
}

impl Shown {
    pub fn text(&self) -> String {
        fields(&[
            ("counter", self.contract.to_string()),
            ("before", plain(&self.before)),
            ("after", format!("{}, in block {}", plain(&self.after), self.height)),
            (
                "called through",
                format!("{}, {} ms from send to receipt", self.called_through, self.took_ms),
            ),
            ("read from", self.read_from.clone()),
            (
                "proof",
                format!(
                    "verified: {} of {} validators signed the state root",
                    self.signers, self.validators
                ),
            ),
        ])
    }
}

/// Deploys the counter unless an earlier `up` did, calls it, reads it elsewhere, proves it.
pub async fn run(net: &Net, global: &Global, wasm: &Path, out: Output) -> anyhow::Result<Shown> {
    let global = Global { home: Some(net.client().root().to_owned()), ..global.clone() };
    let context = Context::load(&global)?;
    let genesis = context.home.genesis()?;
    let (called_through, writer) = up::remote(net, 0)?;
    let (read_from, reader) = up::remote(net, 1)?;
    let sender = Sender::with(&context, writer).await?;
    let module = workshop::module(&context, wasm)?;
    let abi = Abi::from_module(&module)?;
    let (contract, deployed_now) = deploy(&sender, module, &abi, out).await?;

    out.progress(&format!("calling through {called_through}, reading from {read_from}"));
    let before = read(&sender.remote, contract).await?;
    let increment = arguments::method(&abi, "inc", MethodKind::Call)?;
    let arguments = abi::json::encode_call(&abi, "inc", &numbers(increment, 1))?;
    let sent = sender.send(Action::Call { contract, arguments, value: Amount::ZERO }).await?;
    let height = sent.receipt.height;
    reader.reach(height).await?;
    let after = read(&reader, contract).await?;
    let (proved, proved_value) = prove_count(&reader, &genesis, contract, &abi).await?;
    if before == after || proved_value != after || proved.height < height {
        let proved_at = proved.height;
        let message = format!(
            "the counter was {before}, is {after} after block {height}, and is proved to be \
             {proved_value} after block {proved_at}: these do not fit together"
        );
        return Err(Failure::Unproved(message).into());
    }
    Ok(Shown {
        contract,
        deployed_now,
        called_through,
        read_from,
        before,
        after,
        transaction: sent.receipt.transaction,
        height,
        took_ms: u64::try_from(sent.took.as_millis()).unwrap_or(u64::MAX),
        signers: proved.signers,
        validators: proved.validators,
        state_root: proved.state_root,
    })
}

/// The contract's address, and whether it had to be made.
async fn deploy(
    sender: &Sender,
    module: Vec<u8>,
    abi: &Abi,
    out: Output,
) -> anyhow::Result<(Address, bool)> {
    let code = Hash::of_bytes(Domain::Code, &module);
    let chain = &sender.chain.genesis_hash;
    let contract = vm::contract_address(chain, &sender.address(), &code, SALT);
    let remote = &sender.remote;
    match remote.ask(remote.http.contract_abi(contract, None)).await {
        Ok(_) => return Ok((contract, false)),
        Err(error) if matches!(error.downcast_ref(), Some(Failure::NotFound(_))) => {}
        Err(error) => return Err(error),
    }
    out.progress(&format!("uploading {}, {} bytes", abi.name, module.len()));
    sender.send(Action::Upload { code: module }).await?;
    let arguments = match arguments::constructor(abi) {
        Some(method) => abi::json::encode_call(abi, &method.name, &numbers(method, 0))?,
        None => Vec::new(),
    };
    out.progress("instantiating it");
    let salt = SALT.to_vec();
    sender.send(Action::Instantiate { code, salt, arguments, value: Amount::ZERO }).await?;
    Ok((contract, true))
}

async fn read(remote: &Remote, contract: Address) -> anyhow::Result<Value> {
    let answer = remote.http.contract_query(contract, "get".into(), None, None, None);
    Ok(remote.ask(answer).await?.body.result)
}

/// The counter's stored value with its proof: the one item of the storage that is what `get`
/// returns.
async fn prove_count(
    remote: &Remote,
    genesis: &Genesis,
    contract: Address,
    abi: &Abi,
) -> anyhow::Result<(Verified, Value)> {
    let get = arguments::method(abi, "get", MethodKind::Query)?;
    let mut items = abi.storage.iter().filter_map(|field| match &field.kind {
        StorageKind::Item(ty) if *ty == get.returns => Some((field.prefix, ty)),
        _ => None,
    });
    let (prefix, ty) = items.next().context("no item of the storage is what `get` returns")?;
    let key = KeyView::Storage { contract, key: Blob(prefix.to_vec()) };
    let proved = prove::fetch(remote, genesis, key).await?;
    let bytes = proved.value.as_deref().context("the counter's value is proved absent")?;
    let value = abi::json::decode_value(ty, bytes)?;
    Ok((proved, value))
}

/// Every argument the same number.
fn numbers(method: &Method, number: u32) -> Value {
    let arguments = method.parameters.iter();
    Value::Array(arguments.map(|_| number.into()).collect())
}
