//! wasmer with Cranelift, set up so that nothing of it shows in a result.

#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::Arc;

use primitives::Hash;
use wasmer::sys::{Cranelift, CraneliftOptLevel, EngineBuilder, Features, NativeEngineExt};
use wasmer::{
    Extern, Function, FunctionEnv, FunctionEnvMut, Global, Instance, Memory, Module, RuntimeError,
    Store, StoreMut, Value,
};
use wasmer_types::TrapCode;

use super::artifacts::{self, Artifacts};
use super::memory::{ContractTunables, Pool};
use super::{Answer, Engine, Escape, Fatal, Guest, OutOfBounds, Program, Ran, Run};
use crate::host::{self, Host, HostCalls, host_functions};
use crate::instrument::{GAS_EXPORT, STACK_EXPORT};
use crate::trap::Stop;

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
        Ok(Box::new(Compiled { engine, module, imports, size }))
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
    engine: wasmer::Engine,
    module: Module,
    /// The host functions it imports, in the order of its import section.
    imports: Vec<String>,
    size: usize,
}

impl Program for Compiled {
    fn run(&self, run: Run<'_>, calls: &mut HostCalls<'_, '_>) -> Result<Ran, Fatal> {
        let mut store = Store::new(self.engine.clone());
        // SAFETY: the store is dropped at the end of this function, which has the host to itself
        // meanwhile.
        let env = FunctionEnv::new(&mut store, unsafe { Env::new(calls) });
        let instance = self.instantiate(&mut store, &env)?;
        let missing = |error: wasmer::ExportError| Fatal(format!("an export is missing: {error}"));
        let memory = instance.exports.get_memory("memory").map_err(missing)?.clone();
        let gas = instance.exports.get_global(GAS_EXPORT).map_err(missing)?.clone();
        let stack = instance.exports.get_global(STACK_EXPORT).map_err(missing)?.clone();
        let unset = |error: RuntimeError| Fatal(format!("a global cannot be set: {error}"));
        gas.set(&mut store, Value::I64(run.gas)).map_err(unset)?;
        stack.set(&mut store, Value::I32(run.stack)).map_err(unset)?;
        env.as_mut(&mut store).handles = Some(Handles { memory, gas: gas.clone() });
        let function =
            instance.exports.get_typed_function::<i32, i32>(&store, run.entry).map_err(missing)?;
        let answer = match function.call(&mut store, run.argument) {
            Ok(answer) => Answer::Returned(answer),
            Err(error) => classify(error)?,
        };
        let (Value::I64(gas), Value::I32(stack)) = (gas.get(&mut store), stack.get(&mut store))
        else {
            return Err(Fatal("a meter is of another type".to_owned()));
        };
        Ok(Ran { answer, gas, stack })
    }

    fn size(&self) -> usize {
        self.size
    }
}

impl Compiled {
    fn instantiate(&self, store: &mut Store, env: &FunctionEnv<Env>) -> Result<Instance, Fatal> {
        let mut imports: Vec<Extern> = Vec::with_capacity(self.imports.len());
        for name in &self.imports {
            let unknown = || Fatal(format!("a validated module imports the unknown {name}"));
            imports.push(import(name, store, env).ok_or_else(unknown)?.into());
        }
        Instance::new_by_index(store, &self.module, &imports)
            .map_err(|error| Fatal(format!("an instance cannot be made: {error}")))
    }
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

/// What the host needs of the instance; known once it is made.
#[derive(Clone, Debug)]
struct Handles {
    memory: Memory,
    gas: Global,
}

/// The data that wasmer hands to host functions.
struct Env {
    calls: CallsPointer,
    handles: Option<Handles>,
}

/// A borrow of the host for as long as one run lasts. wasmer wants its environments without
/// lifetimes.
struct CallsPointer(NonNull<HostCalls<'static, 'static>>);

// SAFETY: wasmer asks for `Send` of every environment, but the store that holds this one is made,
// used and dropped within one run on one thread.
unsafe impl Send for CallsPointer {}

impl Env {
    /// # Safety
    ///
    /// The host must outlive the store that holds the environment, and nobody else may use it while
    /// a host function of that store runs.
    unsafe fn new(calls: &mut HostCalls<'_, '_>) -> Self {
        Self { calls: CallsPointer(NonNull::from(calls).cast()), handles: None }
    }
}

/// Runs a host function for an instance.
fn enter<R>(
    mut env: FunctionEnvMut<'_, Env>,
    body: impl FnOnce(&mut Host<'_, 'static>) -> Result<R, Stop>,
) -> Result<R, Escape> {
    let (env, store) = env.data_and_store_mut();
    // Only a start function could run before, and such modules are refused.
    let Some(handles) = &env.handles else { return Err(Escape) };
    let mut guest = Running { handles, store };
    // SAFETY: `Env::new`'s caller keeps the host alive and leaves it alone while the contract runs,
    // and a contract runs one host function at a time: a nested run has an environment of its own,
    // made from a reborrow of what this reference leads to.
    unsafe { env.calls.0.as_mut() }.enter(&mut guest, body)
}

/// An instance while it waits for a host function.
struct Running<'a> {
    handles: &'a Handles,
    store: StoreMut<'a>,
}

impl Guest for Running<'_> {
    fn gas(&mut self) -> i64 {
        match self.handles.gas.get(&mut self.store) {
            Value::I64(gas) => gas,
            other => panic!("the gas left is {other:?}"),
        }
    }

    fn set_gas(&mut self, gas: i64) {
        if let Err(error) = self.handles.gas.set(&mut self.store, Value::I64(gas)) {
            panic!("the gas left cannot be set: {error}");
        }
    }

    fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), OutOfBounds> {
        let read = self.handles.memory.view(&self.store).read(u64::from(at), into);
        read.map_err(|_| OutOfBounds)
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let written = self.handles.memory.view(&self.store).write(u64::from(at), bytes);
        written.map_err(|_| OutOfBounds)
    }
}

macro_rules! imports {
    ($($file:ident::$name:ident($($parameter:ident: $ty:ident),*) $(-> $result:ident)?;)*) => {
        /// The host function with this name, for one instance.
        fn import(name: &str, store: &mut Store, env: &FunctionEnv<Env>) -> Option<Function> {
            Some(match name {
                $(
                    stringify!($name) => Function::new_typed_with_env(
                        store,
                        env,
                        |env: FunctionEnvMut<'_, Env>, $($parameter: $ty),*| {
                            enter(env, |host| host::$file::$name(host, $($parameter),*))
                        },
                    ),
                )*
                _ => return None,
            })
        }
    };
}
host_functions!(imports);
