//! The host's functions, safe to call. Their meaning stands in [`abi::host`].

#[cfg(target_arch = "wasm32")]
mod imports;
#[cfg(not(target_arch = "wasm32"))]
#[path = "native.rs"]
mod imports;

use alloc::vec;
use alloc::vec::Vec;

use abi::host::CONTEXT_BYTES;

use crate::{Address, Hash};

/// Bytes of a stored value that are read without taking memory from the heap.
const SHORT_VALUE: usize = 128;

pub fn input(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    imports::input(&mut bytes);
    bytes
}

pub fn set_output(output: &[u8]) {
    imports::set_output(output);
}

pub fn context() -> [u8; CONTEXT_BYTES] {
    let mut bytes = [0; CONTEXT_BYTES];
    imports::context(&mut bytes);
    bytes
}

/// Passes a stored value on, and answers with what became of it.
pub fn get<T>(key: &[u8], read: impl FnOnce(Option<&[u8]>) -> T) -> T {
    let mut short = [0; SHORT_VALUE];
    let Ok(length) = usize::try_from(imports::get(key, &mut short)) else {
        return read(None);
    };
    if let Some(value) = short.get(..length) {
        return read(Some(value));
    }
    let mut long = vec![0; length];
    imports::get(key, &mut long);
    read(Some(&long))
}

pub fn set(key: &[u8], value: &[u8]) {
    imports::set(key, value);
}

pub fn delete(key: &[u8]) {
    imports::delete(key);
}

pub fn has(key: &[u8]) -> bool {
    imports::has(key) != 0
}

pub fn emit(topics: &[u8], data: &[u8]) {
    imports::emit(topics, data);
}

/// Whether the sum stayed in its range; nothing was done otherwise.
pub fn add(key: &[u8], amount: i128, max: u128) -> bool {
    imports::add(key, &amount.to_le_bytes(), &max.to_le_bytes()) == 0
}

/// The number of a new cursor.
pub fn scan(start: &[u8], end: &[u8], flags: i32) -> i32 {
    imports::scan(start, end, flags)
}

/// Bytes written, or the negative of those needed.
pub fn next_batch(cursor: i32, into: &mut [u8]) -> i64 {
    imports::next_batch(cursor, into)
}

/// The status of a nested call, and its output.
pub fn call(to: &Address, input: &[u8], value: u128, gas: u64, flags: i32) -> (i32, Vec<u8>) {
    finish(imports::call(&to.0, input, &value.to_le_bytes(), gas, flags))
}

/// As [`call`]; the output of a success is the address.
pub fn instantiate(
    code: &Hash,
    salt: &[u8],
    input: &[u8],
    value: u128,
    gas: u64,
) -> (i32, Vec<u8>) {
    finish(imports::instantiate(&code.0, salt, input, &value.to_le_bytes(), gas))
}

/// As [`call`].
pub fn upgrade(contract: &Address, code: &Hash, input: &[u8], gas: u64) -> (i32, Vec<u8>) {
    finish(imports::upgrade(&contract.0, &code.0, input, gas))
}

/// Takes a nested call's answer apart and fetches its output.
fn finish(answer: i64) -> (i32, Vec<u8>) {
    let [a, b, c, d, status @ ..] = answer.to_le_bytes();
    let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    let mut output = vec![0; length];
    imports::returned(&mut output);
    (i32::from_le_bytes(status), output)
}

/// Whether this contract was the admin.
pub fn set_admin(contract: &Address, admin: &Address) -> bool {
    imports::set_admin(&contract.0, &admin.0) == 0
}

/// Whether the contract's balance sufficed.
pub fn transfer(to: &Address, amount: u128) -> bool {
    imports::transfer(&to.0, &amount.to_le_bytes()) == 0
}

pub fn balance(of: &Address) -> u128 {
    let mut bytes = [0; 16];
    imports::balance(&of.0, &mut bytes);
    u128::from_le_bytes(bytes)
}

pub use imports::{
    blake3, ed25519_verify, ed25519_verify_batch, keccak256, p256_verify, secp256k1_recover,
    secp256k1_verify, sha256,
};

#[cfg(any(target_arch = "wasm32", feature = "testing"))]
pub use imports::panic;
