//! wasmer with Cranelift, set up so that nothing of it shows in a result.

#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::Arc;

use primitives::Hash;
use wasmer::{
    Extern, Function, FunctionEnv, FunctionEnvMut, Global, Instance, Memory, Module, RuntimeError,
    Store, StoreMut, Value,
};
use wasmer_types::TrapCode;

use super::artifacts::{self, Artifacts};
use super::compiler::{self, CompileError, Compiler, InProcess, Optimisation};
use super::interpreter::Interpreter;
use super::memory::Pool;
use super::{Answer, Engine, Escape, Fatal, Guest, OutOfBounds, Program, Ran, Run};
use crate::host::{self, Host, HostCalls, host_functions};
use crate::instrument::{GAS_EXPORT, STACK_EXPORT};
use crate::trap::Stop;

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
        Ok(Box::new(Compiled { engine, module, imports, size }))
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
