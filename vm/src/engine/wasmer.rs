//! wasmer with Cranelift, set up so that nothing of it shows in a result.

#![allow(unsafe_code)]

use std::sync::Arc;

use primitives::Hash;
use wasmer::{ExportError, FunctionEnv, Instance, Module, RuntimeError, Store, Value};
use wasmer_types::TrapCode;

use super::artifacts::{self, Artifacts};
use super::compiler::{self, CompileError, Compiler, InProcess, Optimisation};
use super::imports::Env;
use super::interpreter::Interpreter;
use super::memory::Pool;
use super::stores::Prepared;
use super::{Answer, Engine, Escape, Fatal, Program, Ran, Run};
use crate::host::HostCalls;
use crate::instrument::{GAS_EXPORT, STACK_EXPORT};

/// The engine of the product.
#[derive(Debug)]
pub struct Wasmer {
    memories: Arc<Pool>,
    artifacts: Option<Arc<dyn Artifacts>>,
    compiler: Arc<dyn Compiler>,
    optimisation: Optimisation,
}

impl Default for Wasmer {
    /// One that compiles in this process, and keeps nothing of it.
    fn default() -> Self {
        Self::with_optimisation(Optimisation::default())
    }
}

impl Engine for Wasmer {
    fn compile(&self, code: &Hash, wasm: &[u8]) -> Result<Box<dyn Program>, Fatal> {
        // One engine for each module: an engine never gives back the memory of code it holds.
        let engine = self.engine();
        let (module, size) = match self.kept(&engine, wasm) {
            Some(kept) => kept,
            None => match self.compile_and_keep(&engine, code, wasm) {
                Ok(compiled) => compiled,
                Err(CompileError::Module(_)) => return Interpreter.compile(code, wasm),
                Err(CompileError::Machine(_)) => {
                    return Ok(Box::new(Makeshift(Interpreter.compile(code, wasm)?)));
                }
                Err(error @ CompileError::Fault(_)) => return Err(Fatal(error.to_string())),
            },
        };
        let imports = module.imports().map(|import| import.name().to_owned()).collect();
        let prepared = Prepared::new(engine, imports);
        Ok(Box::new(Compiled { module, prepared, size }))
    }
}

impl Wasmer {
    /// One that looks among kept artifacts before it lets a compiler make them.
    pub(crate) fn new(artifacts: Option<Arc<dyn Artifacts>>, compiler: Arc<dyn Compiler>) -> Self {
        let optimisation = Optimisation::default();
        Self { memories: Arc::default(), artifacts, compiler, optimisation }
    }

    /// One that compiles in another way, and keeps nothing of it.
    pub fn with_optimisation(optimisation: Optimisation) -> Self {
        Self { optimisation, ..Self::new(None, Arc::new(InProcess { optimisation })) }
    }

    /// What was compiled before, if it is there and whole, with its size in bytes.
    fn kept(&self, engine: &wasmer::Engine, wasm: &[u8]) -> Option<(Module, usize)> {
        open(engine, &self.artifacts.as_ref()?.load(&artifacts::name(wasm))?)
    }

    fn compile_and_keep(
        &self,
        engine: &wasmer::Engine,
        code: &Hash,
        wasm: &[u8],
    ) -> Result<(Module, usize), CompileError> {
        let sealed = self.compiler.compile(code, wasm)?;
        let broken = || CompileError::Module("what the compiler gave is not whole".to_owned());
        let module = open(engine, &sealed).ok_or_else(broken)?;
        if let Some(artifacts) = &self.artifacts {
            artifacts.keep(&artifacts::name(wasm), &sealed);
        }
        Ok(module)
    }

    /// The engine of wasmer with the settings under which contracts run, for one module.
    pub fn engine(&self) -> wasmer::Engine {
        compiler::engine(self.optimisation, Arc::clone(&self.memories))
    }
}

/// The module of a sealed artifact, with its size in bytes.
fn open(engine: &wasmer::Engine, sealed: &[u8]) -> Option<(Module, usize)> {
    let artifact = artifacts::open(sealed)?;
    // SAFETY: wasmer checks nothing here. The checksum says that it is what the compiler made, and
    // that was made of this module, for this processor, by this version of the compiler: its name
    // says so when it was kept, and who asked for it when it is new.
    let module = unsafe { Module::deserialize(engine, artifact) }.ok()?;
    Some((module, artifact.len()))
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

struct Compiled {
    module: Module,
    prepared: Prepared,
    size: usize,
}

impl Program for Compiled {
    fn run(&self, run: Run<'_>, calls: &mut HostCalls<'_, '_>) -> Result<Ran, Fatal> {
        self.prepared.with_store(calls, |store, imports, env| {
            let instance = Instance::new_by_index(store, &self.module, imports)
                .map_err(|error| Fatal(format!("an instance cannot be made: {error}")))?;
            run_instance(store, &instance, env, run)
        })
    }

    fn size(&self) -> usize {
        self.size
    }
}

/// Runs an entry of a fresh instance, whose memory is gone afterwards.
fn run_instance(
    store: &mut Store,
    instance: &Instance,
    env: &FunctionEnv<Env>,
    run: Run<'_>,
) -> Result<Ran, Fatal> {
    let missing = |error: ExportError| Fatal(format!("an export is missing: {error}"));
    let memory = instance.exports.get_memory("memory").map_err(missing)?.clone();
    let gas = instance.exports.get_global(GAS_EXPORT).map_err(missing)?.clone();
    let stack = instance.exports.get_global(STACK_EXPORT).map_err(missing)?.clone();
    let unset = |error: RuntimeError| Fatal(format!("a global cannot be set: {error}"));
    gas.set(store, Value::I64(run.gas)).map_err(unset)?;
    stack.set(store, Value::I32(run.stack)).map_err(unset)?;
    env.as_mut(store).begin(memory.clone(), gas.clone());
    let function =
        instance.exports.get_typed_function::<i32, i32>(store, run.entry).map_err(missing)?;
    let answer = match function.call(store, run.argument) {
        Ok(answer) => Answer::Returned(answer),
        Err(error) => classify(error)?,
    };
    let (Value::I64(gas), Value::I32(stack)) = (gas.get(store), stack.get(store)) else {
        return Err(Fatal("a meter is of another type".to_owned()));
    };
    memory
        .reset(store)
        .map_err(|error| Fatal(format!("a memory cannot be given back: {error}")))?;
    Ok(Ran { answer, gas, stack })
}

fn classify(error: RuntimeError) -> Result<Answer, Fatal> {
    let error = match error.downcast::<Escape>() {
        Ok(Escape) => return Ok(Answer::Escaped),
        Err(error) => error,
    };
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
