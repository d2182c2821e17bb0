//! Receipts: what came of each transaction of a block, in its order.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;
use thiserror::Error;

use crate::hash::{Domain, Hash};
use crate::id::{Address, Amount, Gas, TimestampMs};

#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Receipt {
    pub transaction: Hash,
    pub status: Status,
    pub gas_used: Gas,
    /// `gas_used × gas_price`, taken from the sender and burnt.
    pub fee: Amount,
    /// What the method returned, or the contract's encoded error when it reverted. After an upload the code's
    /// hash; after an instantiation the contract's address.
    pub output: Vec<u8>,
    /// Only of a success.
    pub events: Vec<Event>,
}

impl Receipt {
    pub fn hash(&self) -> Hash {
        Hash::of(Domain::Receipt, self)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Status {
    Success,
    /// The contract chose to undo everything and to say why, in the receipt's output.
    Reverted,
    /// Everything but fee and nonce is undone.
    Failed(Failure),
    /// Never executed: no fee, no nonce used, nothing changed. The same transaction may still execute in a
    /// later block if the reason passes.
    Rejected(Rejection),
}

impl Status {
    /// Whether it used its nonce, so that it can never execute again.
    pub fn is_executed(&self) -> bool {
        !matches!(self, Self::Rejected(_))
    }
}

/// Why an executed transaction failed. Coarse on purpose: the same on every machine and for every compiler.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Error)]
#[serde(tag = "code", content = "detail", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Failure {
    #[error("the gas limit was used up")]
    OutOfGas,
    #[error("the contract's stack limit was used up")]
    StackExhausted,
    #[error("the contract trapped")]
    Trapped,
    /// The contract's own panic message with its place; at most 256 bytes.
    #[error("the contract panicked: {0}")]
    Panicked(String),
    #[error("the contract broke the host interface: {0}")]
    HostMisuse(String),
    #[error("the balance does not cover the value")]
    InsufficientBalance,
    #[error("the module is refused: {0}")]
    InvalidCode(String),
    #[error("no code is stored under this hash")]
    UnknownCode,
    #[error("there is no contract at this address")]
    UnknownContract,
    #[error("a contract exists at this address already")]
    ContractExists,
    #[error("the method takes no value")]
    NotPayable,
    #[error("the contract has no such method")]
    UnknownMethod,
    #[error("the contract is being called already, and the method is not declared re-entrant")]
    Reentrancy,
    #[error("calls are nested too deeply")]
    CallDepth,
    #[error("only the contract's admin may do this")]
    NotAdmin,
    #[error("the contract cannot get this code: {0}")]
    Incompatible(String),
}

/// Why a transaction of a block was not executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Error)]
#[serde(tag = "code", content = "detail", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Rejection {
    #[error("it names another chain")]
    WrongChain,
    #[error("its nonce is used; the lane's next is {expected}")]
    NonceUsed { expected: u64 },
    #[error("its nonce leaves a gap; the lane's next is {expected}")]
    NonceGap { expected: u64 },
    #[error("the account has used all of its lanes")]
    TooManyLanes,
    #[error("it was valid until {valid_until}, and the block is of {block}")]
    Expired { valid_until: TimestampMs, block: TimestampMs },
    #[error("it is valid for longer than the chain allows")]
    ValidTooLong,
    #[error("its gas price is below the chain's minimum of {minimum}")]
    GasPriceTooLow { minimum: Amount },
    #[error("its gas limit does not cover the intrinsic cost of {minimum}")]
    GasLimitTooLow { minimum: Gas },
    #[error("the block has not enough gas left")]
    BlockGasExhausted,
    #[error("the balance {balance} does not cover {needed}: the value and the gas limit's fee")]
    InsufficientBalance { balance: Amount, needed: Amount },
}

/// What a contract emitted.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Event {
    pub contract: Address,
    /// The first is the event's selector in the contract's ABI.
    pub topics: Vec<Vec<u8>>,
    pub data: Vec<u8>,
}
