//! The functions that the host brings, for contracts that run natively in a test.
//!
//! Each call is laid out in a scratch buffer that stands for the contract's memory: what the host
//! reads first, then room for what it writes. [`crate::testing`] takes it to the host of the test's
//! chain. Without that feature, or outside of a test, there is no host, and the call says so.

use std::vec::Vec;

use abi::host::CONTEXT_BYTES;

/// A call in the making.
struct Crossing {
    function: &'static str,
    arguments: Vec<i64>,
    memory: Vec<u8>,
}

impl Crossing {
    fn to(function: &'static str) -> Self {
        Self { function, arguments: Vec::new(), memory: Vec::new() }
    }

    fn number(mut self, number: impl Into<i64>) -> Self {
        self.arguments.push(number.into());
        self
    }

    /// A pointer to these bytes.
    fn array(mut self, bytes: &[u8]) -> Self {
        self.arguments.push(length(self.memory.len()));
        self.memory.extend_from_slice(bytes);
        self
    }

    /// A pointer to these bytes, and their length.
    fn bytes(self, bytes: &[u8]) -> Self {
        self.array(bytes).number(length(bytes.len()))
    }

    /// A pointer to the room behind all bytes.
    fn room(mut self) -> Self {
        self.arguments.push(length(self.memory.len()));
        self
    }

    fn make(self) -> i64 {
        self.make_into(&mut [])
    }

    /// Makes the call, and copies what the host wrote.
    #[cfg(feature = "testing")]
    fn make_into(self, room: &mut [u8]) -> i64 {
        crate::testing::cross(self.function, self.arguments, self.memory, room)
    }

    #[cfg(not(feature = "testing"))]
    fn make_into(self, room: &mut [u8]) -> i64 {
        panic!(
            "`{}` needs a chain: test with the feature `testing` of quorate-sdk, in a \
             `#[contract_test]`; a method cannot be called as a function ({} arguments, {} bytes, \
             room for {})",
            self.function,
            self.arguments.len(),
            self.memory.len(),
            room.len(),
        )
    }

    /// Makes a call that answers with 32 bits.
    fn make_short(self) -> i32 {
        self.make_short_into(&mut [])
    }

    fn make_short_into(self, room: &mut [u8]) -> i32 {
        match i32::try_from(self.make_into(room)) {
            Ok(answer) => answer,
            Err(_) => panic!("the host's answer has more than 32 bits"),
        }
    }
}

fn length(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

pub fn input(into: &mut [u8]) {
    Crossing::to("input").room().make_into(into);
}

pub fn set_output(output: &[u8]) {
    Crossing::to("set_output").bytes(output).make();
}

pub fn context(into: &mut [u8; CONTEXT_BYTES]) {
    Crossing::to("context").room().make_into(into);
}

pub fn get(key: &[u8], into: &mut [u8]) -> i64 {
    Crossing::to("get").bytes(key).room().number(length(into.len())).make_into(into)
}

pub fn set(key: &[u8], value: &[u8]) {
    Crossing::to("set").bytes(key).bytes(value).make();
}

pub fn delete(key: &[u8]) {
    Crossing::to("delete").bytes(key).make();
}

pub fn has(key: &[u8]) -> i32 {
    Crossing::to("has").bytes(key).make_short()
}

pub fn add(key: &[u8], amount: &[u8; 16], max: &[u8; 16]) -> i32 {
    Crossing::to("add").bytes(key).array(amount).array(max).make_short()
}

pub fn scan(start: &[u8], end: &[u8], flags: i32) -> i32 {
    Crossing::to("scan").bytes(start).bytes(end).number(flags).make_short()
}

pub fn next_batch(cursor: i32, into: &mut [u8]) -> i64 {
    let capacity = length(into.len());
    Crossing::to("next_batch").number(cursor).room().number(capacity).make_into(into)
}

pub fn emit(topics: &[u8], data: &[u8]) {
    Crossing::to("emit").bytes(topics).bytes(data).make();
}

pub fn call(to: &[u8; 32], input: &[u8], value: &[u8; 16], gas: u64, flags: i32) -> i64 {
    let crossing = Crossing::to("call").array(to).bytes(input).array(value);
    crossing.number(gas.cast_signed()).number(flags).make()
}

pub fn instantiate(code: &[u8; 32], salt: &[u8], input: &[u8], value: &[u8; 16], gas: u64) -> i64 {
    let crossing = Crossing::to("instantiate").array(code).bytes(salt).bytes(input);
    crossing.array(value).number(gas.cast_signed()).make()
}

pub fn upgrade(contract: &[u8; 32], code: &[u8; 32], input: &[u8], gas: u64) -> i64 {
    let crossing = Crossing::to("upgrade").array(contract).array(code).bytes(input);
    crossing.number(gas.cast_signed()).make()
}

pub fn set_admin(contract: &[u8; 32], admin: &[u8; 32]) -> i32 {
    Crossing::to("set_admin").array(contract).array(admin).make_short()
}

pub fn returned(into: &mut [u8]) {
    Crossing::to("returned").room().make_into(into);
}

pub fn transfer(to: &[u8; 32], amount: &[u8; 16]) -> i32 {
    Crossing::to("transfer").array(to).array(amount).make_short()
}

pub fn balance(of: &[u8; 32], into: &mut [u8; 16]) {
    Crossing::to("balance").array(of).room().make_into(into);
}

pub fn blake3(message: &[u8], into: &mut [u8; 32]) {
    Crossing::to("blake3").bytes(message).room().make_into(into);
}

pub fn sha256(message: &[u8], into: &mut [u8; 32]) {
    Crossing::to("sha256").bytes(message).room().make_into(into);
}

pub fn keccak256(message: &[u8], into: &mut [u8; 32]) {
    Crossing::to("keccak256").bytes(message).room().make_into(into);
}

pub fn ed25519_verify(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> i32 {
    Crossing::to("ed25519_verify").array(key).bytes(message).array(signature).make_short()
}

pub fn ed25519_verify_batch(batch: &[u8]) -> i32 {
    Crossing::to("ed25519_verify_batch").bytes(batch).make_short()
}

pub fn secp256k1_verify(key: &[u8; 33], hash: &[u8; 32], signature: &[u8; 64]) -> i32 {
    Crossing::to("secp256k1_verify").array(key).array(hash).array(signature).make_short()
}

pub fn secp256k1_recover(hash: &[u8; 32], signature: &[u8; 65], into: &mut [u8; 65]) -> i32 {
    let crossing = Crossing::to("secp256k1_recover").array(hash).array(signature).room();
    crossing.make_short_into(into)
}

pub fn p256_verify(key: &[u8; 33], hash: &[u8; 32], signature: &[u8; 64]) -> i32 {
    Crossing::to("p256_verify").array(key).array(hash).array(signature).make_short()
}

#[cfg(feature = "testing")]
pub fn panic(message: &[u8]) {
    Crossing::to("panic").bytes(message).make();
}
