//! Requests in, answers out.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use abi::testing::{self, Answer, Request, VERSION};
use contract_build::{BuildError, Installing, Messages, Options};
use primitives::{Action, Address, Amount, Gas, Hash};
use vm::engine::Wasmer;
use vm::{Executor, ExecutorOptions, Query};

use crate::HostError;
use crate::chain::Chain;
use crate::native::{Native, Shared};
use crate::pipe::Pipe;

/// Serves a test until it closes the pipe. The calling thread needs 64 MiB of stack.
///
/// # Panics
///
/// When the chain cannot go on, with the reason.
pub fn serve(
    input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
) -> Result<(), HostError> {
    let pipe = Shared::new(Pipe::new(input, output));
    let executors = Executors::new(&pipe);
    let mut chain = Chain::new(Arc::clone(&executors.product));
    loop {
        // The pipe is free again before anything runs, which may need it.
        let Some(request) = pipe.lock().receive()? else { return Ok(()) };
        let answer = match request {
            Request::Begin { version, .. } if version != VERSION => {
                return Err(HostError::Version);
            }
            Request::Begin { native, .. } => {
                let executor = if native { &executors.native } else { &executors.product };
                chain = Chain::new(Arc::clone(executor));
                Answer::Begun { chain: chain.hash().0, clock: chain.clock() }
            }
            Request::Store { code, native } => match chain.store(code) {
                Ok(hash) => {
                    if native {
                        executors.register(hash);
                    }
                    Answer::Code(hash.0)
                }
                Err(why) => Answer::Refused(why),
            },
            other => answer(&mut chain, other)?,
        };
        pipe.lock().send(&answer)?;
    }
}

/// What outlives a chain: compiled code.
struct Executors {
    product: Arc<Executor>,
    native: Arc<Executor>,
    registered: Arc<Mutex<BTreeSet<Hash>>>,
}

impl Executors {
    fn new(pipe: &Shared) -> Self {
        let product = Arc::new(Wasmer::default());
        let registered = Arc::new(Mutex::default());
        let native = Native {
            registered: Arc::clone(&registered),
            pipe: pipe.clone(),
            product: Arc::clone(&product),
        };
        let executor = |engine| Arc::new(Executor::with_engine(ExecutorOptions::default(), engine));
        Self { product: executor(product), native: executor(Arc::new(native)), registered }
    }

    fn register(&self, code: Hash) {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner).insert(code);
    }
}

fn answer(chain: &mut Chain, request: Request) -> Result<Answer, HostError> {
    Ok(match request {
        Request::Account { name } => Answer::Address(chain.account(&name).0),
        Request::Fund { account, balance } => {
            chain.fund(&Address(account), balance);
            Answer::Done
        }
        Request::Build { directory } => build(Path::new(&directory)),
        Request::Send { sender, action, gas } => {
            match chain.send(&Address(sender), of_the_chain(action), gas) {
                Ok(receipt) => Answer::Receipt(receipt),
                Err(why) => Answer::Refused(why),
            }
        }
        Request::Query { caller, contract, input, gas } => Answer::Receipt(chain.query(Query {
            contract: Address(contract),
            caller: Address(caller),
            arguments: input,
            gas_limit: Gas(gas),
        })),
        Request::Advance { blocks, time_ms } => {
            chain.advance(blocks, time_ms);
            Answer::Clock(chain.clock())
        }
        Request::Balance { of } => Answer::Balance(chain.balance(&Address(of))),
        Request::State => Answer::State(chain.entries()),
        other @ (Request::Begin { .. }
        | Request::Store { .. }
        | Request::Cross { .. }
        | Request::Left(_)) => return Err(HostError::Unexpected(format!("{other:?}"))),
    })
}

fn of_the_chain(action: testing::Action) -> Action {
    match action {
        testing::Action::Transfer { to, amount } => {
            Action::Transfer { to: Address(to), amount: Amount(amount) }
        }
        testing::Action::Instantiate { code, salt, input, value } => {
            Action::Instantiate { code: Hash(code), salt, arguments: input, value: Amount(value) }
        }
        testing::Action::Call { contract, input, value } => {
            Action::Call { contract: Address(contract), arguments: input, value: Amount(value) }
        }
        testing::Action::Upgrade { contract, code, input } => {
            Action::Upgrade { contract: Address(contract), code: Hash(code), arguments: input }
        }
        testing::Action::SetAdmin { contract, admin } => {
            Action::SetAdmin { contract: Address(contract), admin: admin.map(Address) }
        }
    }
}

/// Builds a contract as `quorate contract build` does. Cargo's progress is not shown: it would
/// stand among the tests' own lines.
fn build(directory: &Path) -> Answer {
    let options = Options {
        installing: Installing::Forbidden,
        messages: Messages::Kept,
        ..Options::default()
    };
    match contract_build::build(directory, &options) {
        Ok(built) => Answer::Module(built.code),
        Err(error @ BuildError::NoCompiler) => Answer::NoCompiler(error.to_string()),
        Err(error) => Answer::Refused(error.to_string()),
    }
}
