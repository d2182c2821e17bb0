//! The chain of a test.

use core::convert::Infallible;
use core::fmt;
use std::string::String;
use std::vec::Vec;

use abi::testing::{Action, Answer, BLOCK_MS, Clock, Request, VERSION};

use super::compare::{self, Seen};
use super::link::Link;
use super::module::{self, Built};
use super::receipt::Receipt;
use crate::call::Refusal;
use crate::{
    Address, Call, Client, Contract, ContractClient, Data, Hash, Instantiate, Upgrade, run,
};

/// A chain of its own for a test; see [the module](super).
///
/// Two chains know nothing of each other. Everything that happens on one is made by calls of its
/// methods, and follows from nothing else.
pub struct TestChain {
    /// Gone only after a panic in the middle of a request.
    link: Option<Link>,
    contracts: Contracts,
    hash: Hash,
    clock: Clock,
    /// Contracts deployed so far, each with a salt of its own.
    deployed: u64,
    seen: Seen,
    /// What another run of the same test saw.
    expected: Option<Seen>,
}

/// How the contracts of a chain run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contracts {
    Native,
    WebAssembly,
}

impl Default for TestChain {
    fn default() -> Self {
        Self::new()
    }
}

impl TestChain {
    /// A chain whose contracts run as WebAssembly, with real gas.
    ///
    /// # Panics
    ///
    /// When the program that serves the chain cannot be started.
    pub fn new() -> Self {
        Self::begin(Contracts::WebAssembly)
    }

    /// A chain whose contracts run natively, in this process, as far as the test deploys them by
    /// their clients.
    ///
    /// # Panics
    ///
    /// When the program that serves the chain cannot be started.
    pub fn native() -> Self {
        Self::begin(Contracts::Native)
    }

    fn begin(contracts: Contracts) -> Self {
        let native = contracts == Contracts::Native;
        let (link, answer) = Link::open().ask(&Request::Begin { version: VERSION, native });
        let Answer::Begun { chain, clock } = answer else { unexpected(&answer) };
        let (link, hash, seen) = (Some(link), Hash(chain), Seen::default());
        Self { link, contracts, hash, clock, deployed: 0, seen, expected: None }
    }

    /// Whether contracts run natively on this chain.
    pub fn is_native(&self) -> bool {
        self.contracts == Contracts::Native
    }

    /// The account with this name. Each has 10^24 native units at first; the same name is the same
    /// account, on every chain.
    pub fn account(&mut self, name: &str) -> Address {
        match self.ask(&Request::Account { name: String::from(name) }) {
            Answer::Address(address) => Address(address),
            other => unexpected(&other),
        }
    }

    /// Sets the native units of an account.
    pub fn fund(&mut self, account: &Address, balance: u128) {
        match self.ask(&Request::Fund { account: account.0, balance }) {
            Answer::Done => {}
            other => unexpected(&other),
        }
    }

    /// The native units of an account or a contract.
    pub fn balance(&mut self, of: &Address) -> u128 {
        match self.ask(&Request::Balance { of: of.0 }) {
            Answer::Balance(balance) => balance,
            other => unexpected(&other),
        }
    }

    /// The hash of the chain's genesis, as [`Context::chain`](crate::Context::chain) has it.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The height of the block in which the next transaction stands.
    pub fn height(&self) -> u64 {
        self.clock.height
    }

    /// The time of the block in which the next transaction stands, in milliseconds since the Unix
    /// epoch.
    pub fn time_ms(&self) -> u64 {
        self.clock.time_ms
    }

    /// Lets time pass before the next block.
    pub fn advance_ms(&mut self, time_ms: u64) {
        self.advance(0, time_ms);
    }

    /// Lets empty blocks pass, a second each.
    pub fn advance_blocks(&mut self, blocks: u64) {
        self.advance(blocks, blocks.saturating_mul(BLOCK_MS));
    }

    fn advance(&mut self, blocks: u64, time_ms: u64) {
        match self.ask(&Request::Advance { blocks, time_ms }) {
            Answer::Clock(clock) => self.clock = clock,
            other => unexpected(&other),
        }
    }

