//! Small contracts for tests, written as WebAssembly text, and a chain to run them on.

use std::collections::BTreeMap;

use abi::{Abi, Method, MethodKind, Type};
use primitives::receipt::Status;
use primitives::state_key::Account;
use primitives::{
    Action, Address, Amount, ChainParameters, Domain, Gas, Hash, Height, Nonce, Receipt, SecretKey,
    SignedTransaction, StateKey, TimestampMs, Transaction, codec,
};

use crate::{BlockContext, BlockOutcome, Executor, ExecutorOptions, Query, QueryOutcome};

/// All that may be imported; the order gives the functions their places.
pub(crate) const IMPORTS: &str = r#"
    (import "quorate" "input" (func $input (param i32)))
    (import "quorate" "set_output" (func $set_output (param i32 i32)))
    (import "quorate" "context" (func $context (param i32)))
    (import "quorate" "get" (func $get (param i32 i32 i32 i32) (result i64)))
    (import "quorate" "set" (func $set (param i32 i32 i32 i32)))
    (import "quorate" "delete" (func $delete (param i32 i32)))
    (import "quorate" "has" (func $has (param i32 i32) (result i32)))
    (import "quorate" "emit" (func $emit (param i32 i32 i32 i32)))
    (import "quorate" "call" (func $call (param i32 i32 i32 i32 i64 i32) (result i64)))
    (import "quorate" "returned" (func $returned (param i32)))
    (import "quorate" "transfer" (func $transfer (param i32 i32) (result i32)))
    (import "quorate" "balance" (func $balance (param i32 i32)))
    (import "quorate" "panic" (func $panic (param i32 i32)))
    (import "quorate" "add" (func $add (param i32 i32 i32 i32) (result i32)))
    (import "quorate" "scan" (func $scan (param i32 i32 i32 i32 i32) (result i32)))
    (import "quorate" "next_batch" (func $next_batch (param i32 i32 i32) (result i64)))
    (import "quorate" "instantiate"
        (func $instantiate (param i32 i32 i32 i32 i32 i32 i64) (result i64)))
    (import "quorate" "upgrade" (func $upgrade (param i32 i32 i32 i32 i64) (result i64)))
    (import "quorate" "set_admin" (func $set_admin (param i32 i32) (result i32)))
    (import "quorate" "blake3" (func $blake3 (param i32 i32 i32)))
    (import "quorate" "sha256" (func $sha256 (param i32 i32 i32)))
    (import "quorate" "keccak256" (func $keccak256 (param i32 i32 i32)))
    (import "quorate" "ed25519_verify"
        (func $ed25519_verify (param i32 i32 i32 i32) (result i32)))
    (import "quorate" "ed25519_verify_batch"
        (func $ed25519_verify_batch (param i32 i32) (result i32)))
    (import "quorate" "secp256k1_verify"
        (func $secp256k1_verify (param i32 i32 i32) (result i32)))
    (import "quorate" "secp256k1_recover"
        (func $secp256k1_recover (param i32 i32 i32) (result i32)))
    (import "quorate" "p256_verify" (func $p256_verify (param i32 i32 i32) (result i32)))
"#;

pub(crate) const INIT: [u8; 4] = *b"init";
pub(crate) const RUN: [u8; 4] = *b"run_";
pub(crate) const PAY: [u8; 4] = *b"pay_";
pub(crate) const AGAIN: [u8; 4] = *b"agai";
pub(crate) const ASK: [u8; 4] = *b"ask_";

/// A method of a test contract's ABI.
pub(crate) fn method(selector: [u8; 4], kind: MethodKind) -> Method {
    Method {
        name: String::from_utf8_lossy(&selector).into_owned(),
        selector,
        kind,
        payable: selector == PAY,
        reentrant: selector == AGAIN,
        docs: String::new(),
        parameters: Vec::new(),
        returns: Type::Unit,
        error: None,
    }
}

/// A module with an ABI of the given methods.
pub(crate) fn contract(text: &str, methods: &[Method]) -> Vec<u8> {
    abi(methods).embed(&wat::parse_str(text).unwrap()).unwrap()
}

/// The description of a test contract of state version 1 that stores nothing it tells of.
pub(crate) fn abi(methods: &[Method]) -> Abi {
    Abi {
        interface: abi::host::VERSION,
        name: "test".to_owned(),
        version: "1".to_owned(),
        docs: String::new(),
        state_version: 1,
        methods: methods.to_vec(),
        events: Vec::new(),
        errors: Vec::new(),
        storage: Vec::new(),
    }
}

/// A contract whose methods `run_`, `pay_` (payable) and `agai` (re-entrant) all run `body`, a body
/// of type i32 → i32, and whose query `ask_` does too. `extra` stands beside the function in the
/// module.
pub(crate) fn calling(extra: &str, body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module {IMPORTS} (memory (export "memory") 1) {extra}
            (func $body (export "call") (param i32) (result i32) {body})
            (export "query" (func $body)))"#
    );
    let calls = [RUN, PAY, AGAIN].map(|selector| method(selector, MethodKind::Call));
    contract(&text, &[calls.to_vec(), vec![method(ASK, MethodKind::Query)]].concat())
}

