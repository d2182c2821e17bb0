//! `quorate contract`: making, deploying, calling and upgrading contracts. Arguments go by name,
//! typed by the ABI that travels in the module.

mod bindings;
pub mod check;
mod compare;
mod queries;
mod upgrade;
mod verify;

use std::path::{Path, PathBuf};

use abi::{Abi, Method, MethodKind};
use clap::{Args, Subcommand};
use primitives::limits::CODE_BYTES_MAX;
use primitives::{Action, Address, Amount, Domain, Hash};
use rpc::client::{ContractApiClient, StateApiClient};
use rpc::types::{At, KeyView};
use serde_json::{Value, json};

use super::arguments;
use super::context::Context;
use super::failure::Failure;
use super::output::{fields, table};
use super::remote::{Remote, block_on};
use super::tx::{SendOptions, Sender, Sent, plain, show_sent};

#[derive(Debug, Subcommand)]
pub enum Contract {
    /// Begin a contract in a new directory
    New(super::workshop::New),
    /// Build a contract's directory into a module
    Build(super::workshop::Build),
    /// Check a module as a node would at upload, and compare it with another version
    Check(check::Check),
    /// Run a contract's tests, on a chain of their own
    Test(super::workshop::Test),
    /// Serve a chain to a contract's tests, over standard input and output
    #[command(hide = true)]
    Host,
    /// Build if need be, upload, and instantiate
    Deploy(Deploy),
    /// Store a module on the chain
    Upload {
        /// A module, or a contract's directory, which is built
        module: PathBuf,
        #[command(flatten)]
        options: SendOptions,
    },
    /// Make a contract of stored code
    Instantiate(Instantiate),
    /// Call a method by a transaction
    Call(Call),
    /// Ask a contract; nothing is sent
    Query(Ask),
    /// Give a contract other code, as its admin: build and upload if need be, migrate its state
    Upgrade(upgrade::Upgrade),
    /// Hand a contract to another admin, or to nobody
    Admin(upgrade::Admin),
    /// Build a source anew, and compare with the code of a contract
    Verify(verify::Verify),
    /// Write typed clients of a contract
    Bindings(bindings::Bindings),
    /// What a contract offers: of an address on the chain, or of a module's file
    Abi { contract: String },
}

#[derive(Debug, Args)]
pub struct Deploy {
    /// A module, or a contract's directory, which is built
    module: PathBuf,
    #[command(flatten)]
    arguments: Arguments,
    /// Gives the contract's address; the same code and salt can be deployed once by one key
    /// [default: random]
    #[arg(long)]
    salt: Option<String>,
    /// Native units to send along
    #[arg(long, default_value = "0")]
    value: Amount,
    #[command(flatten)]
    options: SendOptions,
}

#[derive(Debug, Args)]
pub struct Instantiate {
    /// The stored code's hash; `quorate contract upload` prints it
    code: Hash,
    #[command(flatten)]
    arguments: Arguments,
    /// Gives the contract's address [default: random]
    #[arg(long)]
    salt: Option<String>,
    /// Native units to send along
    #[arg(long, default_value = "0")]
    value: Amount,
    #[command(flatten)]
    options: SendOptions,
}

#[derive(Debug, Args)]
pub struct Call {
    /// The contract's address
    contract: Address,
    /// One of its methods; without one, they are listed
    method: Option<String>,
    #[command(flatten)]
    arguments: Arguments,
    /// Native units to send along
    #[arg(long, default_value = "0")]
    value: Amount,
    #[command(flatten)]
    options: SendOptions,
}

#[derive(Debug, Args)]
pub struct Ask {
    /// The contract's address
    contract: Address,
    /// One of its methods; without one, they are listed
    method: Option<String>,
    #[command(flatten)]
    arguments: Arguments,
    /// Whom the contract shall see as its caller; an address, or a key of this home
    #[arg(long)]
    caller: Option<String>,
    /// A height, or a block's hash
    #[arg(long, visible_alias = "height", default_value = "latest")]
    at: At,
}

