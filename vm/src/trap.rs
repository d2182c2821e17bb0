//! How a contract's run can end other than by its own answer.

use primitives::receipt::Failure;
use thiserror::Error;
use wasmer::RuntimeError;
use wasmer_types::TrapCode;

/// This node cannot go on: something is wrong with it or its machine, not with the transaction. It
/// must stop before the others see a result that only it has.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct Fatal(pub(crate) String);

/// Why a host function does not return to the contract.
#[derive(Debug)]
pub(crate) enum Stop {
    Failure(Failure),
    Fatal(Fatal),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<Fatal> for Stop {
    fn from(fatal: Fatal) -> Self {
        Self::Fatal(fatal)
    }
}

/// Carries the fact of a [`Stop`] through wasmer; the reason itself waits in the environment.
#[derive(Debug, Error)]
#[error("the host ended the call")]
pub(crate) struct Escape;

/// Whether the failure uses up all the gas of its call. After a trap the gas left depends on which
/// of a block's operators trapped, which a compiler might reorder; taking all of it leaves no
/// doubt.
pub(crate) fn burns_all_gas(failure: &Failure) -> bool {
    matches!(failure, Failure::OutOfGas | Failure::StackExhausted | Failure::Trapped)
}

/// What an error that no host function has caused means; gas and stack are what the module's
/// globals say.
pub(crate) fn classify(error: RuntimeError, gas: i64, stack: i32) -> Result<Failure, Fatal> {
    if gas < 0 {
        return Ok(Failure::OutOfGas);
    }
    if stack < 0 {
        return Ok(Failure::StackExhausted);
    }
    match error.clone().to_trap() {
        Some(
            TrapCode::HeapAccessOutOfBounds
            | TrapCode::TableAccessOutOfBounds
            | TrapCode::IndirectCallToNull
            | TrapCode::BadSignature
            | TrapCode::IntegerOverflow
            | TrapCode::IntegerDivisionByZero
            | TrapCode::BadConversionToInteger
            | TrapCode::UnreachableCodeReached,
        ) => Ok(Failure::Trapped),
        Some(TrapCode::StackOverflow) => {
            Err(Fatal("a contract overflowed the native stack below its metered depth".to_owned()))
        }
        _ => Err(Fatal(format!("a contract ended in an unknown way: {error}"))),
    }
}
