//! wasmer with Cranelift, set up so that nothing of it shows in a result.

#![allow(unsafe_code)]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use primitives::Hash;
use wasmer::{Module, RuntimeError, Value};
use wasmer_types::TrapCode;

use super::artifacts;
use super::compiler::{self, CompileError, Compiler, InProcess, Optimisation};
use super::instances::{Instances, Ready};
use super::interpreter::Interpreter;
use super::memory::Pool;
use super::{Answer, Engine, Escape, Fatal, Made, Program, Ran, Run};
use crate::host::HostCalls;

/// The engine of the product.
#[derive(Debug)]
pub struct Wasmer {
    memories: Arc<Pool>,
    compiler: Arc<dyn Compiler>,
    optimisation: Optimisation,
    /// What the compiler did not manage. It is not asked again, since nobody pays for that.
    unmanaged: Mutex<BTreeSet<Hash>>,
}

impl Default for Wasmer {
    /// One that compiles in this process.
    fn default() -> Self {
        Self::with_optimisation(Optimisation::default())
    }
}

impl Engine for Wasmer {
    fn compile(&self, code: &Hash, wasm: &[u8]) -> Result<Made, Fatal> {
        if self.unmanaged().contains(code) {
            return Interpreter.compile(code, wasm);
        }
        let broken = || CompileError::Module("what the compiler gave is not whole".to_owned());
        let compiled = self.compiler.compile(code, wasm).and_then(|sealed| {
            let artifact = artifacts::open(&sealed).ok_or_else(broken)?;
            let program = self.open(artifact).ok_or_else(broken)?;
            Ok(Made { program, artifact: Some(artifact.to_owned()) })
        });
        match compiled {
            Ok(made) => Ok(made),
            Err(CompileError::Module(_)) => {
                self.unmanaged().insert(*code);
                Interpreter.compile(code, wasm)
            }
            Err(CompileError::Machine(_)) => {
                let Made { program, .. } = Interpreter.compile(code, wasm)?;
                Ok(Made { program: Box::new(Makeshift(program)), artifact: None })
            }
            Err(error @ CompileError::Fault(_)) => Err(Fatal(error.to_string())),
        }
    }

    fn open(&self, artifact: &[u8]) -> Option<Box<dyn Program>> {
        // One engine for each module: an engine never gives back the memory of code it holds.
        let engine = compiler::headless(Arc::clone(&self.memories));
        // SAFETY: wasmer checks nothing here. The caller says that it is what the compiler made on
        // this machine.
        let module = unsafe { Module::deserialize_unchecked(&engine, artifact) }.ok()?;
        // The artifact, and the code that is copied out of it.
        let bytes = 2 * artifact.len();
        Some(Box::new(Compiled(Instances::new(engine, module, bytes))))
    }
}

impl Wasmer {
    pub(crate) fn new(compiler: Arc<dyn Compiler>) -> Self {
        let (memories, unmanaged) = (Arc::default(), Mutex::default());
        Self { memories, compiler, optimisation: Optimisation::default(), unmanaged }
    }

    /// One that compiles in another way.
    pub fn with_optimisation(optimisation: Optimisation) -> Self {
        Self { optimisation, ..Self::new(Arc::new(InProcess { optimisation })) }
    }

    fn unmanaged(&self) -> MutexGuard<'_, BTreeSet<Hash>> {
        self.unmanaged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine of wasmer with the settings under which contracts run, for one module.
    pub fn engine(&self) -> wasmer::Engine {
        compiler::engine(self.optimisation, Arc::clone(&self.memories))
    }
}

/// A program that is run for once, since the compiler could not be asked.
struct Makeshift(Box<dyn Program>);

impl Program for Makeshift {
    fn run(&self, run: Run<'_>, calls: &mut HostCalls<'_, '_>) -> Result<Ran, Fatal> {
        self.0.run(run, calls)
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn is_makeshift(&self) -> bool {
        true
    }
}

struct Compiled(Instances);

impl Program for Compiled {
    fn run(&self, run: Run<'_>, calls: &mut HostCalls<'_, '_>) -> Result<Ran, Fatal> {
        self.0.with(calls, |ready| run_instance(ready, run))
    }

    fn size(&self) -> usize {
        self.0.module_bytes
    }
}

/// Runs an entry of an instance.
fn run_instance(ready: &mut Ready, run: Run<'_>) -> Result<Ran, Fatal> {
    let missing = || Fatal(format!("a contract has no {}", run.entry));
    let function = ready.entry(&run).ok_or_else(missing)?;
    let Ready { store, gas, stack, .. } = ready;
    let unset = |error: RuntimeError| Fatal(format!("a meter cannot be set: {error}"));
    gas.set(store, Value::I64(run.gas)).map_err(unset)?;
    stack.set(store, Value::I32(run.stack)).map_err(unset)?;
    let answer = match function.call(store, run.argument) {
        Ok(answer) => Answer::Returned(answer),
        Err(error) => classify(&error)?,
    };
    let (Value::I64(gas), Value::I32(stack)) = (gas.get(store), stack.get(store)) else {
        return Err(Fatal("a meter is of another type".to_owned()));
    };
    Ok(Ran { answer, gas, stack })
}

fn classify(error: &RuntimeError) -> Result<Answer, Fatal> {
    if error.is::<Escape>() {
        return Ok(Answer::Escaped);
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
        ) => Ok(Answer::Trapped),
        Some(TrapCode::StackOverflow) => {
            Err(Fatal("a contract overflowed the native stack below its metered depth".to_owned()))
        }
        _ => Err(Fatal(format!("a contract ended in an unknown way: {error}"))),
    }
}
