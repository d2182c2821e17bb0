//! Gas and stack depth, written into the module itself, WebAssembly to WebAssembly, so that both
//! mean the same for every compiler on every machine.
//!
//! Two mutable globals are added and exported, gas left ([`GAS_EXPORT`], i64) and stack words left
//! ([`STACK_EXPORT`], i32); the host sets both before it enters. Code that would take one below
//! zero has done so and stops at `unreachable`: the negative global says why. Two functions are
//! added that charge for what is known only when it happens: bytes touched by bulk memory, and
//! pages grown. Nothing that exists is renumbered: everything new stands behind the last of its
//! kind.
//!
//! A block's gas is charged *before* its first operator runs. A block begins at the function's
//! entry, after each `loop`, `if`, `else` and `end`, and after each branch; so a block that is
//! entered runs to its end unless something in it traps, and no straight line of code runs unpaid.
//!
//! A function charges its frame on entry and gives it back on its only way out: its body becomes a
//! block, and `return` a branch to its end. A frame's words are its parameters, its locals and its
//! operators: whatever the optimiser keeps alive across a call, each value was made by one of them.
//! Functions that call nothing and are small charge nothing: one of them may stand on top of the
//! deepest metered frame.
//!
//! Custom sections are dropped, and exports that nobody enters: finding room for their names would
//! be most of what an instance costs. The memory's maximum is capped.

mod body;
mod sections;

use wasm_encoder::{BlockType, CodeSection, Function, InstructionSink};

use crate::cost;
use crate::host::{KINDS, entry};
use crate::limits::MEMORY_PAGES_MAX;
use body::Instrumenter;
use sections::Sections;

/// The exported global of gas left; negative once it ran out.
pub const GAS_EXPORT: &str = "quorate:gas";
/// The exported global of stack words left; negative once they were exhausted.
pub const STACK_EXPORT: &str = "quorate:stack";

/// What the exports of the module's own mutable globals begin with, before their index: so that an
/// instance can be made what it was at first.
const GLOBAL_EXPORT: &str = "quorate:global:";

/// A module ready to be compiled.
#[derive(Debug)]
pub struct Instrumented {
    pub wasm: Vec<u8>,
    /// What making an instance costs beside [`cost::CALL`].
    pub instance_gas: u64,
}

/// Which exports an instrumented module keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exports {
    /// Those of the host interface.
    Interface,
    /// All, for tests that enter a module by its own names.
    All,
}

impl Exports {
    fn has(self, name: &str) -> bool {
        self == Self::All || name == "memory" || KINDS.iter().any(|kind| name == entry(*kind))
    }
}

/// The module passed validation and yet cannot be rewritten: a bug of ours.
#[derive(Debug, thiserror::Error)]
#[error("a validated module cannot be instrumented: {0}")]
pub struct InstrumentError(String);

impl From<wasmparser::Error> for InstrumentError {
    fn from(error: wasmparser::Error) -> Self {
        Self(error.to_string())
    }
}

/// Rewrites a module that [`crate::check_code`] accepts. Neither an ABI nor the interface's exports
/// are needed here, so that tests can send modules this way that are no contracts.
pub fn instrument(code: &[u8], exports: Exports) -> Result<Instrumented, InstrumentError> {
    let sections = Sections::read(code)?;
    let instrumenter = Instrumenter::new(&sections);
    let mut bodies = CodeSection::new();
    for (body, ty) in sections.bodies.iter().zip(&sections.function_types) {
        bodies.raw(&instrumenter.body(body, *ty)?);
    }
    bodies.function(&charge_bytes(instrumenter.gas));
    bodies.function(&charge_pages(instrumenter.gas));
    let instance_gas = sections.instance_gas();
    Ok(Instrumented { wasm: sections.assemble(&bodies, exports), instance_gas })
}

/// Takes what is on the operand stack (i64) from the gas global, and stops when it does not
/// suffice.
fn charge(code: &mut InstructionSink<'_>, gas: u32) {
    // gas − cost = −(cost − gas): the cost lies on the stack already.
    code.global_get(gas).i64_sub().i64_const(-1).i64_mul().global_set(gas);
    stop_if_negative(code, gas);
}

/// Takes a known cost from the gas global, and stops when it does not suffice.
fn charge_constant(code: &mut InstructionSink<'_>, gas: u32, cost: u64) {
    // A sum that saturated has a float operator in it: nobody has that much gas.
    let Ok(cost) = i64::try_from(cost) else {
        code.i64_const(-1).global_set(gas).unreachable();
        return;
    };
    code.global_get(gas).i64_const(cost).i64_sub().global_set(gas);
    stop_if_negative(code, gas);
}

fn stop_if_negative(code: &mut InstructionSink<'_>, gas: u32) {
    code.global_get(gas).i64_const(0).i64_lt_s();
    code.if_(BlockType::Empty).unreachable().end();
}

/// (length: i32) → length: charges for the bytes that a bulk operator is about to touch.
fn charge_bytes(gas: u32) -> Function {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    code.local_get(0).i64_extend_i32_u();
    code.i64_const(cost::BULK_BYTE.cast_signed()).i64_mul();
    charge(&mut code, gas);
    code.local_get(0).end();
    function
}

/// (pages: i32) → pages: charges for the pages that `memory.grow` is about to add. More than a
/// memory may have cannot be added, and are free.
fn charge_pages(gas: u32) -> Function {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    code.local_get(0).i32_const(MEMORY_PAGES_MAX.cast_signed()).i32_le_u();
    code.if_(BlockType::Empty);
    // From s pages to s + d: d × PAGE + PAGE_RAMP × ((s + d)² − s²) = d × (PAGE + PAGE_RAMP × (2s +
    // d)).
    code.memory_size(0).i32_const(1).i32_shl().local_get(0).i32_add().i64_extend_i32_u();
    code.i64_const(cost::PAGE_RAMP.cast_signed()).i64_mul();
    code.i64_const(cost::PAGE.cast_signed()).i64_add();
    code.local_get(0).i64_extend_i32_u().i64_mul();
    charge(&mut code, gas);
    code.end().local_get(0).end();
    function
}
