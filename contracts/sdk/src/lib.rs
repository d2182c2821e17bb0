//! The contract SDK: Rust without std, compiled to WebAssembly.
//!
//! ```
//! use quorate_sdk::contract;
//!
//! /// Counts.
//! #[contract]
//! mod counter {
//!     #[storage]
//!     struct Counter {
//!         n: Item<u64>,
//!     }
//!
//!     impl Counter {
//!         #[init]
//!         fn new(&mut self, n: u64) {
//!             self.n.set(n);
//!         }
//!
//!         /// Adds one and returns the sum.
//!         #[call]
//!         fn inc(&mut self) -> u64 {
//!             self.n.update(|n| n + 1)
//!         }
//!
//!         #[query]
//!         fn get(&self) -> u64 {
//!             self.n.get()
//!         }
//!     }
//! }
//! ```
//!
//! # What the attributes mark
//!
//! | attribute | on | meaning |
//! | --- | --- | --- |
//! | `#[storage]` | one struct | the state; each field a collection of [`storage`], by its name |
//! | `#[init]` | one method | runs once, when the contract is instantiated |
//! | `#[call]` | methods | changes state, in a transaction or called by another contract |
//! | `#[query]` | methods with `&self` | only reads; the host ends it when it writes |
//! | `#[event]` | structs | emitted with [`Context::emit`]; up to three fields are a `#[topic]` |
//! | `#[error]` | enums, structs | the `E` of a method's `Result<T, E>`; it undoes the call |
//! | `#[data]` | structs, enums | usable in parameters, results, events and storage |
//!
//! `#[call(payable)]` and `#[init(payable)]` take native units, in `cx.value`; the host refuses
//! them everywhere else. `#[call(reentrant)]` may be entered while the contract is being called
//! already; the host refuses that everywhere else. A method that wants to know where it runs takes
//! `cx: &Context`. Documentation comments become part of the description that the module carries
//! ([`abi::Abi`]).
//!
//! # Writing
//!
//! Collections write through: what `set` was given is in the storage when it returns, nothing is
//! flushed later, and so nothing can be lost or be stale after a call to another contract.
//! Arithmetic is checked, and a panic ends the call with its message and line.
//!
//! # Limits
//!
//! The crate of a contract starts with `#![no_std]`, and `quorate contract build` compiles it. A
//! contract does not depend on the crate of another: their entry points would clash. Natively
//! everything compiles, so that pure code can be tested, but whatever needs the host panics with a
//! message that says so.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;
extern crate self as quorate_sdk;

pub mod call;
mod context;
mod data;
mod dispatch;
#[cfg(target_arch = "wasm32")]
mod heap;
mod host;
mod key;
#[cfg(target_arch = "wasm32")]
mod panic;
pub mod storage;

pub use abi;
pub use borsh;
pub use quorate_macros::{contract, data, selector};

pub use context::{Context, InsufficientBalance};
pub use data::{Address, Answer, ContractError, Data, Event, Hash, Record};
pub use dispatch::{Contract, Input, Output, run};
pub use key::Key;

/// What stands ready in the module of a contract.
pub mod prelude {
    pub use alloc::borrow::ToOwned;
    pub use alloc::boxed::Box;
    pub use alloc::collections::BTreeMap;
    pub use alloc::string::{String, ToString};
    pub use alloc::vec::Vec;
    pub use alloc::{format, vec};

    pub use crate::call::{Call, CallError};
    pub use crate::storage::{Item, Map};
    pub use crate::{Address, Context, Hash, InsufficientBalance, ensure, selector};
}

/// Returns an error from the method unless a condition holds: `ensure!(have >= need, Error::Poor)`.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $error:expr $(,)?) => {
        if !$condition {
            return ::core::result::Result::Err($error);
        }
    };
}

/// The exports of a contract's module, and the section with its description. Written by
/// `#[contract]`.
#[doc(hidden)]
#[macro_export]
macro_rules! entry_points {
    ($contract:ident) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "an export and a section are named for the linker")]
        mod entry_points {
            #[unsafe(no_mangle)]
            extern "C" fn init(length: usize) -> i32 {
                $crate::run::<super::$contract>($crate::abi::MethodKind::Init, length)
            }

            #[unsafe(no_mangle)]
            extern "C" fn call(length: usize) -> i32 {
                $crate::run::<super::$contract>($crate::abi::MethodKind::Call, length)
            }

            #[unsafe(no_mangle)]
            extern "C" fn query(length: usize) -> i32 {
                $crate::run::<super::$contract>($crate::abi::MethodKind::Query, length)
            }

            #[unsafe(link_section = "quorate-abi")]
            pub static SECTION: [u8; super::ABI.len()] = super::ABI;
        }
    };
}

/// Canonical binary. Writing to memory cannot fail.
fn encode<T: borsh::BorshSerialize + ?Sized>(value: &T) -> alloc::vec::Vec<u8> {
    let mut bytes = alloc::vec::Vec::new();
    encode_into(value, &mut bytes);
    bytes
}

fn encode_into<T: borsh::BorshSerialize + ?Sized>(value: &T, bytes: &mut alloc::vec::Vec<u8>) {
    assert!(value.serialize(bytes).is_ok(), "a value is too long to encode");
}
