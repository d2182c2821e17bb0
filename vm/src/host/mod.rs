//! The host interface ([`abi::host`]): what a contract can ask for.
//!
//! Every function is charged before it does anything, checks its bounds before it allocates, and
//! ends the call instead of answering when the contract breaks a bound.

#![allow(unsafe_code)]

mod calls;
mod io;
mod storage;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;

use abi::MethodKind;
use primitives::receipt::Failure;
use primitives::{Address, Amount};
use wasmer::{Function, FunctionEnv, FunctionEnvMut, Global, Memory, Store, StoreMut, Value};
use wasmparser::{FuncType, ValType};

use crate::cost;
use crate::machine::Machine;
use crate::trap::{Escape, Fatal, Stop};

/// The export through which methods of a kind are entered.
pub(crate) fn entry(kind: MethodKind) -> &'static str {
    match kind {
        MethodKind::Init => "init",
        MethodKind::Call => "call",
        MethodKind::Query => "query",
    }
}

/// The type of a host function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signature {
    parameters: &'static [ValType],
    results: &'static [ValType],
}

impl Signature {
    pub(crate) fn is(&self, ty: &FuncType) -> bool {
        ty.params() == self.parameters && ty.results() == self.results
    }
}

/// The type of the host function with this name.
pub(crate) fn signature(name: &str) -> Option<Signature> {
    use ValType::{I32, I64};
    const NOTHING: &[ValType] = &[];
    let (parameters, results): (&[ValType], &[ValType]) = match name {
        "input" | "context" | "returned" => (&[I32], NOTHING),
        "set_output" | "delete" | "balance" | "panic" => (&[I32, I32], NOTHING),
        "get" => (&[I32, I32, I32, I32], &[I64]),
        "set" | "emit" => (&[I32, I32, I32, I32], NOTHING),
        "has" | "transfer" => (&[I32, I32], &[I32]),
        "call" => (&[I32, I32, I32, I32, I64, I32], &[I64]),
        _ => return None,
    };
    Some(Signature { parameters, results })
}

/// The host function with this name, for one instance.
pub(crate) fn function(name: &str, store: &mut Store, env: &FunctionEnv<Env>) -> Option<Function> {
    Some(match name {
        "input" => Function::new_typed_with_env(store, env, io::input),
        "set_output" => Function::new_typed_with_env(store, env, io::set_output),
        "context" => Function::new_typed_with_env(store, env, io::context),
        "emit" => Function::new_typed_with_env(store, env, io::emit),
        "panic" => Function::new_typed_with_env(store, env, io::panic),
        "get" => Function::new_typed_with_env(store, env, storage::get),
        "set" => Function::new_typed_with_env(store, env, storage::set),
        "delete" => Function::new_typed_with_env(store, env, storage::delete),
        "has" => Function::new_typed_with_env(store, env, storage::has),
        "call" => Function::new_typed_with_env(store, env, calls::call),
        "returned" => Function::new_typed_with_env(store, env, calls::returned),
        "transfer" => Function::new_typed_with_env(store, env, calls::transfer),
        "balance" => Function::new_typed_with_env(store, env, calls::balance),
        _ => return None,
    })
}

/// One call into a contract, as its host functions see it.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) contract: Address,
    pub(crate) caller: Address,
    pub(crate) value: Amount,
    pub(crate) depth: u32,
    /// Whether writing is forbidden.
    pub(crate) is_static: bool,
    pub(crate) input: Vec<u8>,
    pub(crate) output: Vec<u8>,
    /// The output of the last call it made.
    pub(crate) returned: Vec<u8>,
}

/// What the host needs of the instance; known once it is made.
#[derive(Clone, Debug)]
pub(crate) struct Handles {
    pub(crate) memory: Memory,
    pub(crate) gas: Global,
}

/// The data that wasmer hands to host functions.
pub(crate) struct Env {
    machine: MachinePointer,
    pub(crate) frame: Frame,
    pub(crate) handles: Option<Handles>,
    /// Why the last host function did not return.
    pub(crate) stop: Option<Stop>,
}

/// A borrow of the machine for as long as one call lasts. wasmer wants its environments without
/// lifetimes.
struct MachinePointer(NonNull<Machine<'static>>);

// SAFETY: wasmer asks for `Send` of every environment, but the store that holds this one is made,
// used and dropped within one call on one thread.
unsafe impl Send for MachinePointer {}

impl Env {
    /// # Safety The machine must outlive the store that holds the environment, and nobody else may
    /// use it while a host function of that store runs.
    pub(crate) unsafe fn new(machine: &mut Machine<'_>, frame: Frame) -> Self {
        let machine = MachinePointer(NonNull::from(machine).cast());
        Self { machine, frame, handles: None, stop: None }
    }
}

/// A host function at work.
pub(crate) struct Host<'a> {
    machine: &'a mut Machine<'static>,
    frame: &'a mut Frame,
    handles: Handles,
    store: StoreMut<'a>,
}

