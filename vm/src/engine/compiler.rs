//! Whoever turns a module with its meters into machine code.
//!
//! A compiler is large, and it meets modules that somebody wrote to hurt it: it may take long, want
//! much memory, panic or abort where our checks foresaw nothing. So the node lets another process
//! do it, and knows here only what comes back: an artifact, sealed, or the reason why there is
//! none. That never shows in a result, since the interpreter runs what has not been compiled.

use std::fmt::Debug;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use primitives::Hash;
use thiserror::Error;
use wasmer::Module;
use wasmer::sys::{Cranelift, CraneliftOptLevel, EngineBuilder, Features, NativeEngineExt};

use super::artifacts;
use super::memory::{ContractTunables, Pool};

/// Native stack of one call into a contract. Metering stops a call at [`crate::cost::STACK_WORDS`]
/// (2¹⁸), so there are 128 bytes for each metered word, and one word stands for each value that a
/// function could keep alive, of 8 bytes each. Only pages that are used take memory.
const STACK_BYTES: usize = 32 << 20;
/// Threads that compile one module. More would take memory of their own on machines of many cores,
/// and what bounds a compilation must bound it everywhere.
pub const COMPILER_THREADS_MAX: usize = 4;

/// Makes artifacts; the node's affair, like where it keeps them.
pub trait Compiler: Debug + Send + Sync {
    /// What [`InProcess`] makes of a module with its meters, wherever it was made. `code` is the
    /// hash of what was uploaded, for who tells of it.
    fn compile(&self, code: &Hash, wasm: &[u8]) -> Result<Vec<u8>, CompileError>;
}

/// Why there is no artifact.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CompileError {
    /// The compiler did not manage this module within its bounds. The module is interpreted for as
    /// long as the process runs.
    #[error("the compiler fails on a contract: {0}")]
    Module(String),
    /// The compiler could not be asked, which says nothing of the module. It is interpreted, and
    /// the next call asks again.
    ///
    /// Neither of the other ways is taken: to stop would let a machine that is short of processes
    /// for a moment lose its node, and to compile in this process would give up, in the very
    /// moment in which somebody has used up the machine, what the other process is for.
    #[error("the compiler cannot be asked: {0}")]
    Machine(String),
    /// Nothing shall be run in the compiler's place: see [`InProcess`].
    #[error("a validated module does not compile: {0}")]
    Fault(String),
}

/// Compiles in the process that asks, on at most [`COMPILER_THREADS_MAX`] threads: what the node's
/// compiling process does, and what tests and tools do by themselves. A module that it does not
/// manage is a fault to be seen, so that nobody takes the interpreter's word for the compiler's.
#[derive(Clone, Copy, Debug, Default)]
pub struct InProcess {
    pub optimisation: Optimisation,
}

/// How hard the compiler tries. It must not show in a result, which tests hold against each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Optimisation {
    /// What the product does.
    #[default]
    Speed,
    None,
}

impl Compiler for InProcess {
    fn compile(&self, _code: &Hash, wasm: &[u8]) -> Result<Vec<u8>, CompileError> {
        let engine = engine(self.optimisation, Arc::default());
        let compile = || -> Result<Vec<u8>, String> {
            let module = Module::new(&engine, wasm).map_err(|error| error.to_string())?;
            let artifact = module.serialize().map_err(|error| error.to_string())?;
            Ok(artifacts::seal(&artifact))
        };
        catch_unwind(AssertUnwindSafe(compile))
            .unwrap_or_else(|_| Err("the compiler panicked".to_owned()))
            .map_err(CompileError::Fault)
    }
}

/// The engine of wasmer with the settings under which contracts are compiled and run, for one
/// module: an engine never gives back the memory of code that it holds.
pub(super) fn engine(optimisation: Optimisation, memories: Arc<Pool>) -> wasmer::Engine {
    let mut compiler = Cranelift::new();
    compiler.canonicalize_nans(true);
    compiler.opt_level(match optimisation {
        Optimisation::Speed => CraneliftOptLevel::Speed,
        Optimisation::None => CraneliftOptLevel::None,
    });
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    if let Some(threads) = NonZero::new(cores.min(COMPILER_THREADS_MAX)) {
        compiler.num_threads(threads);
    }
    let mut features = Features::none();
    features.bulk_memory(true);
    let mut engine: wasmer::Engine =
        EngineBuilder::new(compiler).set_features(Some(features)).into();
    engine.set_tunables(ContractTunables::new(STACK_BYTES, memories));
    engine
}

/// The same without a compiler, for one module that is compiled already: made in much less time.
pub(super) fn headless(memories: Arc<Pool>) -> wasmer::Engine {
    let mut engine: wasmer::Engine = EngineBuilder::headless().into();
    engine.set_tunables(ContractTunables::new(STACK_BYTES, memories));
    engine
}
