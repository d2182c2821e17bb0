//! A chain over a map that several engines execute side by side.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use primitives::receipt::Status;
use primitives::state_key::Account;
use primitives::{
    Action, Address, Amount, ChainParameters, Domain, Gas, Hash, Height, Nonce, Receipt, SecretKey,
    SignedTransaction, StateKey, TimestampMs, Transaction, codec,
};
use vm::engine::{Artifacts, Engine, Interpreter, Optimisation, Wasmer};
use vm::{BlockContext, BlockOutcome, Executor, ExecutorOptions, Query, QueryOutcome};

/// Keys with funds: 1 to this.
pub const ACCOUNTS: u8 = 4;
const FUNDS: u128 = 1 << 80;
/// Gas of a transaction that is not told otherwise.
pub const GAS: u64 = 100_000_000_000;

/// The genesis hash.
pub const CHAIN: Hash = Hash([7; 32]);

/// The first engine's word is held against the others'.
#[derive(Debug)]
pub struct Chain {
    engines: Vec<(&'static str, Executor)>,
    pub state: BTreeMap<StateKey, Vec<u8>>,
    pub block: BlockContext,
}

/// Two engines disagree, or one could not go on.
#[derive(Debug)]
pub struct Difference(pub String);

pub fn key(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

pub fn address(number: u8) -> Address {
    key(number).public_key().address()
}

impl Chain {
    /// On which the product's engine alone runs.
    pub fn alone() -> Self {
        Self::new(vec![("wasmer", Executor::new(ExecutorOptions::default()))])
    }

    /// On which the product's engine keeps compiled contracts in these files and not in memory.
    pub fn forgetting(files: Arc<dyn Artifacts>) -> Self {
        let options = ExecutorOptions {
            cache_bytes_max: 0,
            artifacts: Some(files),
            ..ExecutorOptions::default()
        };
        Self::new(vec![("wasmer", Executor::new(options))])
    }

    /// On which the product's engine is held against another and against itself without an
    /// optimiser.
    pub fn differential() -> Self {
        let with =
            |engine: Arc<dyn Engine>| Executor::with_engine(ExecutorOptions::default(), engine);
        Self::new(vec![
            ("wasmer", Executor::new(ExecutorOptions::default())),
            ("wasmi", with(Arc::new(Interpreter))),
            (
                "wasmer without optimiser",
                with(Arc::new(Wasmer::with_optimisation(Optimisation::None))),
            ),
        ])
    }

    fn new(engines: Vec<(&'static str, Executor)>) -> Self {
        let mut state = BTreeMap::new();
        for number in 1..=ACCOUNTS {
            let account = Account { balance: Amount(FUNDS), ..Account::default() };
            state.insert(StateKey::account(&address(number)), codec::encode(&account));
        }
        let block = BlockContext {
            chain_id: "test".parse().unwrap_or_else(|_| panic!("a chain's name")),
            chain: CHAIN,
            height: Height(1),
            timestamp: TimestampMs(1_000_000),
            parameters: ChainParameters {
                block_gas: Gas(u64::MAX >> 1),
                ..ChainParameters::default()
            },
        };
        Self { engines, state, block }
    }

    fn account(&self, address: &Address) -> Account {
        let bytes = self.state.get(&StateKey::account(address));
        let decode = |bytes: &Vec<u8>| codec::decode(bytes, 1 << 20).ok();
        bytes.and_then(decode).unwrap_or_default()
    }

    /// The next transaction of a key, with price 1.
    pub fn transaction(&self, number: u8, gas: u64, action: Action) -> SignedTransaction {
        let sender = key(number).public_key();
        let sequence = self.account(&sender.address()).next_sequence(0);
        let transaction = Transaction {
            version: codec::FormatVersion::V1,
            chain_id: self.block.chain_id.clone(),
            sender,
            nonce: Nonce { lane: 0, sequence },
            valid_until: self.block.timestamp.plus(1_000),
            gas_limit: Gas(gas),
            gas_price: Amount(1),
            action,
        };
        transaction.sign(&key(number))
    }

    /// Executes a block of one transaction in every engine, and keeps what it changed.
    ///
    /// # Errors
    ///
    /// When not all engines have the same receipt and the same changes.
    pub fn act(&mut self, number: u8, gas: u64, action: Action) -> Result<Receipt, Difference> {
        let mut outcome = self.execute(&self.transaction(number, gas, action))?;
        for (key, value) in outcome.changes {
            match value {
                Some(value) => self.state.insert(key, value),
                None => self.state.remove(&key),
            };
        }
        self.block.height = self.block.height.next();
        self.block.timestamp = self.block.timestamp.plus(10);
        Ok(outcome.receipts.remove(0))
    }

    /// The same of a transaction, without keeping anything.
    pub fn execute(&self, transaction: &SignedTransaction) -> Result<BlockOutcome, Difference> {
        self.agreed(|executor| executor.execute_block(&self.state, &self.block, [transaction]))
    }

    /// Asks a contract in every engine.
    ///
    /// # Errors
    ///
    /// When not all engines answer the same.
    pub fn query(&self, query: &Query) -> Result<QueryOutcome, Difference> {
        self.agreed(|executor| executor.query(&self.state, &self.block, query.clone()))
    }

    fn agreed<T: PartialEq + std::fmt::Debug>(
        &self,
        ask: impl Fn(&Executor) -> T,
    ) -> Result<T, Difference> {
        let mut answers = Vec::new();
        for (name, executor) in &self.engines {
            let asked = catch_unwind(AssertUnwindSafe(|| ask(executor)));
            let answer = asked.map_err(|panic| {
                let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                Difference(format!("{name} stops: {why}"))
            })?;
            answers.push((name, answer));
        }
        // All are shown: it matters who stands alone.
        let Some((_, answer)) = answers.pop() else { panic!("a chain has an engine") };
        if answers.iter().all(|(_, other)| *other == answer) {
            return Ok(answer);
        }
        let last = self.engines.last().map_or("", |(name, _)| *name);
        let others = answers.iter().map(|(name, other)| format!("{name}: {other:#?}\n\n"));
        Err(Difference(format!("{}{last}: {answer:#?}", others.collect::<String>())))
    }

    /// Uploads code; `None` when it is refused.
    pub fn upload(&mut self, code: &[u8]) -> Result<Option<Hash>, Difference> {
        let hash = Hash::of_bytes(Domain::Code, code);
        let receipt = self.act(1, 100 * GAS, Action::Upload { code: code.to_vec() })?;
        Ok((receipt.status == Status::Success).then_some(hash))
    }

    /// Makes a contract of stored code and runs its init, by key 1; with the receipt when that
    /// fails.
    pub fn instantiate(
        &mut self,
        code: Hash,
        arguments: Vec<u8>,
    ) -> Result<Result<Address, Receipt>, Difference> {
        let action = Action::Instantiate { code, salt: Vec::new(), arguments, value: Amount::ZERO };
        let receipt = self.act(1, GAS, action)?;
        Ok(match receipt.output.as_slice().try_into() {
            Ok(address) if receipt.status == Status::Success => Ok(Address(address)),
            _ => Err(receipt),
        })
    }
}
