//! Contracts that make contracts, and give them other code.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use abi::Selector;
use thiserror::Error;

use crate::call::{CallError, Refusal, finish};
use crate::{Address, Client, Data, Hash, encode_into, host};

/// A contract to be made, with the arguments of its `#[init]`:
///
/// ```
/// # use quorate_sdk::contract;
/// # #[contract]
/// # pub mod token {
/// #     #[storage] pub struct Token {}
/// #     impl Token { #[init] fn new(&mut self, supply: u128) {} }
/// # }
/// # use quorate_sdk::{Address, Client, Hash, call::CallError};
/// # use token::TokenClient;
/// # fn make(code: Hash) -> Result<Address, CallError<core::convert::Infallible>> {
/// let token = TokenClient::new(1_000_000).instantiate(&code, b"first")?;
/// # Ok(token.address())
/// # }
/// ```
///
/// The contract that makes another is its creator and, until it hands that on, its admin. The
/// address follows from creator, code and salt, so that the same three make one contract only.
#[must_use = "nothing is made until it is instantiated"]
pub struct Instantiate<C, E = Vec<u8>> {
    pub(crate) input: Vec<u8>,
    pub(crate) value: u128,
    pub(crate) gas: u64,
    of: PhantomData<fn() -> (C, E)>,
}

impl<C: Client, E: Refusal> Instantiate<C, E> {
    /// By the `#[init]` with this selector, which `selector!("new")` makes.
    pub fn new(init: Selector) -> Self {
        Self { input: init.to_vec(), value: 0, gas: 0, of: PhantomData }
    }

    /// Adds the next argument.
    pub fn argument<A: Data>(mut self, argument: &A) -> Self {
        encode_into(argument, &mut self.input);
        self
    }

    /// Sends native units of this contract along. The `#[init]` must be payable.
    pub fn value(mut self, amount: u128) -> Self {
        self.value = amount;
        self
    }

    /// Bounds the gas. Without a bound it may use 63/64 of what is left.
    pub fn gas(mut self, gas: u64) -> Self {
        self.gas = gas;
        self
    }

    /// Makes a contract of stored code.
    pub fn instantiate(self, code: &Hash, salt: &[u8]) -> Result<C, CallError<E>> {
        let (status, output) = host::instantiate(code, salt, &self.input, self.value, self.gas);
        finish(status, output, |output| Some(C::at(Address(output.try_into().ok()?))))
    }
}

/// Other code for a contract, with the arguments of the code's `#[migrate]`.
#[must_use = "nothing is upgraded until it is asked for"]
pub struct Upgrade<C, E = Vec<u8>> {
    pub(crate) input: Vec<u8>,
    pub(crate) gas: u64,
    of: PhantomData<fn() -> (C, E)>,
}

impl<C: Client, E: Refusal> Upgrade<C, E> {
    /// By the `#[migrate]` with this selector, which `selector!("from_v1")` makes.
    pub fn new(migrate: Selector) -> Self {
        Self { input: migrate.to_vec(), gas: 0, of: PhantomData }
    }

    /// To code whose state version is the same: nothing has to be migrated.
    pub fn in_place() -> Self {
        Self { input: Vec::new(), gas: 0, of: PhantomData }
    }

    /// Adds the next argument.
    pub fn argument<A: Data>(mut self, argument: &A) -> Self {
        encode_into(argument, &mut self.input);
        self
    }

    /// Bounds the gas. Without a bound it may use 63/64 of what is left.
    pub fn gas(mut self, gas: u64) -> Self {
        self.gas = gas;
        self
    }

    /// Gives stored code to a contract whose admin this one is. It stays what it is when that
    /// fails.
    pub fn upgrade(self, contract: &Address, code: &Hash) -> Result<C, CallError<E>> {
        let (status, output) = host::upgrade(contract, code, &self.input, self.gas);
        finish(status, output, |_| Some(C::at(*contract)))
    }
}

/// Only the admin of a contract may hand it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this contract is not the admin of the other")]
pub struct NotAdmin;

/// Hands a contract whose admin this one is to another admin; to nobody, and for ever, when there
/// is none.
pub fn set_admin(contract: &Address, admin: Option<&Address>) -> Result<(), NotAdmin> {
    let admin = admin.copied().unwrap_or_default();
    if host::set_admin(contract, &admin) { Ok(()) } else { Err(NotAdmin) }
}

impl<C, E> Clone for Instantiate<C, E> {
    fn clone(&self) -> Self {
        Self { input: self.input.clone(), ..*self }
    }
}

impl<C, E> Clone for Upgrade<C, E> {
    fn clone(&self) -> Self {
        Self { input: self.input.clone(), ..*self }
    }
}

impl<C, E> fmt::Debug for Instantiate<C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instantiate").field("value", &self.value).finish_non_exhaustive()
    }
}

impl<C, E> fmt::Debug for Upgrade<C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").finish_non_exhaustive()
    }
}
