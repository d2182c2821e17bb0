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
//! | `#[migrate]` | at most one method | runs once, when a contract gets this code in place of another whose state version differs |
//! | `#[event]` | structs | emitted with [`Context::emit`]; up to three fields are a `#[topic]` |
//! | `#[error]` | enums, structs | the `E` of a method's `Result<T, E>`; it undoes the call |
//! | `#[data]` | structs, enums | usable in parameters, results, events and storage; a field marked with `#[index]` is an index of an [`IndexedMap`](storage::IndexedMap) |
//!
//! `#[call(payable)]` and `#[init(payable)]` take native units, in `cx.value`; the host refuses
//! them everywhere else. `#[call(reentrant)]` may be entered while the contract is being called
//! already; the host refuses that everywhere else. A method that wants to know where it runs takes
//! `cx: &Context`. Documentation comments become part of the description that the module carries
//! ([`abi::Abi`]).
//!
//! What the module of a contract needs is there without a `use`: everything in [`prelude`].
//!
//! # Writing
//!
//! Collections write through: what `set` was given is in the storage when it returns, nothing is
//! flushed later, and so nothing can be lost or be stale after a call to another contract.
//! Arithmetic is checked, and a panic ends the call with its message and line in the receipt.
//!
//! # Calling other contracts
//!
//! `#[contract]` also makes a client: for the storage `Token` the struct `TokenClient`, with a
//! method for each of the contract. A contract that calls another depends on its crate:
//!
//! ```
//! # use quorate_sdk::contract;
//! # #[contract]
//! # pub mod token {
//! #     #[storage] pub struct Token {}
//! #     #[error] pub enum Error { Insufficient }
//! #     impl Token {
//! #         #[init] fn new(&mut self) {}
//! #         #[call]
//! #         fn transfer(&mut self, to: Address, amount: u128) -> Result<(), Error> { Ok(()) }
//! #     }
//! # }
//! # use quorate_sdk::{Address, CallError, Client};
//! use token::{Error, TokenClient};
//!
//! fn pay(token: Address, to: Address) -> Result<(), CallError<Error>> {
//!     TokenClient::at(token).transfer(to, 5).gas(1_000_000_000).send()
//! }
//! ```
//!
//! Where only the interface is known, a trait describes it, and `#[interface]` makes the client:
//!
//! ```
//! # use quorate_sdk::{Address, CallError, Client};
//! use quorate_sdk::{error, interface};
//!
//! #[error]
//! pub enum Refused {
//!     Insufficient { have: u128, need: u128 },
//! }
//!
//! #[interface]
//! pub trait Token {
//!     #[call]
//!     fn transfer(&mut self, to: Address, amount: u128) -> Result<(), Refused>;
//!     #[query]
//!     fn balance_of(&self, owner: Address) -> u128;
//! }
//!
//! fn pay(token: Address, to: Address) -> Result<(), CallError<Refused>> {
//!     TokenClient::at(token).transfer(to, 5).send()
//! }
//! ```
//!
//! The same clients make contracts ([`Instantiate`]), give them other code ([`Upgrade`]), and call
//! them in tests.
//!
//! # Upgrades
//!
//! A contract's admin, at first its creator, may give it other code. What is stored stays: a field
//! of the storage keeps its name and its type, an enum may get variants behind the old ones, new
//! fields are free. For anything else, raise the version, `#[contract(state_version = 2)]`, and
//! bring a method that makes the new state of the old one:
//!
//! ```
//! # use quorate_sdk::contract;
//! #[contract(state_version = 2)]
//! mod counter {
//!     #[storage]
//!     struct Counter {
//!         /// In version 1 this was the item `n`, of 64 bits.
//!         total: Total,
//!         n: Item<u64>,
//!     }
//!
//!     impl Counter {
//!         #[init]
//!         fn new(&mut self) {}
//!
//!         #[migrate]
//!         fn from_version_1(&mut self) {
//!             self.total.set(self.n.get().into());
//!             self.n.remove();
//!         }
//!     }
//! }
//! ```
//!
//! # Tests
//!
//! With the feature `testing`, tests run contracts on the node's own executor: see `testing`.
//!
//! # Limits
//!
//! The crate of a contract starts with `#![no_std]`, has one contract, and is compiled by `quorate
//! contract build`: that alone gives a module its entry points, so that a contract can be a
//! dependency like any other crate. Natively everything compiles, but whatever needs the host
//! panics outside of a test's chain, with a message that says so.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;
extern crate self as quorate_sdk;

pub mod call;
mod context;
pub mod crypto;
mod data;
mod deploy;
mod dispatch;
#[cfg(target_arch = "wasm32")]
mod heap;
mod host;
mod key;
#[cfg(target_arch = "wasm32")]
mod panic;
pub mod storage;
#[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
pub mod testing;

pub use abi;
pub use borsh;
pub use quorate_macros::{contract, contract_test, data, error, interface, selector};

pub use call::{Call, CallError, Client};
pub use context::{Context, InsufficientBalance};
pub use data::{Address, Answer, ContractError, Data, Event, Hash, Reading, Record};
pub use deploy::{Instantiate, NotAdmin, Upgrade, set_admin};
pub use dispatch::{Contract, ContractClient, Input, Output, run};
pub use key::{Key, KeyPrefix};

/// What stands ready in the module of a contract.
pub mod prelude {
    pub use alloc::borrow::ToOwned;
    pub use alloc::boxed::Box;
    pub use alloc::collections::BTreeMap;
    pub use alloc::string::{String, ToString};
    pub use alloc::vec::Vec;
    pub use alloc::{format, vec};

    pub use crate::call::{Call, CallError};
    pub use crate::storage::{IndexedMap, Item, Map, OutOfRange, Set, Total, Totals};
    pub use crate::{
        Address, Client, Context, Hash, Instantiate, InsufficientBalance, NotAdmin, Upgrade,
        crypto, ensure, selector, set_admin,
    };
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
    ($contract:ident $($migrate:ident)?) => {
        // Set by `quorate contract build` for the contract that it builds, and not for those that
        // this one depends on: they lend their types and clients.
        #[allow(unexpected_cfgs, reason = "the tool's own")]
        #[allow(unsafe_code, reason = "an export and a section are named for the linker")]
        mod entry_points {
            #[cfg(all(target_arch = "wasm32", quorate_contract))]
            mod exported {
                #[unsafe(no_mangle)]
                extern "C" fn init(length: usize) -> i32 {
                    $crate::run::<super::super::$contract>($crate::abi::MethodKind::Init, length)
                }

                #[unsafe(no_mangle)]
                extern "C" fn call(length: usize) -> i32 {
                    $crate::run::<super::super::$contract>($crate::abi::MethodKind::Call, length)
                }

                #[unsafe(no_mangle)]
                extern "C" fn query(length: usize) -> i32 {
                    $crate::run::<super::super::$contract>($crate::abi::MethodKind::Query, length)
                }

                $(
                    #[unsafe(no_mangle)]
                    extern "C" fn $migrate(length: usize) -> i32 {
                        let kind = $crate::abi::MethodKind::Migrate;
                        $crate::run::<super::super::$contract>(kind, length)
                    }
                )?

                #[unsafe(link_section = "quorate-abi")]
                pub static SECTION: [u8; super::super::ABI.len()] = super::super::ABI;
            }
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
