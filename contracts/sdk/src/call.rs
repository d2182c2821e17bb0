//! Calls to other contracts.
//!
//! Three ways, from the most convenient to the plainest:
//!
//! 1. The client that `#[contract]` makes of a contract, `TokenClient` for the storage `Token`: the
//!    other contract's crate is a dependency like any other.
//! 2. The client that `#[interface]` makes of a trait, for a contract whose source is not at hand.
//! 3. [`Call`], by hand.

use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt;
use core::marker::PhantomData;

use abi::Selector;
use abi::host::{FLAG_STATIC, OK, REVERT};
use thiserror::Error;

use crate::{Address, ContractError, Data, encode_into, host};

/// A contract at an address, as `#[contract]` and `#[interface]` make them. Its methods make
/// [`Call`]s.
pub trait Client: Sized {
    /// The client of the contract at this address. Nothing is asked or checked.
    fn at(address: Address) -> Self;

    fn address(&self) -> Address;
}

/// A call in the making, of a method that returns `T` and refuses with `E`:
///
/// ```no_run
/// # use quorate_sdk::{Address, call::{Call, CallError}, selector};
/// # fn pay(token: Address, to: Address) -> Result<(), CallError> {
/// Call::new(token, selector!("transfer")).argument(&to).argument(&5_u128).send()
/// # }
/// ```
///
/// Made by hand, the types of arguments and result are those that the other contract's method
/// declares; what does not fit fails there. What the other contract changed is undone when the call
/// fails, and only then.
#[must_use = "a call does nothing until it is sent"]
pub struct Call<T, E = Vec<u8>> {
    pub(crate) to: Address,
    pub(crate) input: Vec<u8>,
    pub(crate) value: u128,
    pub(crate) gas: u64,
    flags: i32,
    of: PhantomData<fn() -> (T, E)>,
}

/// Why a call gave no value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallError<E = Vec<u8>> {
    /// The contract refused, with this error; in canonical binary, where its type is not known.
    #[error("the called contract refused")]
    Reverted(E),
    /// It ran out of gas, panicked, is being called already, or does not exist.
    #[error("the called contract failed")]
    Failed,
    /// It answered with something of another type.
    #[error("the called contract answered with something of another type")]
    Malformed,
}

/// What a contract refuses with, read from its output: an `#[error]`, the bytes as they are, or
/// [`Infallible`] for a method that never refuses.
pub trait Refusal: Sized {
    /// `None` when the output is nothing of the kind.
    fn read(output: Vec<u8>) -> Option<Self>;
}

impl<E: ContractError> Refusal for E {
    fn read(output: Vec<u8>) -> Option<Self> {
        E::try_from_slice(&output).ok()
    }
}

impl Refusal for Vec<u8> {
    fn read(output: Vec<u8>) -> Option<Self> {
        Some(output)
    }
}

impl Refusal for Infallible {
    fn read(_: Vec<u8>) -> Option<Self> {
        None
    }
}

impl<T: Data, E: Refusal> Call<T, E> {
    /// A call of the method with this selector, which `selector!("name")` makes.
    pub fn new(to: Address, method: Selector) -> Self {
        Self { to, input: method.to_vec(), value: 0, gas: 0, flags: 0, of: PhantomData }
    }

    /// Adds the next argument.
    pub fn argument<A: Data>(mut self, argument: &A) -> Self {
        encode_into(argument, &mut self.input);
        self
    }

    /// Adds arguments that are encoded already.
    pub fn arguments_encoded(mut self, arguments: &[u8]) -> Self {
        self.input.extend_from_slice(arguments);
        self
    }

    /// Sends native units of this contract along. The method must be payable.
    pub fn value(mut self, amount: u128) -> Self {
        self.value = amount;
        self
    }

    /// Bounds the gas of the call. Without a bound it may use 63/64 of what is left.
    pub fn gas(mut self, gas: u64) -> Self {
        self.gas = gas;
        self
    }

    /// Has the call change nothing: writing ends it.
    pub fn read_only(mut self) -> Self {
        self.flags = FLAG_STATIC;
        self
    }

    /// Selector and arguments, as the other contract gets them.
    pub fn input(&self) -> &[u8] {
        &self.input
    }

    /// Makes the call.
    pub fn send(self) -> Result<T, CallError<E>> {
        let (status, output) = host::call(&self.to, &self.input, self.value, self.gas, self.flags);
        finish(status, output, |output| T::try_from_slice(output).ok())
    }
}

impl<T> Call<T> {
    /// Makes the call, and answers with the value in canonical binary: where a contract makes calls
    /// for others, and knows the types of none.
    pub fn send_encoded(self) -> Result<Vec<u8>, CallError> {
        let (status, output) = host::call(&self.to, &self.input, self.value, self.gas, self.flags);
        finish(status, output, |output| Some(output.to_vec()))
    }
}

/// What a status and an output mean.
pub(crate) fn finish<T, E: Refusal>(
    status: i32,
    output: Vec<u8>,
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<T, CallError<E>> {
    match status {
        OK => read(&output).ok_or(CallError::Malformed),
        REVERT => Err(E::read(output).map_or(CallError::Malformed, CallError::Reverted)),
        _ => Err(CallError::Failed),
    }
}

impl<T, E> Clone for Call<T, E> {
    fn clone(&self) -> Self {
        Self { input: self.input.clone(), ..*self }
    }
}

impl<T, E> fmt::Debug for Call<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("to", &self.to).field("value", &self.value).finish()
    }
}