/// A method's arguments. `quorate contract abi` says what a method takes.
#[derive(Clone, Debug, Args)]
struct Arguments {
    /// Arguments as name=value, or all of them as one JSON object or array
    #[arg(value_name = "NAME=VALUE")]
    words: Vec<String>,
    /// An argument, the same as NAME=VALUE
    #[arg(long = "arg", value_name = "NAME=VALUE")]
    more: Vec<String>,
}

impl Arguments {
    fn words(&self) -> Vec<String> {
        self.words.iter().chain(&self.more).cloned().collect()
    }

    /// The arguments by name, and as input: selector and canonical binary. What is wrong is told
    /// with what the method takes.
    fn read(
        &self,
        context: &Context,
        abi: &Abi,
        method: &Method,
    ) -> anyhow::Result<(Value, Vec<u8>)> {
        let address = |text: &str| context.address(text).map(|address| address.to_string());
        let read = || {
            let json = arguments::parse(method, &self.words(), &address)?;
            let input = abi::json::encode_call(abi, &method.name, &json)?;
            anyhow::Ok((json, input))
        };
        read().map_err(|error| {
            let help = arguments::help(method);
            Failure::Usage(format!("{error:#}\n\n{help}")).into()
        })
    }

    /// Selector and canonical arguments.
    fn encode(&self, context: &Context, abi: &Abi, method: &Method) -> anyhow::Result<Vec<u8>> {
        Ok(self.read(context, abi, method)?.1)
    }
}

impl Contract {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        match self {
            Self::New(new) => new.run(context),
            Self::Build(build) => build.run(context),
            Self::Check(check) => check.run(context),
            Self::Test(test) => test.run(context),
            Self::Host => Ok(contract_host::serve_stdio()?),
            Self::Deploy(deploy) => block_on(deploy.run(context)),
            Self::Upload { module, options } => block_on(upload(context, &module, &options)),
            Self::Instantiate(instantiate) => block_on(instantiate.run(context)),
            Self::Call(call) => block_on(call.run(context)),
            Self::Query(ask) => block_on(ask.run(context)),
            Self::Upgrade(upgrade) => block_on(upgrade.run(context)),
            Self::Admin(admin) => block_on(admin.run(context)),
            Self::Verify(verify) => block_on(verify.run(context)),
            Self::Bindings(bindings) => block_on(bindings.run(context)),
            Self::Abi { contract } => block_on(show_abi(context, &contract)),
        }
    }
}

impl Deploy {
    async fn run(self, context: &Context) -> anyhow::Result<()> {
        let module = super::workshop::module(context, &self.module)?;
        let abi = Abi::from_module(&module)?;
        // The arguments are checked before anything is paid for.
        let arguments = constructor_input(context, &abi, &self.arguments)?;
        let sender = Sender::new(context).await?;
        let code = Hash::of_bytes(Domain::Code, &module);
        let remote = &sender.remote;
        if fetch_code(remote, code).await?.is_none() {
            context.out.progress(&format!("uploading {}, {} bytes", abi.name, module.len()));
            sender.send(Action::Upload { code: module }).await?;
        }
        let salt = salt(self.salt)?;
        let action = Action::Instantiate { code, salt, arguments, value: self.value };
        show_contract(context, &abi, sender.run(context, action, &self.options).await?)
    }
}

impl Instantiate {
    async fn run(self, context: &Context) -> anyhow::Result<()> {
        let sender = Sender::new(context).await?;
        let module = fetch_code(&sender.remote, self.code).await?.ok_or_else(|| {
            Failure::NotFound(format!("no code {} is stored: upload it first", self.code))
        })?;
        let abi = Abi::from_module(&module)?;
        let arguments = constructor_input(context, &abi, &self.arguments)?;
        let salt = salt(self.salt)?;
        let action = Action::Instantiate { code: self.code, salt, arguments, value: self.value };
        show_contract(context, &abi, sender.run(context, action, &self.options).await?)
    }
}

impl Call {
    #[cfg(test)]
    pub fn words(&self) -> Vec<String> {
        self.arguments.words()
    }

