//! What runs contracts: one small trait, so that tests can hold another engine against ours.
//!
//! The engine gets modules in which gas and stack depth are metered already, and a way to the host.
//! It makes instances, moves numbers and bytes, and tells how a run ended. Everything that a result
//! depends on is decided outside of it.
//!
//! The product's engine is [`Wasmer`]. It lets a [`Compiler`] make machine code of a module, and has
//! what that does not manage run by the [`Interpreter`], which answers the same in more time: so no
//! module, however hostile to compilers, stops a node or splits it from the others.

pub(crate) mod artifacts;
mod compiler;
mod imports;
mod instances;
mod interpreter;
mod memory;
mod wasmer;

use primitives::Hash;
use thiserror::Error;

pub use artifacts::{Artifacts, environment};
pub use compiler::{COMPILER_THREADS_MAX, CompileError, Compiler, InProcess, Optimisation};
pub use interpreter::Interpreter;

pub use self::wasmer::Wasmer;
use crate::host::HostCalls;

/// This node cannot go on: something is wrong with it or its machine, not with the transaction. It
/// must stop before the others see a result that only it has.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Fatal(pub String);

/// Something that runs contracts.
pub trait Engine: Send + Sync {
    /// Makes a module ready to run. `code` is the hash of what was uploaded, `wasm` that module
    /// with its meters. It passed validation, so that a refusal is a fault of the engine, or of the
    /// machine it is on.
    fn compile(&self, code: &Hash, wasm: &[u8]) -> Result<Made, Fatal>;

    /// Makes a module ready of what [`Made::artifact`] was, byte by byte, on this machine; `None`
    /// when it is of no use to this engine.
    fn open(&self, _artifact: &[u8]) -> Option<Box<dyn Program>> {
        None
    }
}

/// A module made ready.
#[expect(missing_debug_implementations, reason = "a program has none")]
pub struct Made {
    pub program: Box<dyn Program>,
    /// What the same is made of again in much less time; `None` when there is nothing such.
    pub artifact: Option<Vec<u8>>,
}

/// A module that an engine has made ready.
pub trait Program: Send + Sync {
    /// Runs an exported function of type i32 → i32 in an instance as it is made. `Err` when the engine did
    /// not do its duty.
    fn run(&self, run: Run<'_>, calls: &mut HostCalls<'_, '_>) -> Result<Ran, Fatal>;

    /// Bytes it takes in memory, roughly.
    fn size(&self) -> usize;

    /// Whether it is run only because a better one could not be had just now.
    fn is_makeshift(&self) -> bool {
        false
    }
}

/// What is to run.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The export's name.
    pub entry: &'a str,
    pub argument: i32,
    /// What the global [`crate::instrument::GAS_EXPORT`] begins with.
    pub gas: i64,
    /// What the global [`crate::instrument::STACK_EXPORT`] begins with.
    pub stack: i32,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ran {
    pub answer: Answer,
    /// What the meters showed at the end.
    pub gas: i64,
    pub stack: i32,
}

/// What a run answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The function returned this.
    Returned(i32),
    /// A host function answered with [`Escape`].
    Escaped,
    /// An operator could not go on.
    Trapped,
}

/// Carries through an engine that the host has ended the call; the reason stays with the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the host ended the call")]
pub struct Escape;

/// A running contract, as host functions see it.
pub trait Guest {
    /// What the global [`crate::instrument::GAS_EXPORT`] shows.
    fn gas(&mut self) -> i64;
    fn set_gas(&mut self, gas: i64);
    /// Copies from the memory, from `at` on.
    fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), OutOfBounds>;
    /// Copies into the memory, from `at` on.
    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), OutOfBounds>;
}

/// Not all of the bytes lie in the contract's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("outside of the memory")]
pub struct OutOfBounds;
