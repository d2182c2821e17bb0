//! A chain of one node, without network, disk or clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use abi::Abi;
use abi::testing::{self, BLOCK_MS, Clock, Emitted, Entry, FUNDS, Failure, Status, TIME_MS};
use primitives::receipt::{self, Receipt};
use primitives::state_key::{Account, ContractInfo};
use primitives::{
    Action, Address, Amount, ChainId, ChainParameters, Domain, Gas, Hash, Height, Namespace, Nonce,
    SecretKey, StateKey, TimestampMs, Transaction, codec,
};
use vm::{BlockContext, Executor, Query};

/// Accounts are told apart by names, of which their keys are made.
const KEY_SEED: &[u8] = b"an account of a test";

pub(crate) struct Chain {
    executor: Arc<Executor>,
    state: BTreeMap<StateKey, Vec<u8>>,
    block: BlockContext,
    keys: BTreeMap<Address, SecretKey>,
    /// Transactions and queries so far, to name them.
    calls: u64,
}

impl Chain {
    pub(crate) fn new(executor: Arc<Executor>) -> Self {
        let Ok(chain_id) = "test".parse::<ChainId>() else { panic!("it is a chain's name") };
        let block = BlockContext {
            chain_id,
            chain: Hash::of_bytes(Domain::Genesis, b"a chain of a test"),
            height: Height(1),
            timestamp: TimestampMs(TIME_MS),
            parameters: ChainParameters { gas_price_min: Amount::ZERO, ..Default::default() },
        };
        let (state, keys) = (BTreeMap::new(), BTreeMap::new());
        Self { executor, state, block, keys, calls: 0 }
    }

    pub(crate) fn hash(&self) -> Hash {
        self.block.chain
    }

    pub(crate) fn clock(&self) -> Clock {
        Clock { height: self.block.height.0, time_ms: self.block.timestamp.0 }
    }

    pub(crate) fn account(&mut self, name: &str) -> Address {
        let Hash(seed) = Hash::of_parts(Domain::Address, &[KEY_SEED, name.as_bytes()]);
        let key = SecretKey::from_seed(seed);
        let address = key.public_key().address();
        if self.keys.insert(address, key).is_none() {
            self.fund(&address, FUNDS);
        }
        address
    }

    pub(crate) fn fund(&mut self, address: &Address, balance: u128) {
        let account = Account { balance: Amount(balance), ..self.read_account(address) };
        self.state.insert(StateKey::account(address), codec::encode(&account));
    }

    pub(crate) fn balance(&self, address: &Address) -> u128 {
        self.read_account(address).balance.0
    }

    /// Stores code that a node would accept; its hash, or why it is refused.
    pub(crate) fn store(&mut self, code: Vec<u8>) -> Result<Hash, String> {
        if let Err(refusal) = vm::check_code(&code) {
            return Err(format!("a node would refuse the module: {refusal}"));
        }
        let (hash, changes) = vm::code_changes(code);
        self.state.extend(changes);
        Ok(hash)
    }

    pub(crate) fn advance(&mut self, blocks: u64, time_ms: u64) {
        self.block.height = Height(self.block.height.0.saturating_add(blocks));
        self.block.timestamp = self.block.timestamp.plus(time_ms);
    }

    /// Executes a transaction in a block of its own, and begins the next.
    pub(crate) fn send(
        &mut self,
        sender: &Address,
        action: Action,
        gas: u64,
    ) -> Result<testing::Receipt, String> {
        let Some(key) = self.keys.get(sender) else {
            return Err(format!("{sender} is no account of this chain; make one by its name"));
        };
        self.calls += 1;
        let label = format!("transaction {}, {}", self.calls, self.describe(&action));
        let transaction = Transaction {
            version: codec::FormatVersion::V1,
            chain_id: self.block.chain_id.clone(),
            sender: key.public_key(),
            nonce: Nonce { lane: 0, sequence: self.read_account(sender).next_sequence(0) },
            valid_until: self.block.timestamp.plus(1),
            gas_limit: self.gas_limit(Gas(gas)),
            gas_price: Amount::ZERO,
            action,
        };
        let signed = transaction.sign(key);
        let mut outcome = self.executor.execute_block(&self.state, &self.block, [&signed]);
        for (key, value) in outcome.changes {
            match value {
                Some(value) => self.state.insert(key, value),
                None => self.state.remove(&key),
            };
        }
        self.advance(1, BLOCK_MS);
        let receipt = outcome.receipts.pop();
        receipt.map(|receipt| shown(label, receipt)).ok_or_else(|| "no receipt".to_owned())
    }

    pub(crate) fn query(&mut self, query: Query) -> testing::Receipt {
        self.calls += 1;
        let method = self.method(&query.contract, &query.arguments);
        let label = format!("query {}, {method}", self.calls);
        let gas_limit = self.gas_limit(query.gas_limit);
        let query = Query { gas_limit, ..query };
        let outcome = self.executor.query(&self.state, &self.block, query);
        testing::Receipt {
            label,
            status: status(outcome.status),
            gas_used: outcome.gas_used.0,
            output: outcome.output,
            events: Vec::new(),
        }
    }

