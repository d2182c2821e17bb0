//! wasmer with Cranelift, set up so that nothing of it shows in a result.

#![allow(unsafe_code)]

use std::sync::Arc;

use primitives::Hash;
use wasmer::sys::{Cranelift, CraneliftOptLevel, EngineBuilder, Features, NativeEngineExt};
use wasmer::{ExportError, FunctionEnv, Instance, Module, RuntimeError, Store, Value};
use wasmer_types::TrapCode;

use super::artifacts::{self, Artifacts};
use super::imports::Env;
use super::memory::{ContractTunables, Pool};
use super::stores::Prepared;
use super::{Answer, Engine, Escape, Fatal, Program, Ran, Run};
use crate::host::HostCalls;
use crate::instrument::{GAS_EXPORT, STACK_EXPORT};

/// Native stack of one call into a contract. Metering stops a call at [`crate::cost::STACK_WORDS`]
/// (2¹⁸), so there are 128 bytes for each metered word, and one word stands for each value that a
/// function could keep alive, of 8 bytes each. Only pages that are used take memory.
pub(crate) const STACK_BYTES: usize = 32 << 20;

/// The engine of the product.
#[derive(Debug, Default)]
pub struct Wasmer {
    memories: Arc<Pool>,
    artifacts: Option<Arc<dyn Artifacts>>,
    optimisation: Optimisation,
}

/// How hard the compiler tries. It must not show in a result, which tests hold against each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Optimisation {
    /// What the product does.
    #[default]
    Speed,
    None,
}

impl Engine for Wasmer {
    fn compile(&self, _code: &Hash, wasm: &[u8]) -> Result<Box<dyn Program>, Fatal> {
        // One engine for each module: an engine never gives back the memory of code it has
        // compiled.
        let engine = self.engine();
        let (module, size) = match self.kept(&engine, wasm) {
            Some(kept) => kept,
            None => self.compile_and_keep(&engine, wasm)?,
        };
        let imports = module.imports().map(|import| import.name().to_owned()).collect();
        let prepared = Prepared::new(engine, imports);
        Ok(Box::new(Compiled { module, prepared, size }))
    }
}

impl Wasmer {
    /// One that looks among kept artifacts before it compiles.
    pub(crate) fn new(artifacts: Option<Arc<dyn Artifacts>>) -> Self {
        Self { artifacts, ..Self::default() }
    }

    /// One that compiles in another way, and keeps nothing of it.
    pub fn with_optimisation(optimisation: Optimisation) -> Self {
        Self { optimisation, ..Self::default() }
    }

    /// What was compiled before, if it is there and whole, with its size in bytes.
    fn kept(&self, engine: &wasmer::Engine, wasm: &[u8]) -> Option<(Module, usize)> {
        let sealed = self.artifacts.as_ref()?.load(&artifacts::name(wasm))?;
        let artifact = artifacts::open(&sealed)?;
        // SAFETY: its checksum says that it is what the compiler made, its name that it was made of
        // this module, for this processor, by this version of the compiler.
        let module = unsafe { Module::deserialize(engine, artifact) }.ok()?;
        Some((module, artifact.len()))
    }

    fn compile_and_keep(
        &self,
        engine: &wasmer::Engine,
        wasm: &[u8],
    ) -> Result<(Module, usize), Fatal> {
        let module = Module::new(engine, wasm)
            .map_err(|error| Fatal(format!("a validated module does not compile: {error}")))?;
        let artifact = module
            .serialize()
            .map_err(|error| Fatal(format!("a compiled module has no artifact: {error}")))?;
        if let Some(artifacts) = &self.artifacts {
            artifacts.keep(&artifacts::name(wasm), &artifacts::seal(&artifact));
        }
        Ok((module, artifact.len()))
    }

    /// The engine of wasmer with the settings under which contracts run, for one module.
    pub fn engine(&self) -> wasmer::Engine {
        let mut compiler = Cranelift::new();
        compiler.canonicalize_nans(true);
        compiler.opt_level(match self.optimisation {
            Optimisation::Speed => CraneliftOptLevel::Speed,
            Optimisation::None => CraneliftOptLevel::None,
        });
        let mut features = Features::none();
        features.bulk_memory(true);
        let mut engine: wasmer::Engine =
            EngineBuilder::new(compiler).set_features(Some(features)).into();
        engine.set_tunables(ContractTunables::new(STACK_BYTES, Arc::clone(&self.memories)));
        engine
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
