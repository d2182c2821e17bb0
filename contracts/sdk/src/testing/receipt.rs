//! What came of a call.

use core::fmt;
use std::string::String;
use std::vec::Vec;

use abi::testing::{Emitted, Failure, Status};
use thiserror::Error;

use crate::call::Refusal;
use crate::{Address, Event};

/// What came of a transaction, or a query, of a method that returns `T` and refuses with `E`.
#[derive(Clone, Debug)]
#[must_use = "the call may have failed: ask for its `value()`, its `error()` or its `failure()`"]
pub struct Receipt<T, E> {
    label: String,
    result: Result<T, Problem<E>>,
    events: Vec<Emitted>,
    gas_used: u64,
}

/// Why a call has no value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem<E> {
    /// The contract refused, with this error.
    #[error("the contract refused")]
    Refused(E),
    /// The call failed: a panic, too little gas, a method that is not payable.
    #[error("{0}")]
    Failed(Failure),
    /// The output is of another type than the client says.
    #[error("the output is of another type than the client says")]
    Malformed,
}

impl<T, E: Refusal> Receipt<T, E> {
    pub(super) fn new(
        receipt: abi::testing::Receipt,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Self {
        let abi::testing::Receipt { label, status, gas_used, output, events } = receipt;
        let result = match status {
            Status::Success => read(&output).ok_or(Problem::Malformed),
            Status::Reverted => Err(E::read(output).map_or(Problem::Malformed, Problem::Refused)),
            Status::Failed(failure) => Err(Problem::Failed(failure)),
        };
        Self { label, result, events, gas_used }
    }
}

impl<T, E> Receipt<T, E> {
    /// What the method returned.
    ///
    /// # Panics
    ///
    /// When it did not succeed.
    #[track_caller]
    pub fn value(self) -> T
    where
        E: fmt::Debug,
    {
        match self.result {
            Ok(value) => value,
            Err(Problem::Refused(error)) => panic!("{} refused with {error:?}", self.label),
            Err(problem) => panic!("{} failed: {problem}", self.label),
        }
    }

    /// The error that the contract refused with.
    ///
    /// # Panics
    ///
    /// When it did not refuse.
    #[track_caller]
    pub fn error(self) -> E {
        match self.result {
            Ok(_) => panic!("{} succeeded, and should have refused", self.label),
            Err(Problem::Refused(error)) => error,
            Err(problem) => panic!("{} failed, and should have refused: {problem}", self.label),
        }
    }

    /// Why the call failed.
    ///
    /// # Panics
    ///
    /// When it succeeded, and when the contract refused.
    #[track_caller]
    pub fn failure(self) -> Failure {
        match self.result {
            Ok(_) => panic!("{} succeeded, and should have failed", self.label),
            Err(Problem::Failed(failure)) => failure,
            Err(problem) => panic!("{} should have failed: {problem}", self.label),
        }
    }

    /// Value or problem.
    pub fn result(self) -> Result<T, Problem<E>> {
        self.result
    }

    pub fn is_success(&self) -> bool {
        self.result.is_ok()
    }

    /// The events of one type, of all contracts, in their order. None, when the call did not
    /// succeed.
    pub fn events<V: Event>(&self) -> Vec<V> {
        self.events.iter().filter_map(read).collect()
    }

    /// The events of one type that one contract emitted.
    pub fn events_of<V: Event>(&self, contract: &Address) -> Vec<V> {
        self.events.iter().filter(|event| event.contract == contract.0).filter_map(read).collect()
    }

    /// All events as they stand in the receipt.
    pub fn raw_events(&self) -> &[Emitted] {
        &self.events
    }

    /// Gas that was used. Natively only that of host functions; never compare it with a number
    /// unless the chain runs WebAssembly ([`super::TestChain::new`]).
    pub fn gas_used(&self) -> u64 {
        self.gas_used
    }
}

fn read<V: Event>(event: &Emitted) -> Option<V> {
    V::read(&event.topics, &event.data)
}