/// Bytes as a WebAssembly text string.
pub(crate) fn text_bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

pub(crate) fn key(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

/// A chain of blocks over a map.
pub(crate) struct TestChain {
    pub(crate) executor: Executor,
    pub(crate) state: BTreeMap<StateKey, Vec<u8>>,
    pub(crate) block: BlockContext,
}

pub(crate) const FUNDS: u128 = 1_000_000_000_000_000;
pub(crate) const GAS: u64 = 200_000_000_000;

impl TestChain {
    /// The accounts of keys 1 to 4 are funded.
    pub(crate) fn new() -> Self {
        Self::with(ExecutorOptions::default())
    }

    pub(crate) fn with(options: ExecutorOptions) -> Self {
        let mut state = BTreeMap::new();
        for number in 1..=4 {
            let account = Account { balance: Amount(FUNDS), ..Account::default() };
            let address = key(number).public_key().address();
            state.insert(StateKey::account(&address), codec::encode(&account));
        }
        let block = BlockContext {
            chain_id: "test".parse().unwrap(),
            chain: Hash([7; 32]),
            height: Height(1),
            timestamp: TimestampMs(1_000_000),
            parameters: ChainParameters::default(),
        };
        Self { executor: Executor::new(options), state, block }
    }

    pub(crate) fn account(&self, address: &Address) -> Account {
        let bytes = self.state.get(&StateKey::account(address));
        bytes.map(|bytes| codec::decode(bytes, 1 << 20).unwrap()).unwrap_or_default()
    }

    pub(crate) fn balance(&self, address: &Address) -> u128 {
        self.account(address).balance.0
    }

    /// The next transaction of a key, with price 1 and plenty of gas.
    pub(crate) fn transaction(&self, number: u8, action: Action) -> Transaction {
        let sender = key(number).public_key();
        let sequence = self.account(&sender.address()).next_sequence(0);
        Transaction {
            version: codec::FormatVersion::V1,
            chain_id: self.block.chain_id.clone(),
            sender,
            nonce: Nonce { lane: 0, sequence },
            valid_until: self.block.timestamp.plus(1_000),
            gas_limit: Gas(GAS),
            gas_price: Amount(1),
            action,
        }
    }

    /// Executes a block without keeping what it changes.
    pub(crate) fn try_block(&self, transactions: &[SignedTransaction]) -> BlockOutcome {
        self.executor.execute_block(&self.state, &self.block, transactions)
    }

    pub(crate) fn block(&mut self, transactions: &[SignedTransaction]) -> BlockOutcome {
        let outcome = self.try_block(transactions);
        for (key, value) in outcome.changes.clone() {
            match value {
                Some(value) => self.state.insert(key, value),
                None => self.state.remove(&key),
            };
        }
        self.block.height = self.block.height.next();
        self.block.timestamp = self.block.timestamp.plus(10);
        outcome
    }

    pub(crate) fn send(&mut self, number: u8, transaction: Transaction) -> Receipt {
        let mut outcome = self.block(&[transaction.sign(&key(number))]);
        outcome.receipts.remove(0)
    }

    pub(crate) fn act(&mut self, number: u8, action: Action) -> Receipt {
        let transaction = self.transaction(number, action);
        self.send(number, transaction)
    }

    /// Uploads code, by key 4, and answers with its hash.
    pub(crate) fn upload(&mut self, code: Vec<u8>) -> Hash {
        let hash = Hash::of_bytes(Domain::Code, &code);
        let receipt = self.act(4, Action::Upload { code });
        assert_eq!(receipt.status, Status::Success);
        assert_eq!(receipt.output, hash.0);
        hash
    }

    /// Uploads code and makes a contract of it, by key 4.
    pub(crate) fn deploy(&mut self, code: Vec<u8>) -> Address {
        let hash = self.upload(code);
        let action = Action::Instantiate {
            code: hash,
            salt: Vec::new(),
            arguments: Vec::new(),
            value: Amount::ZERO,
        };
        let receipt = self.act(4, action);
        assert_eq!(receipt.status, Status::Success);
        Address(receipt.output.try_into().unwrap())
    }

    pub(crate) fn call(&mut self, contract: Address, arguments: &[u8], value: u128) -> Receipt {
        let arguments = arguments.to_vec();
        self.act(1, Action::Call { contract, arguments, value: Amount(value) })
    }

    pub(crate) fn query(&self, contract: Address, arguments: &[u8]) -> QueryOutcome {
        let query = Query {
            contract,
            caller: Address::default(),
            arguments: arguments.to_vec(),
            gas_limit: Gas(GAS),
        };
        self.executor.query(&self.state, &self.block, query)
    }
}