    /// Stores the code of a contract, so that others can instantiate it by its hash. Deploying does
    /// so by itself.
    ///
    /// # Panics
    ///
    /// When the contract cannot be built, or a node would refuse its module.
    pub fn store<C: ContractClient>(&mut self) -> Hash {
        let module = module::of::<C::Contract>(|directory| {
            match self.ask(&Request::Build { directory: String::from(directory) }) {
                Answer::Module(module) => Built::Module(module),
                Answer::NoCompiler(why) => Built::NoCompiler(why),
                Answer::Refused(why) => {
                    panic!("the contract `{}` cannot be built: {why}", C::Contract::LAYOUT.name)
                }
                other => unexpected(&other),
            }
        });
        let native = self.is_native();
        let code = self.store_code(module, native);
        if native && let Some(link) = &mut self.link {
            link.register(code.0, run::<C::Contract>);
        }
        code
    }

    /// Stores a module, of whatever origin. It runs as WebAssembly on every chain.
    ///
    /// # Panics
    ///
    /// When a node would refuse the module.
    pub fn store_module(&mut self, module: Vec<u8>) -> Hash {
        self.store_code(module, false)
    }

    fn store_code(&mut self, code: Vec<u8>, native: bool) -> Hash {
        match self.ask(&Request::Store { code, native }) {
            Answer::Code(hash) => Hash(hash),
            Answer::Refused(why) => panic!("{why}"),
            other => unexpected(&other),
        }
    }

    /// Makes a contract, as a transaction of an account, and answers with its client.
    ///
    /// # Panics
    ///
    /// When its `#[init]` does not succeed; [`Self::try_deploy`] answers with a receipt.
    #[track_caller]
    pub fn deploy<C: ContractClient, E: Refusal + fmt::Debug>(
        &mut self,
        from: &Address,
        contract: Instantiate<C, E>,
    ) -> C {
        self.try_deploy(from, contract).value()
    }

    /// Makes a contract, as a transaction of an account.
    #[track_caller]
    pub fn try_deploy<C: ContractClient, E: Refusal>(
        &mut self,
        from: &Address,
        contract: Instantiate<C, E>,
    ) -> Receipt<C, E> {
        let code = self.store::<C>();
        self.try_deploy_code(from, &code, contract)
    }

    /// Makes a contract of stored code, as a transaction of an account: of an earlier release, say,
    /// whose module was given to [`Self::store_module`].
    #[track_caller]
    pub fn try_deploy_code<C: Client, E: Refusal>(
        &mut self,
        from: &Address,
        code: &Hash,
        contract: Instantiate<C, E>,
    ) -> Receipt<C, E> {
        let code = code.0;
        self.deployed += 1;
        let salt = self.deployed.to_le_bytes().to_vec();
        let Instantiate { input, value, gas, .. } = contract;
        let receipt = self.send(from, Action::Instantiate { code, salt, input, value }, gas);
        Receipt::new(receipt, |output| Some(C::at(Address(output.try_into().ok()?))))
    }

    /// Calls a method, as a transaction of an account. The call's gas bound is the transaction's
    /// limit; without one it is that of a block.
    #[track_caller]
    pub fn call<T: Data, E: Refusal>(&mut self, from: &Address, call: Call<T, E>) -> Receipt<T, E> {
        let Call { to, input, value, gas, .. } = call;
        let receipt = self.send(from, Action::Call { contract: to.0, input, value }, gas);
        Receipt::new(receipt, |output| T::try_from_slice(output).ok())
    }

    /// What a query answers, to nobody in particular.
    ///
    /// # Panics
    ///
    /// When it does not succeed; [`Self::try_query`] answers with a receipt.
    #[track_caller]
    pub fn query<T: Data, E: Refusal + fmt::Debug>(&mut self, call: Call<T, E>) -> T {
        self.try_query(&Address::default(), call).value()
    }

    /// Asks a query, as a caller whom nobody has checked: a query costs nothing and changes
    /// nothing.
    #[track_caller]
    pub fn try_query<T: Data, E: Refusal>(
        &mut self,
        caller: &Address,
        call: Call<T, E>,
    ) -> Receipt<T, E> {
        let Call { to, input, gas, .. } = call;
        let (caller, contract) = (caller.0, to.0);
        let receipt = self.receipt(&Request::Query { caller, contract, input, gas });
        Receipt::new(receipt, |output| T::try_from_slice(output).ok())
    }

