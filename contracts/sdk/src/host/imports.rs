//! The functions that the host brings to WebAssembly, each behind a safe one of the same name.
//!
//! Pointers and lengths come from slices and arrays, so they always name bytes of ours; that the
//! host stays within them is its contract.
#![allow(unsafe_code, reason = "functions from outside are unsafe to call")]

use abi::host::CONTEXT_BYTES;

mod raw {
    #[link(wasm_import_module = "quorate")]
    unsafe extern "C" {
        pub fn input(ptr: *mut u8);
        pub fn set_output(ptr: *const u8, len: usize);
        pub fn context(ptr: *mut u8);
        pub fn get(key: *const u8, key_len: usize, out: *mut u8, capacity: usize) -> i64;
        pub fn set(key: *const u8, key_len: usize, value: *const u8, value_len: usize);
        pub fn delete(key: *const u8, key_len: usize);
        pub fn has(key: *const u8, key_len: usize) -> i32;
        pub fn add(key: *const u8, key_len: usize, amount: *const u8, max: *const u8) -> i32;
        pub fn scan(
            start: *const u8,
            start_len: usize,
            end: *const u8,
            end_len: usize,
            flags: i32,
        ) -> i32;
        pub fn next_batch(cursor: i32, out: *mut u8, capacity: usize) -> i64;
        pub fn emit(topics: *const u8, topics_len: usize, data: *const u8, data_len: usize);
        pub fn call(
            address: *const u8,
            input: *const u8,
            input_len: usize,
            value: *const u8,
            gas: u64,
            flags: i32,
        ) -> i64;
        pub fn instantiate(
            code: *const u8,
            salt: *const u8,
            salt_len: usize,
            input: *const u8,
            input_len: usize,
            value: *const u8,
            gas: u64,
        ) -> i64;
        pub fn upgrade(
            contract: *const u8,
            code: *const u8,
            input: *const u8,
            input_len: usize,
            gas: u64,
        ) -> i64;
        pub fn set_admin(contract: *const u8, admin: *const u8) -> i32;
        pub fn returned(ptr: *mut u8);
        pub fn transfer(to: *const u8, amount: *const u8) -> i32;
        pub fn balance(address: *const u8, out: *mut u8);
        pub fn blake3(ptr: *const u8, len: usize, out: *mut u8);
        pub fn sha256(ptr: *const u8, len: usize, out: *mut u8);
        pub fn keccak256(ptr: *const u8, len: usize, out: *mut u8);
        pub fn ed25519_verify(
            key: *const u8,
            message: *const u8,
            message_len: usize,
            signature: *const u8,
        ) -> i32;
        pub fn ed25519_verify_batch(batch: *const u8, batch_len: usize) -> i32;
        pub fn secp256k1_verify(key: *const u8, hash: *const u8, signature: *const u8) -> i32;
        pub fn secp256k1_recover(hash: *const u8, signature: *const u8, out: *mut u8) -> i32;
        pub fn p256_verify(key: *const u8, hash: *const u8, signature: *const u8) -> i32;
        pub fn panic(ptr: *const u8, len: usize) -> !;
    }
}

/// `into` has the length of the input.
pub fn input(into: &mut [u8]) {
    unsafe { raw::input(into.as_mut_ptr()) }
}

pub fn set_output(output: &[u8]) {
    unsafe { raw::set_output(output.as_ptr(), output.len()) }
}

pub fn context(into: &mut [u8; CONTEXT_BYTES]) {
    unsafe { raw::context(into.as_mut_ptr()) }
}

pub fn get(key: &[u8], into: &mut [u8]) -> i64 {
    unsafe { raw::get(key.as_ptr(), key.len(), into.as_mut_ptr(), into.len()) }
}

pub fn set(key: &[u8], value: &[u8]) {
    unsafe { raw::set(key.as_ptr(), key.len(), value.as_ptr(), value.len()) }
}

pub fn delete(key: &[u8]) {
    unsafe { raw::delete(key.as_ptr(), key.len()) }
}

pub fn has(key: &[u8]) -> i32 {
    unsafe { raw::has(key.as_ptr(), key.len()) }
}

pub fn add(key: &[u8], amount: &[u8; 16], max: &[u8; 16]) -> i32 {
    unsafe { raw::add(key.as_ptr(), key.len(), amount.as_ptr(), max.as_ptr()) }
}

