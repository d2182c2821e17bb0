//! The host interface, version 1: what a contract exports, and what it may import.
//!
//! # Exports
//!
//! `memory`, and any of `init(len: i32) -> i32`, `call(len: i32) -> i32`, `query(len: i32) -> i32`. `len` is the
//! length of the input, which the contract fetches with `input`. The input is the method's selector
//! ([`crate::selector`], 4 bytes) and its parameters in canonical binary (borsh), one after the other. The answer
//! is [`OK`] or [`REVERT`]; either way `set_output` has left the return value, or the error, in canonical binary.
//!
//! # Imports, all from the module [`MODULE`]
//!
//! Integers only. `ptr` and `len` name bytes of the contract's memory. The host never calls back into the
//! contract. Breaking a bound (memory, lengths of `primitives::limits`) ends the call as a host misuse.
//!
//! | function | meaning |
//! | --- | --- |
//! | `input(ptr: i32)` | copies the whole input to `ptr` |
//! | `set_output(ptr: i32, len: i32)` | sets the output, replacing an earlier one |
//! | `context(ptr: i32)` | writes the [`Context`], [`CONTEXT_BYTES`] bytes |
//! | `get(key: i32, key_len: i32, out: i32, capacity: i32) -> i64` | -1: absent; else the value's full length, of which the first `capacity` bytes are written to `out` |
//! | `set(key: i32, key_len: i32, value: i32, value_len: i32)` | stores a value |
//! | `delete(key: i32, key_len: i32)` | removes a value, if there is one |
//! | `has(key: i32, key_len: i32) -> i32` | 1: present, 0: absent |
//! | `emit(topics: i32, topics_len: i32, data: i32, data_len: i32)` | emits an event; topics are a canonical `Vec<Vec<u8>>` whose first is the event's selector |
//! | `call(address: i32, input: i32, input_len: i32, value: i32, gas: i64, flags: i32) -> i64` | calls another contract: 32 bytes of address, 16 of value (little-endian); `gas` 0 means all that may be given (63/64 of the rest). Answers `status << 32 \| output length`, with [`OK`], [`REVERT`] or [`FAILED`] as status; a call that is not OK has undone all its effects. With [`FLAG_STATIC`] the callee may not write |
//! | `returned(ptr: i32)` | copies the output of the last `call` to `ptr` |
//! | `transfer(to: i32, amount: i32) -> i32` | moves native units of the contract: 0 done, 1 too little balance |
//! | `balance(address: i32, out: i32)` | writes an account's balance, 16 bytes little-endian |
//! | `panic(ptr: i32, len: i32)` | ends the call with a message; never returns |
//!
//! In a query, and in a call with [`FLAG_STATIC`], `set`, `delete`, `emit`, `transfer` and calls with value
//! end the call as a host misuse.

/// The import module's name.
pub const MODULE: &str = "quorate";
/// The interface's version, stated in every contract's ABI.
pub const VERSION: u32 = 1;
/// The custom section of a module that carries its encoded [`crate::Abi`].
pub const ABI_SECTION: &str = "quorate-abi";

/// The method returned; its effects stand.
pub const OK: i32 = 0;
/// The method refused; its effects are undone and the output is its error.
pub const REVERT: i32 = 1;
/// Of a nested call: it ran out of gas, trapped or could not be made. No output.
pub const FAILED: i32 = 2;

/// Of a nested call: the callee may not write.
pub const FLAG_STATIC: i32 = 1;

/// Bytes of an encoded [`Context`].
pub const CONTEXT_BYTES: usize = 168;

/// What a contract may know of where it runs. Encoded field by field, little-endian, without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Context {
    pub height: u64,
    /// The block's timestamp, in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// This contract.
    pub contract: [u8; 32],
    /// Who called: the sender's account, or a contract.
    pub caller: [u8; 32],
    /// The account that signed the transaction.
    pub origin: [u8; 32],
    /// Native units sent along; they are in the contract's balance already.
    pub value: u128,
    /// 0 when called by a transaction.
    pub depth: u32,
    /// 1 when writing is forbidden, else 0.
    pub is_static: u32,
    /// The genesis hash.
    pub chain: [u8; 32],
}
