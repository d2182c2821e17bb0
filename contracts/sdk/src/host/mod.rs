//! The host's functions, safe to call. Their meaning stands in [`abi::host`].

mod imports;

use alloc::vec;
use alloc::vec::Vec;

use abi::host::CONTEXT_BYTES;

use crate::Address;

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

/// The status of a nested call, and its output.
pub fn call(to: &Address, input: &[u8], value: u128, gas: u64, flags: i32) -> (i32, Vec<u8>) {
    let answer = imports::call(&to.0, input, &value.to_le_bytes(), gas, flags).to_le_bytes();
    let [a, b, c, d, status @ ..] = answer;
    let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    let mut output = vec![0; length];
    imports::returned(&mut output);
    (i32::from_le_bytes(status), output)
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

#[cfg(target_arch = "wasm32")]
pub fn panic(message: &[u8]) -> ! {
    imports::panic(message)
}
