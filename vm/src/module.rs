//! A contract's code, ready to run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use abi::Abi;
use borsh::{BorshDeserialize, BorshSerialize};
use primitives::state_key::CodeInfo;
use primitives::{Domain, Gas, Hash, StateKey, codec};

use crate::cost;
use crate::engine::{Artifacts, Engine, Fatal, Made, Program, artifacts};
use crate::fetch::fetch_gas;
use crate::instrument::{Exports, instrument};

/// What a call of a contract with this code costs before its first instruction. `None` where
/// [`crate::check_code`] would refuse the code.
pub fn entry_gas(code: &[u8]) -> Option<Gas> {
    crate::check_code(code).ok()?;
    let instance = instrument(code, Exports::Interface).ok()?.instance_gas;
    Some(Gas(cost::CALL.saturating_add(instance).saturating_add(fetch_gas(code).0)))
}

/// What stands in the state for code that [`crate::check_code`] accepts, with the code's hash.
pub fn code_changes(code: Vec<u8>) -> (Hash, [(StateKey, Vec<u8>); 2]) {
    let hash = Hash::of_bytes(Domain::Code, &code);
    let bytes = u32::try_from(code.len()).unwrap_or(u32::MAX);
    let info = codec::encode(&CodeInfo { bytes, fetch_gas: fetch_gas(&code) });
    (hash, [(StateKey::code_info(&hash), info), (StateKey::code(&hash), code)])
}

/// What the host needs to know of a contract's code.
#[derive(BorshSerialize, BorshDeserialize)]
pub(crate) struct Facts {
    pub(crate) abi: Abi,
    /// What making an instance costs beside [`crate::cost::CALL`].
    pub(crate) instance_gas: u64,
    /// What a transaction pays that calls it: as in [`CodeInfo`], for whom it is at hand.
    pub(crate) fetch_gas: Gas,
}

/// Compiled code of a contract.
pub(crate) struct ContractModule {
    pub(crate) facts: Facts,
    pub(crate) program: Box<dyn Program>,
}

impl ContractModule {
    /// What was kept of a module, if it is there and whole.
    pub(crate) fn kept(engine: &dyn Engine, kept: &dyn Artifacts, code: &Hash) -> Option<Self> {
        let sealed = kept.load(&artifacts::name(code))?;
        let mut rest = artifacts::open(&sealed)?;
        let facts = Facts::deserialize(&mut rest).ok()?;
        let program = catch_unwind(AssertUnwindSafe(|| engine.open(rest))).ok()??;
        Some(Self { facts, program })
    }

    /// Instruments and compiles a module that [`crate::check_code`] accepted, and keeps it. A
    /// compiler that fails on it is no failure here: the module is interpreted then, and means the
    /// same. What is left is a bug or a lack of memory on this machine, and neither may become a
    /// result of the chain.
    pub(crate) fn compile(
        engine: &dyn Engine,
        kept: Option<&dyn Artifacts>,
        hash: &Hash,
        code: &[u8],
    ) -> Result<Self, Fatal> {
        let compile = || Self::try_compile(engine, kept, hash, code);
        let compiled = catch_unwind(AssertUnwindSafe(compile));
        compiled.unwrap_or_else(|_| Err(Fatal("the compiler panicked".to_owned())))
    }

    fn try_compile(
        engine: &dyn Engine,
        kept: Option<&dyn Artifacts>,
        hash: &Hash,
        code: &[u8],
    ) -> Result<Self, Fatal> {
        let abi = Abi::from_module(code).map_err(|error| Fatal(error.to_string()))?;
        let instrumented =
            instrument(code, Exports::Interface).map_err(|error| Fatal(error.to_string()))?;
        let Made { program, artifact } = engine.compile(hash, &instrumented.wasm)?;
        let facts =
            Facts { abi, instance_gas: instrumented.instance_gas, fetch_gas: fetch_gas(code) };
        if let (Some(kept), Some(artifact)) = (kept, artifact) {
            let whole = [codec::encode(&facts), artifact].concat();
            kept.keep(&artifacts::name(hash), &artifacts::seal(&whole));
        }
        Ok(Self { facts, program })
    }
}