/// Runs a host function: charges for the crossing, catches what may not cross back.
fn run<R>(
    mut env: FunctionEnvMut<'_, Env>,
    body: impl FnOnce(&mut Host<'_>) -> Result<R, Stop>,
) -> Result<R, Escape> {
    let (env, store) = env.data_and_store_mut();
    let Some(handles) = env.handles.clone() else {
        env.stop = Some(Fatal("a host function ran before its instance was made".into()).into());
        return Err(Escape);
    };
    // SAFETY: `Env::new`'s caller keeps the machine alive and leaves it alone while the contract
    // runs, and a contract runs one host function at a time: a nested call has an environment of
    // its own, made from a reborrow of this reference.
    let machine = unsafe { env.machine.0.as_mut() };
    let mut host = Host { machine, frame: &mut env.frame, handles, store };
    let ran = catch_unwind(AssertUnwindSafe(|| {
        host.charge(cost::HOST)?;
        body(&mut host)
    }));
    let stop = match ran {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(stop)) => stop,
        // The store failed on this machine only: the node must stop.
        Err(panic) if host.machine.journal.is_broken() => resume_unwind(panic),
        // A bug of ours, the same on every machine: the call pays for it, the node goes on.
        Err(_) => Failure::Trapped.into(),
    };
    env.stop = Some(stop);
    Err(Escape)
}

impl Host<'_> {
    fn gas_left(&mut self) -> Result<u64, Stop> {
        match self.handles.gas.get(&mut self.store) {
            Value::I64(gas) if gas >= 0 => Ok(gas.cast_unsigned()),
            _ => Err(Failure::OutOfGas.into()),
        }
    }

    fn set_gas(&mut self, gas: u64) -> Result<(), Stop> {
        let gas = i64::try_from(gas).unwrap_or(i64::MAX);
        let set = self.handles.gas.set(&mut self.store, Value::I64(gas));
        set.map_err(|error| Fatal(format!("the gas left cannot be set: {error}")).into())
    }

    /// Takes gas; when it does not suffice the call ends.
    fn charge(&mut self, gas: u64) -> Result<(), Stop> {
        let left = self.gas_left()?.checked_sub(gas).ok_or(Failure::OutOfGas)?;
        self.set_gas(left)
    }

    /// Charges for a number of bytes.
    fn charge_bytes(&mut self, bytes: usize, price: u64) -> Result<(), Stop> {
        self.charge((bytes as u64).saturating_mul(price))
    }

    /// Copies `len` bytes out of the contract's memory, at most `max`; charges for the crossing.
    fn read(&mut self, what: &str, ptr: i32, len: i32, max: usize) -> Result<Vec<u8>, Stop> {
        let len = len.cast_unsigned() as usize;
        if len > max {
            return Err(misuse(format!("{what} has {len} bytes, and at most {max} are accepted")));
        }
        self.charge_bytes(len, cost::HOST_BYTE)?;
        let mut bytes = vec![0; len];
        let read =
            self.handles.memory.view(&self.store).read(u64::from(ptr.cast_unsigned()), &mut bytes);
        read.map_err(|_| misuse(format!("{what} lies outside of the memory")))?;
        Ok(bytes)
    }

    fn read_array<const N: usize>(&mut self, what: &str, ptr: i32) -> Result<[u8; N], Stop> {
        self.charge_bytes(N, cost::HOST_BYTE)?;
        let mut bytes = [0; N];
        let read =
            self.handles.memory.view(&self.store).read(u64::from(ptr.cast_unsigned()), &mut bytes);
        read.map_err(|_| misuse(format!("{what} lies outside of the memory")))?;
        Ok(bytes)
    }

    /// Copies bytes into the contract's memory; charges for the crossing.
    fn write(&mut self, what: &str, ptr: i32, bytes: &[u8]) -> Result<(), Stop> {
        self.charge_bytes(bytes.len(), cost::HOST_BYTE)?;
        let written =
            self.handles.memory.view(&self.store).write(u64::from(ptr.cast_unsigned()), bytes);
        written.map_err(|_| misuse(format!("{what} lies outside of the memory")))
    }

    /// Ends the call when it may not write.
    fn check_writable(&self, function: &str) -> Result<(), Stop> {
        if self.frame.is_static {
            return Err(misuse(format!("{function} in a query or a static call")));
        }
        Ok(())
    }
}

fn misuse(message: String) -> Stop {
    Failure::HostMisuse(message).into()
}
