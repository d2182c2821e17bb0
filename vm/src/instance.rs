//! One run of a contract in a fresh instance.

#![allow(unsafe_code)]

use primitives::receipt::Failure;
use wasmer::{Extern, FunctionEnv, Instance, Store, Value};

use crate::cost;
use crate::engine::ContractModule;
use crate::host::{self, Env, Frame, Handles};
use crate::instrument::{GAS_EXPORT, STACK_EXPORT};
use crate::machine::{Ended, Machine, Outcome};
use crate::trap::{Fatal, Stop, burns_all_gas, classify};

/// Runs an entry of a contract with an amount of gas, at most `i64::MAX`.
pub(crate) fn run(
    module: &ContractModule,
    machine: &mut Machine<'_>,
    frame: Frame,
    entry: &str,
    gas: u64,
) -> Result<Outcome, Fatal> {
    let mut store = Store::new(module.engine.clone());
    let input_len = i32::try_from(frame.input.len()).unwrap_or(i32::MAX);
    // SAFETY: the store is dropped at the end of this function, which has the machine to itself
    // meanwhile.
    let env = FunctionEnv::new(&mut store, unsafe { Env::new(machine, frame) });
    let instance = instantiate(module, &mut store, &env)?;
    let missing = |error: wasmer::ExportError| Fatal(format!("an export is missing: {error}"));
    let memory = instance.exports.get_memory("memory").map_err(missing)?.clone();
    let gas_global = instance.exports.get_global(GAS_EXPORT).map_err(missing)?.clone();
    let stack_global = instance.exports.get_global(STACK_EXPORT).map_err(missing)?.clone();
    let unset = |error: wasmer::RuntimeError| Fatal(format!("a global cannot be set: {error}"));
    let start = i64::try_from(gas).unwrap_or(i64::MAX);
    gas_global.set(&mut store, Value::I64(start)).map_err(unset)?;
    let stack = Value::I32(cost::STACK_WORDS.cast_signed());
    stack_global.set(&mut store, stack).map_err(unset)?;
    env.as_mut(&mut store).handles = Some(Handles { memory, gas: gas_global.clone() });

    let function =
        instance.exports.get_typed_function::<i32, i32>(&store, entry).map_err(missing)?;
    let answer = function.call(&mut store, input_len);

    let left = match gas_global.get(&mut store) {
        Value::I64(left) => left,
        other => return Err(Fatal(format!("the gas left is {other:?}"))),
    };
    let stack = stack_global.get(&mut store).i32().unwrap_or(0);
    let env = env.as_mut(&mut store);
    let ended = match (answer, env.stop.take()) {
        (Ok(abi::host::OK), None) => Ended::Returned,
        (Ok(abi::host::REVERT), None) => Ended::Reverted,
        (Ok(other), None) => {
            Ended::Failed(Failure::HostMisuse(format!("{entry} answers {other}, not 0 or 1")))
        }
        (_, Some(Stop::Failure(failure))) => Ended::Failed(failure),
        (_, Some(Stop::Fatal(fatal))) => return Err(fatal),
        (Err(error), None) => Ended::Failed(classify(error, left, stack)?),
    };
    Ok(outcome(ended, left, std::mem::take(&mut env.frame.output)))
}

fn outcome(ended: Ended, left: i64, output: Vec<u8>) -> Outcome {
    let gas_left = match &ended {
        Ended::Failed(failure) if burns_all_gas(failure) => 0,
        _ => u64::try_from(left).unwrap_or(0),
    };
    let output = if matches!(ended, Ended::Failed(_)) { Vec::new() } else { output };
    Outcome { ended, output, gas_left }
}

fn instantiate(
    module: &ContractModule,
    store: &mut Store,
    env: &FunctionEnv<Env>,
) -> Result<Instance, Fatal> {
    let mut imports: Vec<Extern> = Vec::with_capacity(module.imports.len());
    for name in &module.imports {
        let unknown = || Fatal(format!("a validated module imports the unknown {name}"));
        imports.push(host::function(name, store, env).ok_or_else(unknown)?.into());
    }
    Instance::new_by_index(store, &module.module, &imports)
        .map_err(|error| Fatal(format!("an instance cannot be made: {error}")))
}
