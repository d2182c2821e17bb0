//! Calls to other contracts.

use alloc::vec::Vec;

use abi::Selector;
use abi::host::{FLAG_STATIC, OK, REVERT};
use thiserror::Error;

use crate::{Address, ContractError, Data, encode_into, host};

/// A call in the making:
///
/// ```no_run
/// # use quorate_sdk::{Address, call::{Call, CallError}, selector};
/// # fn pay(token: Address, to: Address) -> Result<(), CallError> {
/// Call::new(token, selector!("transfer")).argument(&to).argument(&5_u128).send()
/// # }
/// ```
///
/// The types of arguments and result are those that the other contract's method declares; what does
/// not fit fails there. What the other contract changed is undone when the call fails, and only
/// then.
#[derive(Clone, Debug)]
#[must_use = "a call does nothing until it is sent"]
pub struct Call {
    to: Address,
    input: Vec<u8>,
    value: u128,
    gas: u64,
}

/// Why a call gave no value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// The contract refused, with this error in canonical binary.
    #[error("the called contract refused")]
    Reverted(Vec<u8>),
    /// It ran out of gas, panicked, is being called already, or does not exist.
    #[error("the called contract failed")]
    Failed,
    /// It returned something else than was asked for.
    #[error("the called contract returned something of another type")]
    Malformed,
}

impl CallError {
    /// The error of a contract that refused. `None` when it did not, or with another type.
    pub fn reverted<E: ContractError>(&self) -> Option<E> {
        match self {
            Self::Reverted(error) => E::try_from_slice(error).ok(),
            Self::Failed | Self::Malformed => None,
        }
    }
}

impl Call {
    /// A call of the method with this selector, which `selector!("name")` makes.
    pub fn new(to: Address, method: Selector) -> Self {
        Self { to, input: method.to_vec(), value: 0, gas: 0 }
    }

    /// Adds the next argument.
    pub fn argument<T: Data>(mut self, argument: &T) -> Self {
        encode_into(argument, &mut self.input);
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

    /// Makes the call.
    pub fn send<T: Data>(self) -> Result<T, CallError> {
        self.make(0)
    }

    /// Makes the call so that it can change nothing.
    pub fn query<T: Data>(self) -> Result<T, CallError> {
        self.make(FLAG_STATIC)
    }

    fn make<T: Data>(self, flags: i32) -> Result<T, CallError> {
        match host::call(&self.to, &self.input, self.value, self.gas, flags) {
            (OK, output) => T::try_from_slice(&output).map_err(|_| CallError::Malformed),
            (REVERT, error) => Err(CallError::Reverted(error)),
            _ => Err(CallError::Failed),
        }
    }
}