    /// Everything but code, in order.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let of_code =
            |key: &StateKey| matches!(key.namespace, Namespace::Code | Namespace::CodeInfo);
        let kept = self.state.iter().filter(|(key, _)| !of_code(key));
        let entry = |(key, value): (&StateKey, &Vec<u8>)| Entry {
            label: self.label(key),
            key: codec::encode(key),
            value: value.clone(),
        };
        kept.map(entry).collect()
    }

    /// What was asked for, or as much as a block has.
    fn gas_limit(&self, asked: Gas) -> Gas {
        if asked == Gas::ZERO { self.block.parameters.block_gas } else { asked }
    }

    fn read_account(&self, address: &Address) -> Account {
        self.read(&StateKey::account(address)).unwrap_or_default()
    }

    fn read<T: borsh::BorshDeserialize>(&self, key: &StateKey) -> Option<T> {
        codec::decode(self.state.get(key)?, usize::MAX).ok()
    }

    /// The description of a contract.
    fn abi(&self, contract: &Address) -> Option<Abi> {
        let info: ContractInfo = self.read(&StateKey::contract(contract))?;
        self.code(&info.code)
    }

    fn code(&self, hash: &Hash) -> Option<Abi> {
        Abi::from_module(self.state.get(&StateKey::code(hash))?).ok()
    }

    fn describe(&self, action: &Action) -> String {
        match action {
            Action::Transfer { to, .. } => format!("a transfer to {to}"),
            Action::Upload { .. } => "an upload".to_owned(),
            Action::Instantiate { code, .. } => match self.code(code) {
                Some(abi) => format!("the making of a {}", abi.name),
                None => format!("the making of a contract of the code {code}"),
            },
            Action::Call { contract, arguments, .. } => self.method(contract, arguments),
            Action::Upgrade { contract, .. } => format!("the upgrade of {contract}"),
            Action::SetAdmin { contract, .. } => format!("a new admin for {contract}"),
        }
    }

    /// ``the method `transfer` of token 0x…``
    fn method(&self, contract: &Address, input: &[u8]) -> String {
        let Some(abi) = self.abi(contract) else { return format!("a call of {contract}") };
        let method = input.first_chunk().and_then(|selector| abi.method(*selector));
        let method = method.map_or("an unknown method".to_owned(), |m| format!("`{}`", m.name));
        format!("{method} of the {} {contract}", abi.name)
    }

    /// What an entry of the state is.
    fn label(&self, key: &StateKey) -> String {
        let Some((address, own)) = key.key.split_first_chunk::<32>() else {
            return format!("{:?}", key.namespace);
        };
        let address = Address(*address);
        match key.namespace {
            Namespace::Account => format!("the account {address}"),
            Namespace::Contract => format!("the contract {address}"),
            Namespace::Storage => {
                let abi = self.abi(&address);
                let field = abi.as_ref().and_then(|abi| {
                    abi.storage.iter().find(|field| own.starts_with(&field.prefix))
                });
                let field = field.map_or("an unknown field", |field| field.name.as_str());
                format!("`{field}` of {address}")
            }
            other => format!("{other:?}"),
        }
    }
}

fn shown(label: String, receipt: Receipt) -> testing::Receipt {
    let emitted = |event: primitives::Event| Emitted {
        contract: event.contract.0,
        topics: event.topics,
        data: event.data,
    };
    testing::Receipt {
        label,
        status: status(receipt.status),
        gas_used: receipt.gas_used.0,
        output: receipt.output,
        events: receipt.events.into_iter().map(emitted).collect(),
    }
}

fn status(status: receipt::Status) -> Status {
    match status {
        receipt::Status::Success => Status::Success,
        receipt::Status::Reverted => Status::Reverted,
        receipt::Status::Failed(failure) => Status::Failed(reason(failure)),
        receipt::Status::Rejected(rejection) => {
            Status::Failed(Failure::Rejected(rejection.to_string()))
        }
    }
}

fn reason(failure: receipt::Failure) -> Failure {
    match failure {
        receipt::Failure::OutOfGas => Failure::OutOfGas,
        receipt::Failure::StackExhausted => Failure::StackExhausted,
        receipt::Failure::Trapped => Failure::Trapped,
        receipt::Failure::Panicked(message) => Failure::Panicked(message),
        receipt::Failure::HostMisuse(message) => Failure::HostMisuse(message),
        receipt::Failure::InsufficientBalance => Failure::InsufficientBalance,
        receipt::Failure::InvalidCode(message) => Failure::Rejected(message),
        receipt::Failure::UnknownCode => Failure::UnknownCode,
        receipt::Failure::UnknownContract => Failure::UnknownContract,
        receipt::Failure::ContractExists => Failure::ContractExists,
        receipt::Failure::NotPayable => Failure::NotPayable,
        receipt::Failure::UnknownMethod => Failure::UnknownMethod,
        receipt::Failure::Reentrancy => Failure::Reentrancy,
        receipt::Failure::CallDepth => Failure::CallDepth,
        receipt::Failure::NotAdmin => Failure::NotAdmin,
        receipt::Failure::Incompatible(message) => Failure::Incompatible(message),
    }
}
