//! A contract's code, ready to run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use abi::Abi;
use primitives::{Gas, Hash};

use crate::cost;
use crate::engine::{Engine, Fatal, Program};
use crate::instrument::{Exports, instrument};

/// What a call of a contract with this code costs before its first instruction. `None` where
/// [`crate::check_code`] would refuse the code.
pub fn entry_gas(code: &[u8]) -> Option<Gas> {
    crate::check_code(code).ok()?;
    Some(Gas(cost::CALL.saturating_add(instrument(code, Exports::Interface).ok()?.instance_gas)))
}

/// Compiled code of a contract, with what the host needs to know of it.
pub(crate) struct ContractModule {
    pub(crate) abi: Abi,
    pub(crate) program: Box<dyn Program>,
    /// What making an instance costs beside [`crate::cost::CALL`].
    pub(crate) instance_gas: u64,
    /// Bytes it takes in memory, roughly.
    pub(crate) size: usize,
}

impl ContractModule {
    /// Instruments and compiles a module that [`crate::check_code`] accepted. A compiler that fails
    /// on it is no failure here: the module is interpreted then, and means the same. What is left
    /// is a bug or a lack of memory on this machine, and neither may become a result of the chain.
    pub(crate) fn compile(engine: &dyn Engine, hash: &Hash, code: &[u8]) -> Result<Self, Fatal> {
        let compiled = catch_unwind(AssertUnwindSafe(|| Self::try_compile(engine, hash, code)));
        compiled.unwrap_or_else(|_| Err(Fatal("the compiler panicked".to_owned())))
    }

    fn try_compile(engine: &dyn Engine, hash: &Hash, code: &[u8]) -> Result<Self, Fatal> {
        let abi = Abi::from_module(code).map_err(|error| Fatal(error.to_string()))?;
        let instrumented =
            instrument(code, Exports::Interface).map_err(|error| Fatal(error.to_string()))?;
        let program = engine.compile(hash, &instrumented.wasm)?;
        let size = code.len() + program.size();
        Ok(Self { abi, program, instance_gas: instrumented.instance_gas, size })
    }
}
