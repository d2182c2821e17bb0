//! What a test of a contract and the host of its chain say to each other.
//!
//! The test is the client: it starts the host (`quorate contract host`), which serves one chain at
//! a time over its standard input and output. Each message is a length (4 bytes, little-endian) and
//! that many bytes of canonical binary. The test sends a [`Request`] and reads an [`Answer`].
//!
//! # Contracts that run natively
//!
//! Code that was stored with `native` is not run as WebAssembly: it is compiled into the test, and
//! runs there. So while a request is being served, the host may say [`Answer::Enter`]: the test
//! runs that method. It may say [`Request::Cross`] for each host function that the method calls,
//! which the host answers with [`Answer::Crossed`], and [`Request::Left`] when the method has ended.
//! A host function that calls another contract may bring a further `Enter` before its `Crossed`; so
//! it goes on, like the calls themselves. At last comes the answer to the request.
//!
//! Memory is a scratch buffer for one call: the bytes that the host function reads, then room that
//! it may write to. Pointers are offsets into it.

use alloc::string::String;
use alloc::vec::Vec;

use borsh::{BorshDeserialize, BorshSerialize};
use thiserror::Error;

use crate::MethodKind;

/// Changes with the messages. Both sides come from one release; this says so when they do not.
pub const VERSION: u32 = 2;
/// Bytes of one message.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Native units that each account has at first.
pub const FUNDS: u128 = 1_000_000_000_000_000_000_000_000;
/// The time of the first block, in milliseconds since the Unix epoch.
pub const TIME_MS: u64 = 1_700_000_000_000;
/// Milliseconds from one block to the next, unless more pass.
pub const BLOCK_MS: u64 = 1_000;

/// What a test says.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Request {
    /// Begins a chain, in place of the one before: [`Answer::Begun`]. In a native one, what is
    /// stored as such runs in the test.
    Begin { version: u32, native: bool },
    /// An account by its name, with [`FUNDS`] when it is new: [`Answer::Address`].
    Account { name: String },
    /// Sets an account's balance: [`Answer::Done`].
    Fund { account: [u8; 32], balance: u128 },
    /// Builds the contract in a folder: [`Answer::Module`].
    Build { directory: String },
    /// Stores code: [`Answer::Code`]. `native` code runs in the test, when the chain is native.
    Store { code: Vec<u8>, native: bool },
    /// Executes a transaction in a block of its own: [`Answer::Receipt`]. 0 gas: as much as a block
    /// has.
    Send { sender: [u8; 32], action: Action, gas: u64 },
    /// Asks a contract: [`Answer::Receipt`].
    Query { caller: [u8; 32], contract: [u8; 32], input: Vec<u8>, gas: u64 },
    /// Lets blocks and time pass: [`Answer::Clock`].
    Advance { blocks: u64, time_ms: u64 },
    /// The balance of an account or a contract: [`Answer::Balance`].
    Balance { of: [u8; 32] },
    /// Everything that is stored but for code: [`Answer::State`].
    State,
    /// While a method runs natively: it calls a host function.
    Cross { function: String, arguments: Vec<i64>, memory: Vec<u8>, room: u32 },
    /// A method that ran natively has ended.
    Left(Left),
}

/// How a native method ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Left {
    /// With this answer.
    Returned(i32),
    /// Because a host function ended the call.
    Escaped,
}

/// What a transaction does.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Action {
    Transfer { to: [u8; 32], amount: u128 },
    Instantiate { code: [u8; 32], salt: Vec<u8>, input: Vec<u8>, value: u128 },
    Call { contract: [u8; 32], input: Vec<u8>, value: u128 },
    Upgrade { contract: [u8; 32], code: [u8; 32], input: Vec<u8> },
    SetAdmin { contract: [u8; 32], admin: Option<[u8; 32]> },
}

/// What the host of a chain says.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Answer {
    Done,
    Address([u8; 32]),
    Module(Vec<u8>),
    /// The hash of stored code.
    Code([u8; 32]),
    Receipt(Receipt),
    Clock(Clock),
    /// A chain with this genesis hash.
    Begun {
        chain: [u8; 32],
        clock: Clock,
    },
    Balance(u128),
    State(Vec<Entry>),
    /// The request cannot be served, with a sentence that says why.
    Refused(String),
    /// There is nothing here that can build a contract.
    NoCompiler(String),
    /// Run a method natively.
    Enter {
        code: [u8; 32],
        kind: MethodKind,
        length: u32,
    },
    /// What a host function answered, and the room with what it wrote. `None`: it ended the call.
    Crossed(Option<(i64, Vec<u8>)>),
}

/// The block that the next transaction stands in, and that queries are asked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Clock {
    pub height: u64,
    pub time_ms: u64,
}

/// What came of a transaction or a query.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Receipt {
    /// What it was, for people: ``call 3, `transfer` of the token``.
    pub label: String,
    pub status: Status,
    pub gas_used: u64,
    pub output: Vec<u8>,
    /// Only of a success.
    pub events: Vec<Emitted>,
}

/// How a transaction or a query ended.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Status {
    Success,
    /// The contract refused; the output is its error.
    Reverted,
    Failed(Failure),
}

/// Why a transaction or a query failed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Error)]
pub enum Failure {
    #[error("the gas limit was used up")]
    OutOfGas,
    #[error("the contract's stack limit was used up")]
    StackExhausted,
    #[error("the contract trapped")]
    Trapped,
    /// The panic's message, and its file and line.
    #[error("the contract panicked: {0}")]
    Panicked(String),
    #[error("the contract broke the host interface: {0}")]
    HostMisuse(String),
    #[error("the balance does not cover the value")]
    InsufficientBalance,
    #[error("no code is stored under this hash")]
    UnknownCode,
    #[error("there is no contract at this address")]
    UnknownContract,
    #[error("a contract exists at this address already")]
    ContractExists,
    #[error("the method takes no value; mark it `payable`")]
    NotPayable,
    #[error("the contract has no such method")]
    UnknownMethod,
    #[error(
        "the contract is being called already, and the method is not declared re-entrant; mark it \
         `reentrant` if it may be"
    )]
    Reentrancy,
    #[error("calls are nested too deeply")]
    CallDepth,
    #[error("only the contract's admin may do this")]
    NotAdmin,
    #[error("the contract cannot get this code: {0}")]
    Incompatible(String),
    /// The transaction was not executed at all.
    #[error("the transaction is refused: {0}")]
    Rejected(String),
}

/// An event as it stands in a receipt.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Emitted {
    pub contract: [u8; 32],
    pub topics: Vec<Vec<u8>>,
    pub data: Vec<u8>,
}

/// Something that is stored.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Entry {
    /// What it is, for people.
    pub label: String,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

/// A message with its length before it.
///
/// # Panics
///
/// When it is longer than a message may be.
pub fn frame<T: BorshSerialize>(message: &T) -> Vec<u8> {
    let mut bytes = alloc::vec![0; 4];
    assert!(message.serialize(&mut bytes).is_ok(), "a message is too long to encode");
    let length = bytes.len() - 4;
    assert!(length <= MESSAGE_BYTES_MAX, "a message has {length} bytes");
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    if let Some(head) = bytes.first_chunk_mut() {
        *head = length;
    }
    bytes
}

/// A message, from the bytes behind its length. `None` when it is none.
pub fn parse<T: BorshDeserialize>(bytes: &[u8]) -> Option<T> {
    T::try_from_slice(bytes).ok()
}
