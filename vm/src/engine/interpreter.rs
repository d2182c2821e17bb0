//! wasmi: an interpreter that shares no code with wasmer.
//!
//! It runs what the compiler does not manage, and tests hold it against wasmer: gas, results,
//! writes and traps are the same. Only the time differs, and a call has paid for that of compiled
//! code.
//!
//! Its version is 1.1 and not 2.0.0, which computes otherwise than three other engines and its own
//! predecessor: `cargo differ --first 133 --seeds 1`.

#![allow(unsafe_code)]

use std::ptr::NonNull;

use primitives::Hash;
use wasmi::{Caller, Config, FuncType, Global, Linker, Memory, Module, Store, TrapCode, Val};
use wasmi::{Error, ResourceLimiter, ValType};
use wasmi_core::LimiterError;

use super::memory::stop_without_memory;
use super::{Answer, Engine, Escape, Fatal, Guest, Made, OutOfBounds, Program, Ran, Run};
use crate::host::{FUNCTIONS, HostCalls, HostFunction, ValueType};
use crate::instrument::{GAS_EXPORT, STACK_EXPORT};

/// Calls inside each other. The smallest frame that is metered takes
/// [`crate::cost::FRAME_WORDS`] of [`crate::cost::STACK_WORDS`]: metering ends a call before the
/// interpreter would.
const DEPTH_MAX: usize = 32 << 10;
/// Bytes of the interpreter's stack: four for each byte that metering counts.
const STACK_BYTES: usize = 8 << 20;
/// Bytes in memory for each byte of a module, roughly: an instruction of two or three becomes one of
/// wasmi's own, with its registers.
const TRANSLATED_BYTES: usize = 8;

/// Runs contracts by interpreting them.
#[derive(Debug)]
pub struct Interpreter;

impl Interpreter {
    /// wasmi's engine with the features of a contract, for one module: it never forgets code.
    pub fn engine() -> wasmi::Engine {
        let mut config = Config::default();
        config.set_max_recursion_depth(DEPTH_MAX).set_max_stack_height(STACK_BYTES);
        config
            .wasm_multi_value(false)
            .wasm_reference_types(false)
            .wasm_tail_call(false)
            .wasm_extended_const(false);
        wasmi::Engine::new(&config)
    }
}

impl Engine for Interpreter {
    fn compile(&self, _code: &Hash, wasm: &[u8]) -> Result<Made, Fatal> {
        let engine = Self::engine();
        let module = Module::new(&engine, wasm)
            .map_err(|error| Fatal(format!("a validated module does not translate: {error}")))?;
        let size = wasm.len() * TRANSLATED_BYTES;
        Ok(Made { program: Box::new(Translated { engine, module, size }), artifact: None })
    }
}

struct Translated {
    engine: wasmi::Engine,
    module: Module,
    size: usize,
}

impl Program for Translated {
    fn run(&self, run: Run<'_>, calls: &mut HostCalls<'_, '_>) -> Result<Ran, Fatal> {
        // SAFETY: the store is dropped at the end of this function, which has the host to itself
        // meanwhile.
        let mut store = Store::new(&self.engine, unsafe { Host::new(calls) });
        store.limiter(|host| &mut host.limits);
        let mut linker = Linker::new(&self.engine);
        for function in FUNCTIONS {
            import(&mut linker, function)?;
        }
        let made = linker.instantiate_and_start(&mut store, &self.module);
        let instance = made.map_err(|error| Fatal(format!("no instance: {error}")))?;
        let missing = || Fatal("an export is missing".to_owned());
        let memory = instance.get_memory(&store, "memory").ok_or_else(missing)?;
        let gas = instance.get_global(&store, GAS_EXPORT).ok_or_else(missing)?;
        let stack = instance.get_global(&store, STACK_EXPORT).ok_or_else(missing)?;
        let unset = |error| Fatal(format!("a meter cannot be set: {error:?}"));
        gas.set(&mut store, Val::I64(run.gas)).map_err(unset)?;
        stack.set(&mut store, Val::I32(run.stack)).map_err(unset)?;
        store.data_mut().handles = Some((memory, gas));
        let function = instance
            .get_typed_func::<i32, i32>(&store, run.entry)
            .map_err(|error| Fatal(error.to_string()))?;
        let answer = match function.call(&mut store, run.argument) {
            Ok(answer) => Answer::Returned(answer),
            Err(error) => classify(&error)?,
        };
        let (Val::I64(gas), Val::I32(stack)) = (gas.get(&store), stack.get(&store)) else {
            return Err(Fatal("a meter is of another type".to_owned()));
        };
        Ok(Ran { answer, gas, stack })
    }

    fn size(&self) -> usize {
        self.size
    }
}