    async fn run(self, context: &Context) -> anyhow::Result<()> {
        let sender = Sender::new(context).await?;
        let abi = fetch_abi(&sender.remote, self.contract).await?;
        let method = chosen(&abi, self.method.as_deref(), MethodKind::Call)?;
        if self.value > Amount::ZERO && !method.payable {
            let message = format!("{} takes no value: it is not payable", method.name);
            return Err(Failure::Usage(message).into());
        }
        let arguments = self.arguments.encode(context, &abi, method)?;
        let action = Action::Call { contract: self.contract, arguments, value: self.value };
        match sender.run(context, action, &self.options).await? {
            Some(sent) => show_sent(context, &sent),
            None => Ok(()),
        }
    }
}

impl Ask {
    async fn run(self, context: &Context) -> anyhow::Result<()> {
        let remote = Remote::find(context).await?;
        let abi = fetch_abi(&remote, self.contract).await?;
        let method = chosen(&abi, self.method.as_deref(), MethodKind::Query)?;
        let (json, _) = self.arguments.read(context, &abi, method)?;
        let caller = self.caller.as_deref().map(|text| context.address(text)).transpose()?;
        let (name, at) = (method.name.clone(), Some(self.at));
        let answer = remote.http.contract_query(self.contract, name, Some(json), caller, at);
        let answer = remote.ask(answer).await?;
        context.out.show(&answer, || plain(&answer.result))
    }
}

async fn upload(context: &Context, module: &Path, options: &SendOptions) -> anyhow::Result<()> {
    let code = super::workshop::module(context, module)?;
    let sender = Sender::new(context).await?;
    match sender.run(context, Action::Upload { code }, options).await? {
        Some(sent) => show_sent(context, &sent),
        None => Ok(()),
    }
}

fn show_contract(context: &Context, abi: &Abi, sent: Option<Sent>) -> anyhow::Result<()> {
    let Some(sent) = sent else { return Ok(()) };
    let receipt = &sent.receipt;
    let contract = receipt.result.as_ref().map(plain).unwrap_or_default();
    let answer = json!({ "contract": contract, "receipt": receipt });
    context.out.show(&answer, || {
        let first = abi.methods_of(MethodKind::Call).next().map(arguments::usage);
        let next = first.map(|usage| format!("\n\nTry:  quorate contract call {contract} {usage}"));
        let rows = [
            ("contract", contract.clone()),
            ("block", receipt.height.to_string()),
            ("gas used", receipt.gas_used.to_string()),
            ("took", format!("{} ms", sent.took.as_millis())),
        ];
        format!("{}{}", fields(&rows), next.unwrap_or_default())
    })
}

fn constructor_input(
    context: &Context,
    abi: &Abi,
    arguments: &Arguments,
) -> anyhow::Result<Vec<u8>> {
    match arguments::constructor(abi) {
        Some(method) => arguments.encode(context, abi, method),
        None if arguments.words().is_empty() => Ok(Vec::new()),
        None => Err(Failure::Usage(format!("{} has no constructor arguments", abi.name)).into()),
    }
}