pub fn scan(start: &[u8], end: &[u8], flags: i32) -> i32 {
    unsafe { raw::scan(start.as_ptr(), start.len(), end.as_ptr(), end.len(), flags) }
}

pub fn next_batch(cursor: i32, into: &mut [u8]) -> i64 {
    unsafe { raw::next_batch(cursor, into.as_mut_ptr(), into.len()) }
}

pub fn emit(topics: &[u8], data: &[u8]) {
    unsafe { raw::emit(topics.as_ptr(), topics.len(), data.as_ptr(), data.len()) }
}

pub fn call(to: &[u8; 32], input: &[u8], value: &[u8; 16], gas: u64, flags: i32) -> i64 {
    let (to, value) = (to.as_ptr(), value.as_ptr());
    unsafe { raw::call(to, input.as_ptr(), input.len(), value, gas, flags) }
}

pub fn instantiate(code: &[u8; 32], salt: &[u8], input: &[u8], value: &[u8; 16], gas: u64) -> i64 {
    let (code, value) = (code.as_ptr(), value.as_ptr());
    let (salt, salt_len) = (salt.as_ptr(), salt.len());
    unsafe { raw::instantiate(code, salt, salt_len, input.as_ptr(), input.len(), value, gas) }
}

pub fn upgrade(contract: &[u8; 32], code: &[u8; 32], input: &[u8], gas: u64) -> i64 {
    let (contract, code) = (contract.as_ptr(), code.as_ptr());
    unsafe { raw::upgrade(contract, code, input.as_ptr(), input.len(), gas) }
}

pub fn set_admin(contract: &[u8; 32], admin: &[u8; 32]) -> i32 {
    unsafe { raw::set_admin(contract.as_ptr(), admin.as_ptr()) }
}

/// `into` has the length that the last call answered.
pub fn returned(into: &mut [u8]) {
    unsafe { raw::returned(into.as_mut_ptr()) }
}

pub fn transfer(to: &[u8; 32], amount: &[u8; 16]) -> i32 {
    unsafe { raw::transfer(to.as_ptr(), amount.as_ptr()) }
}

pub fn balance(of: &[u8; 32], into: &mut [u8; 16]) {
    unsafe { raw::balance(of.as_ptr(), into.as_mut_ptr()) }
}

pub fn blake3(message: &[u8], into: &mut [u8; 32]) {
    unsafe { raw::blake3(message.as_ptr(), message.len(), into.as_mut_ptr()) }
}

pub fn sha256(message: &[u8], into: &mut [u8; 32]) {
    unsafe { raw::sha256(message.as_ptr(), message.len(), into.as_mut_ptr()) }
}

pub fn keccak256(message: &[u8], into: &mut [u8; 32]) {
    unsafe { raw::keccak256(message.as_ptr(), message.len(), into.as_mut_ptr()) }
}

pub fn ed25519_verify(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> i32 {
    let (key, signature) = (key.as_ptr(), signature.as_ptr());
    unsafe { raw::ed25519_verify(key, message.as_ptr(), message.len(), signature) }
}

pub fn ed25519_verify_batch(batch: &[u8]) -> i32 {
    unsafe { raw::ed25519_verify_batch(batch.as_ptr(), batch.len()) }
}

pub fn secp256k1_verify(key: &[u8; 33], hash: &[u8; 32], signature: &[u8; 64]) -> i32 {
    unsafe { raw::secp256k1_verify(key.as_ptr(), hash.as_ptr(), signature.as_ptr()) }
}

pub fn secp256k1_recover(hash: &[u8; 32], signature: &[u8; 65], into: &mut [u8; 65]) -> i32 {
    unsafe { raw::secp256k1_recover(hash.as_ptr(), signature.as_ptr(), into.as_mut_ptr()) }
}

pub fn p256_verify(key: &[u8; 33], hash: &[u8; 32], signature: &[u8; 64]) -> i32 {
    unsafe { raw::p256_verify(key.as_ptr(), hash.as_ptr(), signature.as_ptr()) }
}

pub fn panic(message: &[u8]) -> ! {
    unsafe { raw::panic(message.as_ptr(), message.len()) }
}