fn classify(error: &Error) -> Result<Answer, Fatal> {
    if error.downcast_ref::<Ended>().is_some() {
        return Ok(Answer::Escaped);
    }
    match error.as_trap_code() {
        Some(
            TrapCode::UnreachableCodeReached
            | TrapCode::MemoryOutOfBounds
            | TrapCode::TableOutOfBounds
            | TrapCode::IndirectCallToNull
            | TrapCode::IntegerDivisionByZero
            | TrapCode::IntegerOverflow
            | TrapCode::BadConversionToInteger
            | TrapCode::BadSignature,
        ) => Ok(Answer::Trapped),
        _ => Err(Fatal(format!("a contract ended in an unknown way: {error}"))),
    }
}

/// [`Escape`], as an error that wasmi carries.
#[derive(Debug)]
struct Ended;

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Escape.fmt(f)
    }
}

impl wasmi::errors::HostError for Ended {}

/// A store's data: a borrow of the host for as long as one run lasts, and what the host needs of
/// the instance, once it is made.
struct Host {
    calls: NonNull<HostCalls<'static, 'static>>,
    handles: Option<(Memory, Global)>,
    limits: Limits,
}

impl Host {
    /// # Safety
    ///
    /// The host must outlive the store that holds this, and nobody else may use it while a host
    /// function of that store runs.
    unsafe fn new(calls: &mut HostCalls<'_, '_>) -> Self {
        Self { calls: NonNull::from(calls).cast(), handles: None, limits: Limits }
    }
}

/// Sets no limits of its own, which the module brings. It hears when the system gives no memory: a
/// contract would see that as -1 from `memory.grow`, on this machine and not on others.
struct Limits;

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: &LimiterError) {
        if let LimiterError::OutOfSystemMemory = error {
            stop_without_memory(error);
        }
    }

    fn instances(&self) -> usize {
        usize::MAX
    }

    fn tables(&self) -> usize {
        usize::MAX
    }

    fn memories(&self) -> usize {
        usize::MAX
    }
}

fn import(linker: &mut Linker<Host>, function: &'static HostFunction) -> Result<(), Fatal> {
    let types = |types: &[ValueType]| -> Vec<ValType> {
        let wasmi_type = |ty: &ValueType| match ty {
            ValueType::I32 => ValType::I32,
            ValueType::I64 => ValType::I64,
        };
        types.iter().map(wasmi_type).collect()
    };
    let ty = FuncType::new(types(function.parameters), types(function.results));
    let run = |caller: Caller<'_, Host>, arguments: &[Val], results: &mut [Val]| {
        let ended = || Error::host(Ended);
        let words: Vec<i64> = arguments.iter().map(word).collect();
        let (mut calls, handles) = (caller.data().calls, caller.data().handles);
        let (memory, gas) = handles.ok_or_else(ended)?;
        let mut guest = Running { caller, memory, gas };
        // SAFETY: `Host::new`'s caller keeps the host alive and leaves it alone while the contract
        // runs, and a contract runs one host function at a time.
        let calls = unsafe { calls.as_mut() };
        let answer = function.run(calls, &mut guest, &words).map_err(|Escape| ended())?;
        if let [result] = results {
            *result = value(function.results, answer);
        }
        Ok::<(), Error>(())
    };
    let linked = linker.func_new(abi::host::MODULE, function.name, ty, run);
    linked.map(|_| ()).map_err(|error| Fatal(error.to_string()))
}

fn word(value: &Val) -> i64 {
    match value {
        Val::I32(word) => i64::from(*word),
        Val::I64(word) => *word,
        other => panic!("a host function got {other:?}"),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "of an i32 the upper half means nothing")]
fn value(types: &[ValueType], word: i64) -> Val {
    match types {
        [ValueType::I32, ..] => Val::I32(word as i32),
        _ => Val::I64(word),
    }
}

/// An instance while it waits for a host function.
struct Running<'a> {
    caller: Caller<'a, Host>,
    memory: Memory,
    gas: Global,
}

impl Guest for Running<'_> {
    fn gas(&mut self) -> i64 {
        match self.gas.get(&self.caller) {
            Val::I64(gas) => gas,
            other => panic!("the gas left is {other:?}"),
        }
    }

    fn set_gas(&mut self, gas: i64) {
        if let Err(error) = self.gas.set(&mut self.caller, Val::I64(gas)) {
            panic!("the gas left cannot be set: {error:?}");
        }
    }

    fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), OutOfBounds> {
        self.memory.read(&self.caller, at as usize, into).map_err(|_| OutOfBounds)
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        self.memory.write(&mut self.caller, at as usize, bytes).map_err(|_| OutOfBounds)
    }
}
