//! The rules of one function's body.

use wasmparser::{BlockType, FunctionBody, KnownCustom, Name, Operator, Parser, Payload, ValType};

use super::{Refusal, at_most, shown};
use crate::limits;
use crate::operators::{Class, classify, ends_block};

/// Checks bodies one after the other.
pub(super) struct FunctionRules<'a> {
    code: &'a [u8],
    checked: u32,
    locals_total: u64,
    blocks_total: u32,
}

impl<'a> FunctionRules<'a> {
    pub(super) fn new(code: &'a [u8]) -> Self {
        Self { code, checked: 0, locals_total: 0, blocks_total: 0 }
    }

    /// Checks the next body; `imported` functions stand before the module's own.
    pub(super) fn check(&mut self, imported: u32, body: &FunctionBody<'_>) -> Result<(), Refusal> {
        let index = imported.saturating_add(self.checked);
        self.checked = self.checked.saturating_add(1);
        let place = || self.place(index);
        at_most(place, "bytes", body.as_bytes().len(), limits::BODY_BYTES_MAX)?;
        let locals = count_locals(body, &place)?;
        at_most(place, "local variables", locals, limits::LOCALS_MAX)?;
        let total = self.locals_total + locals;
        let all = || "code".to_owned();
        at_most(all, "local variables in all", total, limits::LOCALS_TOTAL_MAX)?;
        let blocks = self.blocks_total.saturating_add(check_operators(body, &place)?);
        at_most(all, "branches in all", blocks, limits::BLOCKS_TOTAL_MAX)?;
        self.locals_total = total;
        self.blocks_total = blocks;
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
    for group in body.get_locals_reader().map_err(|_| Refusal::Malformed)? {
        let (number, ty) = group.map_err(|_| Refusal::Malformed)?;
        check_type(ty, place)?;
        count = count.saturating_add(u64::from(number));
    }
    Ok(count)
}

/// Answers with the number of metered blocks.
fn check_operators(body: &FunctionBody<'_>, place: &impl Fn() -> String) -> Result<u32, Refusal> {
    let (mut nesting, mut blocks) = (0_u32, 0_u32);
    let operators = body.get_operators_reader().map_err(|_| Refusal::Malformed)?;
    for operator in operators {
        let operator = operator.map_err(|_| Refusal::Malformed)?;
        if let Class::Refused(feature) = classify(&operator) {
            return Err(Refusal::Feature { place: place(), feature });
        }
        blocks = blocks.saturating_add(u32::from(ends_block(&operator)));
        at_most(place, "branches", blocks, limits::BLOCKS_MAX)?;
        match &operator {
            Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => {
                match blockty {
                    BlockType::Empty => {}
                    BlockType::Type(ty) => check_type(*ty, place)?,
                    BlockType::FuncType(_) => {
                        let feature = "multi-value";
                        return Err(Refusal::Feature { place: place(), feature });
                    }
                }
                nesting = nesting.saturating_add(1);
                at_most(place, "blocks inside each other", nesting, limits::NESTING_MAX)?;
            }
            Operator::End => nesting = nesting.saturating_sub(1),
            Operator::BrTable { targets } => {
                let max = limits::BR_TABLE_TARGETS_MAX;
                at_most(place, "targets in a br_table", targets.len(), max)?;
            }
            _ => {}
        }
    }
    Ok(blocks)
}

/// Refuses all types but the four numbers.
pub(super) fn check_type(ty: ValType, place: &impl Fn() -> String) -> Result<(), Refusal> {
    let feature = match ty {
        ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64 => return Ok(()),
        ValType::V128 => "SIMD",
        ValType::Ref(_) => "reference types",
    };
    Err(Refusal::Feature { place: place(), feature })
}
