//! Compiling contracts: wasmer with Cranelift, set up so that nothing of it shows in a result.

use std::panic::{AssertUnwindSafe, catch_unwind};

use abi::Abi;
use wasmer::sys::{Cranelift, EngineBuilder, Features, NativeEngineExt};
use wasmer::{Engine, Module};

use crate::instrument::instrument;
use crate::memory::ContractTunables;
use crate::trap::Fatal;

/// Native stack of one call into a contract. Metering stops a call at [`crate::cost::STACK_WORDS`]
/// (2¹⁸), so there are 128 bytes for each metered word, and one word stands for each value that a
/// function could keep alive, of 8 bytes each. Only pages that are used take memory.
pub(crate) const STACK_BYTES: usize = 32 << 20;

/// Native bytes a compiled module takes, for each byte of its instrumented code: an estimate that
/// the cache counts with.
const NATIVE_BYTES_PER_BYTE: usize = 8;

/// Compiled code of a contract, with what the host needs to know of it.
pub(crate) struct ContractModule {
    pub(crate) abi: Abi,
    /// One engine for each module: an engine never gives back the memory of code it has compiled.
    pub(crate) engine: Engine,
    pub(crate) module: Module,
    /// The host functions it imports, in the order of its import section.
    pub(crate) imports: Vec<String>,
    /// What making an instance costs beside [`crate::cost::CALL`].
    pub(crate) instance_gas: u64,
    /// Bytes it takes in memory, roughly.
    pub(crate) size: usize,
}

impl ContractModule {
    /// Instruments and compiles a module that [`crate::check_code`] accepted. It cannot fail but
    /// for a bug or a lack of memory on this machine, and neither may become a result of the chain.
    pub(crate) fn compile(code: &[u8]) -> Result<Self, Fatal> {
        let compiled = catch_unwind(AssertUnwindSafe(|| Self::try_compile(code)));
        compiled.unwrap_or_else(|_| Err(Fatal("the compiler panicked".to_owned())))
    }

    fn try_compile(code: &[u8]) -> Result<Self, Fatal> {
        let abi = Abi::from_module(code).map_err(|error| Fatal(error.to_string()))?;
        let instrumented = instrument(code).map_err(|error| Fatal(error.to_string()))?;
        let engine = engine();
        let module = Module::new(&engine, &instrumented.wasm)
            .map_err(|error| Fatal(format!("a validated module does not compile: {error}")))?;
        let imports = module.imports().map(|import| import.name().to_owned()).collect();
        let size = code.len() + instrumented.wasm.len().saturating_mul(NATIVE_BYTES_PER_BYTE);
        Ok(Self { abi, engine, module, imports, instance_gas: instrumented.instance_gas, size })
    }
}

fn engine() -> Engine {
    let mut compiler = Cranelift::new();
    compiler.canonicalize_nans(true);
    let mut features = Features::none();
    features.bulk_memory(true);
    let mut engine: Engine = EngineBuilder::new(compiler).set_features(Some(features)).into();
    engine.set_tunables(ContractTunables::new(STACK_BYTES));
    engine
}
