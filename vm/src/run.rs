//! One run of a contract in an instance as it is made, and what came of it.

use primitives::receipt::Failure;

use crate::cost;
use crate::engine::{Answer, Fatal, Ran, Run};
use crate::host::{Frame, HostCalls};
use crate::machine::{Ended, Machine, Outcome};
use crate::module::ContractModule;
use crate::trap::{Stop, burns_all_gas, classify};

/// Runs an entry of a contract with an amount of gas, at most `i64::MAX`.
pub(crate) fn run(
    module: &ContractModule,
    machine: &mut Machine<'_>,
    frame: Frame,
    entry: &str,
    gas: u64,
) -> Result<Outcome, Fatal> {
    let run = Run {
        entry,
        argument: i32::try_from(frame.input.len()).unwrap_or(i32::MAX),
        gas: i64::try_from(gas).unwrap_or(i64::MAX),
        stack: cost::STACK_WORDS.cast_signed(),
    };
    let mut calls = HostCalls::new(machine, frame);
    let Ran { answer, gas, stack } = module.program.run(run, &mut calls)?;
    let (stop, output) = calls.finish();
    let ended = match (answer, stop) {
        (_, Some(Stop::Fatal(fatal))) => return Err(fatal),
        (_, Some(Stop::Failure(failure))) => Ended::Failed(failure),
        (Answer::Returned(abi::host::OK), None) => Ended::Returned,
        (Answer::Returned(abi::host::REVERT), None) => Ended::Reverted,
        (Answer::Returned(other), None) => {
            Ended::Failed(Failure::HostMisuse(format!("{entry} answers {other}, not 0 or 1")))
        }
        (Answer::Trapped, None) => Ended::Failed(classify(gas, stack)),
        (Answer::Escaped, None) => {
            return Err(Fatal("the host ended a call and did not say why".to_owned()));
        }
    };
    let gas_left = match &ended {
        Ended::Failed(failure) if burns_all_gas(failure) => 0,
        _ => u64::try_from(gas).unwrap_or(0),
    };
    let output = if matches!(ended, Ended::Failed(_)) { Vec::new() } else { output };
    Ok(Outcome { ended, output, gas_left })
}
