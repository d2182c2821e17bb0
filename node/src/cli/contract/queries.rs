//! What queries cost with the code of another version, on the state of a contract as it stands.

use std::ops::Range;

use abi::{Abi, Method, MethodKind};
use primitives::state_key::{ContractInfo, Direction, KeyVisitor};
use primitives::{Address, ChainParameters, Gas, Hash, StateKey, Status, codec};
use rpc::limits::QUERY_GAS_MAX;
use rpc::types::{Answer, ChainSummary};
use serde::Serialize;
use serde_json::Value;
use vm::{BlockContext, Executor, ExecutorOptions, Storage};

/// What one query cost with the old and with the new code.
#[derive(Debug, Serialize)]
pub struct Costs {
    pub query: String,
    /// `None` where the old code does not have it so, or it did not succeed.
    pub before: Option<u64>,
    pub after: Option<u64>,
}

/// A query to be made: as it was written, and its method with its arguments by name.
#[derive(Debug)]
pub struct Question {
    pub shown: String,
    pub method: String,
    pub arguments: Value,
}

/// The queries that need no arguments.
pub fn plain(abi: &Abi) -> Vec<Question> {
    let is_plain = |method: &&Method| method.parameters.is_empty();
    let plain = abi.methods_of(MethodKind::Query).filter(is_plain);
    plain
        .map(|method| Question {
            shown: method.name.clone(),
            method: method.name.clone(),
            arguments: Value::Null,
        })
        .collect()
}

/// Runs each query with both codes, by this machine's executor: gas is the same on every one.
pub fn compare(
    state: &dyn Storage,
    chain: &Answer<ChainSummary>,
    contract: Address,
    [old, new]: [(&Abi, &[u8]); 2],
    questions: &[Question],
) -> Vec<Costs> {
    let block = block(chain);
    let executor = Executor::new(ExecutorOptions::default());
    let gas = |(abi, code): (&Abi, &[u8]), question: &Question| {
        let state = Replaced::new(state, contract, code);
        let arguments = abi::json::encode_call(abi, &question.method, &question.arguments).ok()?;
        let caller = Address::default();
        let query = vm::Query { contract, caller, arguments, gas_limit: Gas(QUERY_GAS_MAX) };
        let outcome = executor.query(&state, &block, query);
        (outcome.status == Status::Success).then_some(outcome.gas_used.0)
    };
    questions
        .iter()
        .map(|question| Costs {
            query: question.shown.clone(),
            before: gas(old, question),
            after: gas(new, question),
        })
        .collect()
}

fn block(chain: &Answer<ChainSummary>) -> BlockContext {
    let parameters = &chain.parameters;
    BlockContext {
        chain_id: chain.chain_id.clone(),
        chain: chain.genesis_hash,
        height: chain.at.height,
        timestamp: chain.at.time_ms,
        parameters: ChainParameters {
            block_gas: parameters.block_gas,
            gas_price_min: parameters.gas_price_min,
            transaction_validity_ms: parameters.transaction_validity_ms,
            clock_drift_ms: parameters.clock_drift_ms,
            heartbeat_ms: parameters.heartbeat_ms,
        },
    }
}

/// A state in which one contract has this code.
struct Replaced<'a> {
    below: &'a dyn Storage,
    contract: StateKey,
    code: [(StateKey, Vec<u8>); 2],
    hash: Hash,
}

impl<'a> Replaced<'a> {
    fn new(below: &'a dyn Storage, contract: Address, code: &'a [u8]) -> Self {
        let (hash, code) = vm::code_changes(code.to_vec());
        Self { below, contract: StateKey::contract(&contract), code, hash }
    }
}

impl Storage for Replaced<'_> {
    fn get(&self, key: &StateKey) -> Option<Vec<u8>> {
        if let Some((_, value)) = self.code.iter().find(|(place, _)| place == key) {
            return Some(value.clone());
        }
        let value = self.below.get(key)?;
        if *key != self.contract {
            return Some(value);
        }
        let info: ContractInfo = codec::decode(&value, value.len()).ok()?;
        Some(codec::encode(&ContractInfo { code: self.hash, ..info }))
    }

    /// Contracts scan their own storage, which is the same.
    fn walk(&self, range: &Range<StateKey>, direction: Direction, visit: KeyVisitor<'_>) {
        self.below.walk(range, direction, visit);
    }
}
