//! How a contract's run can end other than by its own answer.

use primitives::receipt::Failure;

use crate::engine::Fatal;

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

/// Whether the failure uses up all the gas of its call. After a trap the gas left depends on which
/// of a block's operators trapped, which a compiler might reorder; taking all of it leaves no
/// doubt.
pub(crate) fn burns_all_gas(failure: &Failure) -> bool {
    matches!(failure, Failure::OutOfGas | Failure::StackExhausted | Failure::Trapped)
}

/// What it means that an operator could not go on; gas and stack are what the meters showed.
pub(crate) fn classify(gas: i64, stack: i32) -> Failure {
    if gas < 0 {
        Failure::OutOfGas
    } else if stack < 0 {
        Failure::StackExhausted
    } else {
        Failure::Trapped
    }
}
