//! What may be uploaded.
//!
//! Two judges look at every part of a module: first these rules, which know the caps and the
//! accepted features and can name what they refuse; then wasmparser's validator, with the same
//! features, for all that makes a module valid WebAssembly. A module that passes both compiles; if
//! it does not, the node is at fault, not the module.

mod function;
mod refusal;
mod sections;

use abi::{Abi, MethodKind};
use primitives::Gas;
use wasmparser::{
    FuncValidatorAllocations, Parser, Payload, ValidPayload, Validator, WasmFeatures,
};

use function::{FunctionRules, validate_body};
pub use refusal::{Reason, Refusal};
use sections::SectionRules;

/// Checks a module and answers with the ABI it carries: the rule of the upload, for whoever wants
/// to know beforehand.
pub fn check_code(code: &[u8]) -> Result<Abi, Refusal> {
    Ok(check(code)?.abi)
}

/// What an upload of this code costs beyond [`crate::intrinsic_gas`]: the work of its compiler.
/// `None` where [`check_code`] would refuse the code.
pub fn compile_gas(code: &[u8]) -> Option<Gas> {
    Some(Gas(check(code).ok()?.compile_gas))
}

/// A module that may be uploaded.
pub(crate) struct Checked {
    pub(crate) abi: Abi,
    pub(crate) compile_gas: u64,
}

pub(crate) fn check(code: &[u8]) -> Result<Checked, Refusal> {
    if code.len() > primitives::limits::CODE_BYTES_MAX {
        return Err(Reason::TooLong(code.len()).into());
    }
    let (sections, compile_gas) = check_module(code)?;
    let abi = Abi::from_module(code).map_err(Reason::Abi)?;
    sections.check_exports(|kind: MethodKind| abi.methods.iter().any(|m| m.kind == kind))?;
    Ok(Checked { abi, compile_gas })
}

/// The features of a contract. `FLOATS` stands for their presence in code; executing them costs all
/// gas.
fn features() -> WasmFeatures {
    WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::CALL_INDIRECT_OVERLONG
        | WasmFeatures::FLOATS
        | WasmFeatures::GC_TYPES
}

/// Answers with what the sections say, and with the gas of compiling.
fn check_module(code: &[u8]) -> Result<(SectionRules<'_>, u64), Refusal> {
    let mut sections = SectionRules::default();
    let mut functions = FunctionRules::new(code);
    let mut validator = Validator::new_with_features(features());
    let mut allocations = FuncValidatorAllocations::default();
    let mut compile_gas = 0_u64;
    for payload in Parser::new(0).parse_all(code) {
        let payload = payload.map_err(|error| Refusal::malformed(&error))?;
        sections.check(&payload).map_err(|refusal| refusal.at(sections::start_of(&payload)))?;
        if let Payload::CodeSectionEntry(body) = &payload {
            functions.check(sections.imported_functions, body)?;
        }
        let valid = validator.payload(&payload);
        let valid = valid.map_err(|error| {
            let place = sections::name_of(&payload).to_owned();
            Refusal::from(Reason::Invalid(place)).at(error.offset())
        })?;
        if let ValidPayload::Func(function, body) = valid {
            let index = function.index;
            let mut judge = function.into_validator(allocations);
            let gas = validate_body(&mut judge, &body).map_err(|error| {
                Refusal::from(Reason::Invalid(functions.place(index))).at(error.offset())
            })?;
            compile_gas = compile_gas.saturating_add(gas);
            allocations = judge.into_allocations();
        }
    }
    Ok((sections, compile_gas.saturating_add(functions.compile_gas())))
}

/// Refuses what exceeds a cap.
fn at_most(
    place: impl FnOnce() -> String,
    what: &'static str,
    got: impl TryInto<u64>,
    max: impl TryInto<u64>,
) -> Result<(), Refusal> {
    let got = got.try_into().unwrap_or(u64::MAX);
    let max = max.try_into().unwrap_or(u64::MAX);
    if got > max {
        return Err(Reason::Limit { place: place(), what, got, max }.into());
    }
    Ok(())
}

/// A name of the module in a message: cut to what a reader can use.
fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}