/// The salt as said, or a random one, so that deploying twice makes two contracts.
fn salt(stated: Option<String>) -> anyhow::Result<Vec<u8>> {
    if let Some(text) = stated {
        return Ok(text.into_bytes());
    }
    let mut bytes = vec![0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(bytes)
}

/// A contract's ABI, out of its module, whose hash is checked: a node that lies about the interface
/// could make a person sign other arguments than they typed.
async fn fetch_abi(remote: &Remote, contract: Address) -> anyhow::Result<Abi> {
    let view = remote.ask(remote.http.contract_abi(contract, None)).await?;
    stored_abi(remote, view.code).await
}

async fn stored_abi(remote: &Remote, code: Hash) -> anyhow::Result<Abi> {
    let module = fetch_code(remote, code).await?.ok_or_else(|| missing_code(code))?;
    Ok(Abi::from_module(&module)?)
}

/// Every contract's code is stored, so a node that does not have it withholds it.
fn missing_code(code: Hash) -> Failure {
    Failure::Unproved(format!("the node says that the code {code} of the contract is missing"))
}

/// The ABI of a contract by its address, or of a module by its file or its source.
async fn abi_of(context: &Context, contract: &str) -> anyhow::Result<Abi> {
    if contract.starts_with("0x") {
        let remote = Remote::find(context).await?;
        return fetch_abi(&remote, context.address(contract)?).await;
    }
    Ok(Abi::from_module(&super::workshop::module(context, Path::new(contract))?)?)
}

/// The method of a call or a query; without a name, all that there are, as the error.
fn chosen<'a>(abi: &'a Abi, name: Option<&str>, kind: MethodKind) -> anyhow::Result<&'a Method> {
    let Some(name) = name else {
        let rows: Vec<_> = abi.methods_of(kind).map(method_row).collect();
        let message = match rows.as_slice() {
            [] => format!("{} {} has nothing to be used so", abi.name, abi.version),
            rows => format!("name a method of {} {}:\n{}", abi.name, abi.version, table(rows)),
        };
        return Err(Failure::Usage(message).into());
    };
    arguments::method(abi, name, kind)
}

/// A stored module; `None` when there is none of this hash.
async fn fetch_code(remote: &Remote, code: Hash) -> anyhow::Result<Option<Vec<u8>>> {
    let answer = remote.ask(remote.http.state_prove(KeyView::Code(code), None)).await;
    let answer = match answer {
        // Before the first block nothing is certified, and nothing is stored either.
        Err(error) if matches!(error.downcast_ref(), Some(Failure::NotFound(_))) => {
            return Ok(None);
        }
        other => other?,
    };
    let Some(module) = answer.body.value.map(|blob| blob.0) else { return Ok(None) };
    if module.len() > CODE_BYTES_MAX || Hash::of_bytes(Domain::Code, &module) != code {
        let message = format!("what {} calls the code {code} has another hash", remote.url());
        return Err(Failure::Unproved(message).into());
    }
    Ok(Some(module))
}

async fn show_abi(context: &Context, contract: &str) -> anyhow::Result<()> {
    let abi = abi_of(context, contract).await?;
    context.out.show(&abi.to_json(), || describe(&abi))
}

/// An ABI for people: how each method is used, and what it is for.
fn describe(abi: &Abi) -> String {
    let mut text = format!("{} {}\n", abi.name, abi.version);
    if !abi.docs.is_empty() {
        text.push_str(&format!("{}\n", abi.docs.trim()));
    }
    for (kind, title) in [
        (MethodKind::Init, "deploy"),
        (MethodKind::Call, "call"),
        (MethodKind::Query, "query"),
        (MethodKind::Migrate, "upgrade"),
    ] {
        let rows: Vec<_> = abi.methods_of(kind).map(method_row).collect();
        if !rows.is_empty() {
            text.push_str(&format!("\n{title}\n{}\n", table(&rows)));
        }
    }
    let events: Vec<_> = abi
        .events
        .iter()
        .map(|event| {
            let fields = event.fields.iter().map(|field| format!("{}: {}", field.name, field.ty));
            let signature = format!("{}({})", event.name, fields.collect::<Vec<_>>().join(", "));
            vec!["  ".to_owned() + &signature, first_line(&event.docs)]
        })
        .collect();
    if !events.is_empty() {
        text.push_str(&format!("\nevents\n{}\n", table(&events)));
    }
    text
}

fn method_row(method: &Method) -> Vec<String> {
    let returns = match (&method.returns, &method.error) {
        (abi::Type::Unit, None) => String::new(),
        (returns, None) => format!("-> {returns}"),
        (returns, Some(error)) => format!("-> {returns}, or {error}"),
    };
    let payable = if method.payable { " (payable)" } else { "" };
    let usage = format!("  {}{payable}", arguments::usage(method));
    vec![usage, returns, first_line(&method.docs)]
}

fn first_line(docs: &str) -> String {
    docs.trim().lines().next().unwrap_or_default().to_owned()
}
