//! Where a method runs, and what it can do there.

use abi::host::Context as HostContext;
use borsh::BorshDeserialize;
use thiserror::Error;

use crate::{Address, Event, Hash, Record, encode, host};

/// The surroundings of a call. A method that takes `cx: &Context` gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The block's height.
    pub height: u64,
    /// The block's timestamp, in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// This contract.
    pub contract: Address,
    /// Who called: the sender's account, or a contract.
    pub caller: Address,
    /// The account that signed the transaction. Not for deciding who may do what: any contract that
    /// the account calls could act in its name.
    pub origin: Address,
    /// Native units sent along; they are in the contract's balance already.
    pub value: u128,
    /// 0 when called by a transaction.
    pub depth: u32,
    /// Whether writing is forbidden.
    pub is_static: bool,
    /// The hash of the chain's genesis.
    pub chain: Hash,
}

/// The contract has fewer native units than it wanted to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the contract's balance does not cover the amount")]
pub struct InsufficientBalance;

impl Context {
    /// Asks the host.
    ///
    /// # Panics
    ///
    /// Natively, where there is none.
    pub fn load() -> Self {
        let Ok(context) = HostContext::try_from_slice(&host::context()) else {
            panic!("the host's context is malformed");
        };
        Self {
            height: context.height,
            time_ms: context.time_ms,
            contract: Address(context.contract),
            caller: Address(context.caller),
            origin: Address(context.origin),
            value: context.value,
            depth: context.depth,
            is_static: context.is_static != 0,
            chain: Hash(context.chain),
        }
    }

    /// Emits an event: it stands in the receipt when the transaction succeeds. A topic has at most
    /// 64 bytes.
    pub fn emit<E: Event>(&self, event: E) {
        let record = Record::of(&event);
        host::emit(&encode(record.topics()), record.bytes());
    }

    /// Sends native units of the contract. Runs no code of the receiver.
    pub fn transfer(&self, to: &Address, amount: u128) -> Result<(), InsufficientBalance> {
        if host::transfer(to, amount) { Ok(()) } else { Err(InsufficientBalance) }
    }

    /// The native units of an account or a contract.
    pub fn balance_of(&self, address: &Address) -> u128 {
        host::balance(address)
    }

    /// The native units of this contract.
    pub fn balance(&self) -> u128 {
        self.balance_of(&self.contract)
    }
}
