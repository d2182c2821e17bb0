//! The host interface, version 1: what a contract exports, and what it may import.
//!
//! # Exports
//!
//! `memory`, and any of `init`, `call`, `query` and `migrate`, of type `(len: i32) -> i32`. `len` is the length of the
//! input, which the contract fetches with `input`. The input is the method's selector
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
//! | `add(key: i32, key_len: i32, amount: i32, max: i32) -> i32` | adds a signed amount (16 bytes) to an unsigned value (16 bytes; absent means 0): 0 done, 1 not done, since the sum would be below 0 or above `max` (16 bytes). Additions that are done commute |
//! | `scan(start: i32, start_len: i32, end: i32, end_len: i32, flags: i32) -> i32` | opens a cursor over the keys from `start` on and below `end`, in their order; an empty `end` is the end of all. With [`FLAG_DESCENDING`] the last comes first. At most [`CURSORS_MAX`] in a call |
//! | `next_batch(cursor: i32, out: i32, capacity: i32) -> i64` | writes the next pairs, as many as fit, each as length of the key (4 bytes), length of the value (4 bytes), key, value. Answers the bytes written, 0 at the end, or the negative of the bytes that the next pair alone needs. Sees what was written meanwhile |
//! | `emit(topics: i32, topics_len: i32, data: i32, data_len: i32)` | emits an event; topics are a canonical `Vec<Vec<u8>>` whose first is the event's selector |
//! | `call(address: i32, input: i32, input_len: i32, value: i32, gas: i64, flags: i32) -> i64` | calls another contract: 32 bytes of address, 16 of value (little-endian); `gas` 0 means all that may be given (63/64 of the rest). Answers `status << 32 \| output length`, with [`OK`], [`REVERT`] or [`FAILED`] as status; a call that is not OK has undone all its effects. With [`FLAG_STATIC`] the callee may not write |
//! | `instantiate(code: i32, salt: i32, salt_len: i32, input: i32, input_len: i32, value: i32, gas: i64) -> i64` | makes a contract of stored code (32 bytes of hash) and runs its `init`; answers as `call` does. The output of OK is its address; this contract is its creator and its admin |
//! | `upgrade(contract: i32, code: i32, input: i32, input_len: i32, gas: i64) -> i64` | gives a contract whose admin this one is other code, and runs its `migrate` where the versions of the state differ; answers as `call` does |
//! | `set_admin(contract: i32, admin: i32) -> i32` | hands a contract whose admin this one is to another; to 32 zero bytes: to nobody, for ever. 0 done, 1 not the admin |
//! | `returned(ptr: i32)` | copies the output of the last `call`, `instantiate` or `upgrade` to `ptr` |
//! | `transfer(to: i32, amount: i32) -> i32` | moves native units of the contract: 0 done, 1 too little balance |
//! | `balance(address: i32, out: i32)` | writes an account's balance, 16 bytes little-endian |
//! | `blake3(ptr: i32, len: i32, out: i32)`, `sha256`, `keccak256` | write the hash, 32 bytes |
//! | `ed25519_verify(key: i32, message: i32, message_len: i32, signature: i32) -> i32` | whether the signature (64 bytes) is the key's (32 bytes) over the message, by ZIP-215: 1 or 0 |
//! | `ed25519_verify_batch(batch: i32, batch_len: i32) -> i32` | the same of many at once: a canonical `Vec<([u8; 32], Vec<u8>, [u8; 64])>` of keys, messages and signatures, at most [`BATCH_MAX`]; 1 when all are valid |
//! | `secp256k1_verify(key: i32, hash: i32, signature: i32) -> i32` | ECDSA: whether the signature (r ‖ s, 64 bytes) is the key's (compressed, 33 bytes) over the hash (32 bytes): 1 or 0. Both values of s count |
//! | `secp256k1_recover(hash: i32, signature: i32, out: i32) -> i32` | writes the key (uncompressed, 65 bytes) that made a signature (r ‖ s ‖ recovery number 0 to 3, 65 bytes) over the hash: 1, or 0 when there is none |
//! | `p256_verify(key: i32, hash: i32, signature: i32) -> i32` | as `secp256k1_verify`, on NIST P-256 |
//! | `panic(ptr: i32, len: i32)` | ends the call with a message; never returns |
//!
//! All integers in memory are little-endian. In a query, and in a call with [`FLAG_STATIC`], `set`, `delete`, `add`,
//! `emit`, `transfer`, `instantiate`, `upgrade`, `set_admin` and calls with value end the call as a host misuse.

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

/// Of a scan: the last key comes first.
pub const FLAG_DESCENDING: i32 = 1;
/// Cursors that one call may open.
pub const CURSORS_MAX: usize = 16;
/// Signatures that are checked at once.
pub const BATCH_MAX: usize = 64;

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