    /// Gives a contract other code, as a transaction of its admin, and answers with the client of
    /// what it is then.
    #[track_caller]
    pub fn upgrade<C: ContractClient, E: Refusal>(
        &mut self,
        from: &Address,
        contract: &Address,
        to: Upgrade<C, E>,
    ) -> Receipt<C, E> {
        let Hash(code) = self.store::<C>();
        let Upgrade { input, gas, .. } = to;
        let action = Action::Upgrade { contract: contract.0, code, input };
        let receipt = self.send(from, action, gas);
        Receipt::new(receipt, |_| Some(C::at(*contract)))
    }

    /// Hands a contract to another admin, or to nobody, as a transaction of its admin.
    #[track_caller]
    pub fn set_admin(
        &mut self,
        from: &Address,
        contract: &Address,
        admin: Option<&Address>,
    ) -> Receipt<(), Infallible> {
        let admin = admin.map(|admin| admin.0);
        let receipt = self.send(from, Action::SetAdmin { contract: contract.0, admin }, 0);
        Receipt::new(receipt, |_| Some(()))
    }

    /// Sends native units from an account, as a transaction.
    #[track_caller]
    pub fn transfer(
        &mut self,
        from: &Address,
        to: &Address,
        amount: u128,
    ) -> Receipt<(), Infallible> {
        let receipt = self.send(from, Action::Transfer { to: to.0, amount }, 0);
        Receipt::new(receipt, |_| Some(()))
    }

    #[track_caller]
    fn send(&mut self, from: &Address, action: Action, gas: u64) -> abi::testing::Receipt {
        let receipt = self.receipt(&Request::Send { sender: from.0, action, gas });
        // Each transaction stands in a block of its own.
        self.clock.height += 1;
        self.clock.time_ms += BLOCK_MS;
        receipt
    }

    #[track_caller]
    fn receipt(&mut self, request: &Request) -> abi::testing::Receipt {
        let receipt = match self.ask(request) {
            Answer::Receipt(receipt) => receipt,
            Answer::Refused(why) => panic!("{why}"),
            other => unexpected(&other),
        };
        let number = self.seen.receipts.len();
        self.seen.receipts.push(receipt.clone());
        if let Some(expected) = &self.expected {
            let Some(native) = expected.receipts.get(number) else {
                panic!("the test did not repeat itself: natively, {} was not made", receipt.label);
            };
            if let Some(difference) = compare::receipts(native, &receipt) {
                panic!("{difference}");
            }
        }
        receipt
    }

    #[track_caller]
    fn ask(&mut self, request: &Request) -> Answer {
        let Some(link) = self.link.take() else {
            panic!("the chain was left in the middle of a request");
        };
        let (link, answer) = link.ask(request);
        self.link = Some(link);
        answer
    }

    /// What was seen on this chain, its last state included.
    pub(super) fn finish(mut self) -> Seen {
        let state = self.state();
        Seen { receipts: core::mem::take(&mut self.seen.receipts), state }
    }

    /// Has each call compared with that of another run.
    pub(super) fn expect(&mut self, seen: Seen) {
        self.expected = Some(seen);
    }

    /// Compares what is left to compare at the end of the test.
    pub(super) fn compare_end(mut self) {
        let state = self.state();
        let Some(expected) = &self.expected else { return };
        if let Some(missing) = expected.receipts.get(self.seen.receipts.len()) {
            panic!("the test did not repeat itself: only natively, {} was made", missing.label);
        }
        if let Some(difference) = compare::states(&expected.state, &state) {
            panic!("{difference}");
        }
    }

    fn state(&mut self) -> Vec<abi::testing::Entry> {
        match self.ask(&Request::State) {
            Answer::State(state) => state,
            other => unexpected(&other),
        }
    }
}

impl Drop for TestChain {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            link.close();
        }
    }
}

impl fmt::Debug for TestChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TestChain");
        shown.field("contracts", &self.contracts).field("clock", &self.clock);
        shown.finish_non_exhaustive()
    }
}

fn unexpected(answer: &Answer) -> ! {
    panic!("the host of the chain says something else than was asked for: {answer:?}")
}
