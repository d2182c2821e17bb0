//! The functions that the host brings, each behind a safe one of the same name.
//!
//! Pointers and lengths come from slices and arrays, so they always name bytes of ours; that the
//! host stays within them is its contract.
#![allow(unsafe_code, reason = "functions from outside are unsafe to call")]

use abi::host::CONTEXT_BYTES;

/// Declares the imports for WebAssembly, and natively functions that say what is missing.
macro_rules! imports {
    ($(fn $name:ident($($argument:ident: $ty:ty),*) -> $answer:ty;)*) => {
        #[cfg(target_arch = "wasm32")]
        mod raw {
            #[link(wasm_import_module = "quorate")]
            unsafe extern "C" {
                $(pub fn $name($($argument: $ty),*) -> $answer;)*
            }
        }

        #[cfg(not(target_arch = "wasm32"))]
        #[allow(dead_code, reason = "natively a panic is Rust's own")]
        mod raw {
            $(pub unsafe fn $name($(_: $ty),*) -> $answer {
                panic!(
                    "`{}` needs the chain: natively only code that does without it can run",
                    stringify!($name),
                )
            })*
        }
    };
}

imports! {
    fn input(ptr: *mut u8) -> ();
    fn set_output(ptr: *const u8, len: usize) -> ();
    fn context(ptr: *mut u8) -> ();
    fn get(key: *const u8, key_len: usize, out: *mut u8, capacity: usize) -> i64;
    fn set(key: *const u8, key_len: usize, value: *const u8, value_len: usize) -> ();
    fn delete(key: *const u8, key_len: usize) -> ();
    fn has(key: *const u8, key_len: usize) -> i32;
    fn emit(topics: *const u8, topics_len: usize, data: *const u8, data_len: usize) -> ();
    fn call(
        address: *const u8,
        input: *const u8,
        input_len: usize,
        value: *const u8,
        gas: u64,
        flags: i32
    ) -> i64;
    fn returned(ptr: *mut u8) -> ();
    fn transfer(to: *const u8, amount: *const u8) -> i32;
    fn balance(address: *const u8, out: *mut u8) -> ();
    fn panic(ptr: *const u8, len: usize) -> !;
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

pub fn emit(topics: &[u8], data: &[u8]) {
    unsafe { raw::emit(topics.as_ptr(), topics.len(), data.as_ptr(), data.len()) }
}

pub fn call(to: &[u8; 32], input: &[u8], value: &[u8; 16], gas: u64, flags: i32) -> i64 {
    let (to, value) = (to.as_ptr(), value.as_ptr());
    unsafe { raw::call(to, input.as_ptr(), input.len(), value, gas, flags) }
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

#[cfg(target_arch = "wasm32")]
pub fn panic(message: &[u8]) -> ! {
    unsafe { raw::panic(message.as_ptr(), message.len()) }
}
