//! The list of host functions: names, types, and what each runs.

use super::HostCalls;
use crate::engine::{Escape, Guest};

/// Calls a macro with the whole list, in the order of [`abi::host`]. A function's body is the one
/// of its name in a file of this folder.
macro_rules! host_functions {
    ($with:ident) => {
        $with! {
            io::input(ptr: i32);
            io::set_output(ptr: i32, len: i32);
            io::context(ptr: i32);
            storage::get(key: i32, key_len: i32, out: i32, capacity: i32) -> i64;
            storage::set(key: i32, key_len: i32, value: i32, value_len: i32);
            storage::delete(key: i32, key_len: i32);
            storage::has(key: i32, key_len: i32) -> i32;
            storage::add(key: i32, key_len: i32, amount: i32, max: i32) -> i32;
            scan::scan(start: i32, start_len: i32, end: i32, end_len: i32, flags: i32) -> i32;
            scan::next_batch(cursor: i32, out: i32, capacity: i32) -> i64;
            io::emit(topics: i32, topics_len: i32, data: i32, data_len: i32);
            calls::call(
                address: i32, input: i32, input_len: i32, value: i32, gas: i64, flags: i32
            ) -> i64;
            calls::instantiate(
                code: i32, salt: i32, salt_len: i32, input: i32, input_len: i32, value: i32,
                gas: i64
            ) -> i64;
            calls::upgrade(
                contract: i32, code: i32, input: i32, input_len: i32, gas: i64
            ) -> i64;
            calls::set_admin(contract: i32, admin: i32) -> i32;
            calls::returned(ptr: i32);
            calls::transfer(to: i32, amount: i32) -> i32;
            calls::balance(address: i32, out: i32);
            crypto::blake3(ptr: i32, len: i32, out: i32);
            crypto::sha256(ptr: i32, len: i32, out: i32);
            crypto::keccak256(ptr: i32, len: i32, out: i32);
            crypto::ed25519_verify(
                key: i32, message: i32, message_len: i32, signature: i32
            ) -> i32;
            crypto::ed25519_verify_batch(batch: i32, batch_len: i32) -> i32;
            crypto::secp256k1_verify(key: i32, hash: i32, signature: i32) -> i32;
            crypto::secp256k1_recover(hash: i32, signature: i32, out: i32) -> i32;
            crypto::p256_verify(key: i32, hash: i32, signature: i32) -> i32;
            io::panic(ptr: i32, len: i32);
        }
    };
}
pub(crate) use host_functions;

/// A type of a parameter or a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    I32,
    I64,
}

/// A function that contracts may import.
#[derive(Clone, Copy, Debug)]
pub struct HostFunction {
    pub name: &'static str,
    pub parameters: &'static [ValueType],
    /// At most one.
    pub results: &'static [ValueType],
    run: Body,
}

/// Arguments and answer as 64 bits each; of an i32 the lower half.
type Body = fn(&mut HostCalls<'_, '_>, &mut dyn Guest, &[i64]) -> Result<i64, Escape>;

impl HostFunction {
    /// Runs it. An answer of nothing is 0.
    ///
    /// # Panics
    ///
    /// When the arguments are not as many as the parameters.
    pub fn run(
        &self,
        calls: &mut HostCalls<'_, '_>,
        guest: &mut dyn Guest,
        arguments: &[i64],
    ) -> Result<i64, Escape> {
        (self.run)(calls, guest, arguments)
    }
}

/// The host function with this name.
pub(crate) fn function(name: &str) -> Option<&'static HostFunction> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// A value that crosses between contract and host.
trait Word {
    const TYPES: &'static [ValueType];
    fn of(word: i64) -> Self;
    fn word(self) -> i64;
}

impl Word for i32 {
    const TYPES: &'static [ValueType] = &[ValueType::I32];

    #[expect(clippy::cast_possible_truncation, reason = "the upper half means nothing")]
    fn of(word: i64) -> Self {
        word as Self
    }

    fn word(self) -> i64 {
        i64::from(self)
    }
}

impl Word for i64 {
    const TYPES: &'static [ValueType] = &[ValueType::I64];

    fn of(word: i64) -> Self {
        word
    }

    fn word(self) -> i64 {
        self
    }
}

impl Word for () {
    const TYPES: &'static [ValueType] = &[];

    fn of(_: i64) -> Self {}

    fn word(self) -> i64 {
        0
    }
}

macro_rules! value_type {
    (i32) => {
        ValueType::I32
    };
    (i64) => {
        ValueType::I64
    };
}

macro_rules! list {
    ($($file:ident::$name:ident($($parameter:ident: $ty:ident),*) $(-> $result:ident)?;)*) => {
        /// All host functions.
        pub const FUNCTIONS: &[HostFunction] = &[$(
            HostFunction {
                name: stringify!($name),
                parameters: &[$(value_type!($ty)),*],
                results: <list!(@result $($result)?) as Word>::TYPES,
                run: |calls, guest, arguments| {
                    let &[$($parameter),*] = arguments else {
                        panic!(concat!("another number of arguments for ", stringify!($name)))
                    };
                    let answer = calls.enter(guest, |host| {
                        super::$file::$name(host, $(<$ty>::of($parameter)),*)
                    })?;
                    Ok(answer.word())
                },
            },
        )*];
    };
    (@result) => { () };
    (@result $result:ident) => { $result };
}
host_functions!(list);
