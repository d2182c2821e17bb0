//! The rules of one function's body.

use wasmparser::{
    BinaryReaderError, BlockType, FuncValidator, FunctionBody, KnownCustom, Name, Operator, Parser,
    Payload, ValType, WasmModuleResources,
};

use super::{Reason, Refusal, at_most, shown};
use crate::cost;
use crate::limits;
use crate::operators::{Class, classify, ends_block};

/// Checks bodies one after the other.
pub(super) struct FunctionRules<'a> {
    code: &'a [u8],
    checked: u32,
    locals_total: u64,
    blocks_total: u32,
    indirect_calls: u32,
}

impl<'a> FunctionRules<'a> {
    pub(super) fn new(code: &'a [u8]) -> Self {
        Self { code, checked: 0, locals_total: 0, blocks_total: 0, indirect_calls: 0 }
    }

    /// Gas of compiling what has a price of its own, in all bodies so far.
    pub(super) fn compile_gas(&self) -> u64 {
        let blocks = u64::from(self.blocks_total).saturating_mul(cost::UPLOAD_BLOCK);
        let calls = u64::from(self.indirect_calls).saturating_mul(cost::UPLOAD_CALL_INDIRECT);
        blocks.saturating_add(calls)
    }

    /// Checks the next body; `imported` functions stand before the module's own.
    pub(super) fn check(&mut self, imported: u32, body: &FunctionBody<'_>) -> Result<(), Refusal> {
        let index = imported.saturating_add(self.checked);
        self.checked = self.checked.saturating_add(1);
        self.check_body(index, body).map_err(|refusal| refusal.at(body.range().start))
    }

    fn check_body(&mut self, index: u32, body: &FunctionBody<'_>) -> Result<(), Refusal> {
        let place = || self.place(index);
        at_most(place, "bytes", body.as_bytes().len(), limits::BODY_BYTES_MAX)?;
        let locals = count_locals(body, &place)?;
        at_most(place, "local variables", locals, limits::LOCALS_MAX)?;
        let total = self.locals_total + locals;
        let all = || "code".to_owned();
        at_most(all, "local variables in all", total, limits::LOCALS_TOTAL_MAX)?;
        let seen = check_operators(body, &place)?;
        let blocks = self.blocks_total.saturating_add(seen.blocks);
        at_most(all, "branches in all", blocks, limits::BLOCKS_TOTAL_MAX)?;
        self.locals_total = total;
        self.blocks_total = blocks;
        self.indirect_calls = self.indirect_calls.saturating_add(seen.indirect_calls);
        Ok(())
    }

    /// How a message calls a function: by its index, and its name where the module tells it.
    pub(super) fn place(&self, index: u32) -> String {
        match self.name(index) {
            Some(name) => format!("function {index} ({})", shown(name)),
            None => format!("function {index}"),
        }
    }

    /// The function's name in the module's `name` section. Read only to refuse, so it may cost a
    /// pass.
    fn name(&self, index: u32) -> Option<&'a str> {
        for payload in Parser::new(0).parse_all(self.code) {
            let Payload::CustomSection(section) = payload.ok()? else { continue };
            let KnownCustom::Name(names) = section.as_known() else { continue };
            for names in names {
                let Name::Function(names) = names.ok()? else { continue };
                let named = names.into_iter().map_while(Result::ok);
                return named.into_iter().find(|entry| entry.index == index).map(|e| e.name);
            }
        }
        None
    }
}

fn count_locals(body: &FunctionBody<'_>, place: &impl Fn() -> String) -> Result<u64, Refusal> {
    let mut count = 0_u64;
    for group in body.get_locals_reader().map_err(|error| Refusal::malformed(&error))? {
        let (number, ty) = group.map_err(|error| Refusal::malformed(&error))?;
        check_type(ty, place)?;
        count = count.saturating_add(u64::from(number));
    }
    Ok(count)
}

/// Whether a body is valid WebAssembly. Answers with the gas of compiling it, without the parts that
/// [`FunctionRules`] counts.
pub(super) fn validate_body(
    judge: &mut FuncValidator<impl WasmModuleResources>,
    body: &FunctionBody<'_>,
) -> Result<u64, BinaryReaderError> {
    let mut reader = body.get_binary_reader();
    judge.read_locals(&mut reader)?;
    reader.set_features(*judge.features());
    // What waits on the operand stack a compiler must keep in registers or find a place for.
    let (mut operators, mut waiting) = (0_u64, 0_u64);
    while !reader.eof() {
        reader.visit_operator(&mut judge.visitor(reader.original_position()))??;
        operators += 1;
        waiting += u64::from(judge.operand_stack_height());
    }
    reader.finish_expression(&judge.visitor(reader.original_position()))?;
    Ok(cost::compile(operators, waiting))
}

fn check_operators(body: &FunctionBody<'_>, place: &impl Fn() -> String) -> Result<Seen, Refusal> {
    let mut seen = Seen::default();
    let operators = body.get_operators_reader().map_err(|error| Refusal::malformed(&error))?;
    for operator in operators.into_iter_with_offsets() {
        let (operator, offset) = operator.map_err(|error| Refusal::malformed(&error))?;
        seen.operator(&operator, place).map_err(|refusal| refusal.at(offset))?;
    }
    Ok(seen)
}

/// What of a body was seen so far.
#[derive(Default)]
struct Seen {
    nesting: u32,
    /// Metered blocks.
    blocks: u32,
    indirect_calls: u32,
}

impl Seen {
    fn operator(
        &mut self,
        operator: &Operator<'_>,
        place: &impl Fn() -> String,
    ) -> Result<(), Refusal> {
        if let Class::Refused(feature) = classify(operator) {
            return Err(Reason::Feature { place: place(), feature }.into());
        }
        self.blocks = self.blocks.saturating_add(u32::from(ends_block(operator)));
        at_most(place, "branches", self.blocks, limits::BLOCKS_MAX)?;
        match operator {
            Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => {
                match blockty {
                    BlockType::Empty => {}
                    BlockType::Type(ty) => check_type(*ty, place)?,
                    BlockType::FuncType(_) => {
                        let feature = "multi-value";
                        return Err(Reason::Feature { place: place(), feature }.into());
                    }
                }
                self.nesting = self.nesting.saturating_add(1);
                at_most(place, "blocks inside each other", self.nesting, limits::NESTING_MAX)?;
            }
            Operator::End => self.nesting = self.nesting.saturating_sub(1),
            Operator::CallIndirect { .. } => {
                self.indirect_calls = self.indirect_calls.saturating_add(1);
            }
            Operator::BrTable { targets } => {
                let max = limits::BR_TABLE_TARGETS_MAX;
                at_most(place, "targets in a br_table", targets.len(), max)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Refuses all types but the four numbers.
pub(super) fn check_type(ty: ValType, place: &impl Fn() -> String) -> Result<(), Refusal> {
    let feature = match ty {
        ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64 => return Ok(()),
        ValType::V128 => "SIMD",
        ValType::Ref(_) => "reference types",
    };
    Err(Reason::Feature { place: place(), feature }.into())
}
