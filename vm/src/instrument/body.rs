//! One function's body.

use wasm_encoder::{BlockType, InstructionSink, ValType};
use wasmparser::{FuncType, FunctionBody, Operator};

use super::sections::Sections;
use super::{InstrumentError, charge_constant};
use crate::cost;
use crate::operators::ends_block;

/// The frame up to which a function that calls nothing charges no stack: what may stand on the
/// deepest metered frame. See `engine/compiler.rs`.
const LEAF_FRAME_WORDS: u32 = 4_096;

/// Where the additions stand in the module's index spaces.
pub(super) struct Instrumenter<'a> {
    types: &'a [FuncType],
    pub(super) gas: u32,
    stack: u32,
    charge_bytes: u32,
    charge_pages: u32,
    load: u64,
}

impl<'a> Instrumenter<'a> {
    pub(super) fn new(sections: &'a Sections<'_>) -> Self {
        let (gas, charge) = (sections.gas_global(), sections.charge_function());
        Self {
            types: &sections.function_type,
            gas,
            stack: gas.saturating_add(1),
            charge_bytes: charge,
            charge_pages: charge.saturating_add(1),
            load: cost::load(sections.memory_pages_max()),
        }
    }

    /// The body of a function of the given type: its locals and its code, metered.
    pub(super) fn body(
        &self,
        body: &FunctionBody<'_>,
        ty: u32,
    ) -> Result<Vec<u8>, InstrumentError> {
        let unknown = || InstrumentError("a function has an unknown type".to_owned());
        let ty = self.types.get(ty as usize).ok_or_else(unknown)?;
        let frame = Frame::measure(body, ty)?;
        let (locals, operators) = split(body)?;
        let mut writer = Writer {
            meter: self,
            out: locals.to_vec(),
            block: Vec::new(),
            cost: frame.locals.saturating_mul(cost::LOCAL),
            depth: 0,
        };
        if frame.is_metered() {
            writer.enter(frame.words, ty);
        }
        let mut reader = body.get_operators_reader()?;
        let start = reader.original_position();
        while !reader.eof() {
            let from = reader.original_position() - start;
            let operator = reader.read()?;
            let to = reader.original_position() - start;
            writer.operator(&operator, slice(operators, from, to)?);
        }
        if frame.is_metered() {
            writer.leave(frame.words);
        }
        Ok(writer.out)
    }
}

/// What a function's frame may need.
struct Frame {
    words: u32,
    locals: u64,
    calls: bool,
}

impl Frame {
    fn measure(body: &FunctionBody<'_>, ty: &FuncType) -> Result<Self, InstrumentError> {
        let mut locals = 0_u64;
        for group in body.get_locals_reader()? {
            locals = locals.saturating_add(u64::from(group?.0));
        }
        let (mut operators, mut calls) = (0_u64, false);
        for operator in body.get_operators_reader()? {
            operators += 1;
            calls |= matches!(operator?, Operator::Call { .. } | Operator::CallIndirect { .. });
        }
        let values = locals + operators + ty.params().len() as u64;
        let words = u32::try_from(values).unwrap_or(u32::MAX).saturating_add(cost::FRAME_WORDS);
        Ok(Self { words, locals, calls })
    }

    fn is_metered(&self) -> bool {
        self.calls || self.words > LEAF_FRAME_WORDS
    }
}

/// Writes a body operator by operator, holding back the current block until its cost is known.
struct Writer<'a> {
    meter: &'a Instrumenter<'a>,
    out: Vec<u8>,
    block: Vec<u8>,
    cost: u64,
    /// Blocks open inside the function.
    depth: u32,
}

impl Writer<'_> {
    /// Charges the frame and opens the block that stands for the whole body.
    fn enter(&mut self, words: u32, ty: &FuncType) {
        let stack = self.meter.stack;
        let result = match ty.results() {
            [] => BlockType::Empty,
            [wasmparser::ValType::I32, ..] => BlockType::Result(ValType::I32),
            [wasmparser::ValType::I64, ..] => BlockType::Result(ValType::I64),
            [wasmparser::ValType::F32, ..] => BlockType::Result(ValType::F32),
            [_, ..] => BlockType::Result(ValType::F64),
        };
        let mut code = InstructionSink::new(&mut self.out);
        code.global_get(stack).i32_const(words.cast_signed()).i32_sub().global_set(stack);
        code.global_get(stack).i32_const(0).i32_lt_s();
        code.if_(BlockType::Empty).unreachable().end();
        code.block(result);
    }

    /// Gives the frame back, behind the end of the block that stands for the whole body.
    fn leave(&mut self, words: u32) {
        let stack = self.meter.stack;
        let mut code = InstructionSink::new(&mut self.out);
        code.global_get(stack).i32_const(words.cast_signed()).i32_add().global_set(stack);
        code.end();
    }

    fn operator(&mut self, operator: &Operator<'_>, bytes: &[u8]) {
        let parameters =
            |ty: u32| self.meter.types.get(ty as usize).map_or(0, |ty| ty.params().len());
        self.cost = self.cost.saturating_add(cost::operator(operator, parameters, self.meter.load));
        match operator {
            // In either index space the short form: the long one needs a proposal in the compiler.
            Operator::CallIndirect { type_index, .. } => {
                InstructionSink::new(&mut self.block).call_indirect(0, *type_index);
            }
            Operator::Return => {
                InstructionSink::new(&mut self.block).br(self.depth);
            }
            Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } => {
                InstructionSink::new(&mut self.block).call(self.meter.charge_bytes);
                self.block.extend_from_slice(bytes);
            }
            Operator::MemoryGrow { .. } => {
                InstructionSink::new(&mut self.block).call(self.meter.charge_pages);
                self.block.extend_from_slice(bytes);
            }
            _ => self.block.extend_from_slice(bytes),
        }
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => self.depth += 1,
            Operator::End => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if ends_block(operator) {
            self.flush();
        }
    }

    /// Writes the block that ends here behind the charge for all of it. A block of a single `end`
    /// or the like is free: no loop can be made of such, since a branch costs more.
    fn flush(&mut self) {
        if self.cost > 1 {
            let cost = self.cost.saturating_add(cost::BLOCK);
            charge_constant(&mut InstructionSink::new(&mut self.out), self.meter.gas, cost);
        }
        self.out.append(&mut self.block);
        self.cost = 0;
    }
}

/// The body's local declarations and its operators, as bytes.
fn split<'a>(body: &FunctionBody<'a>) -> Result<(&'a [u8], &'a [u8]), InstrumentError> {
    let operators = body.get_operators_reader()?.original_position() - body.range().start;
    let at = usize::try_from(operators).map_err(|_| lost())?;
    body.as_bytes().split_at_checked(at).ok_or_else(lost)
}

fn slice(bytes: &[u8], from: u64, to: u64) -> Result<&[u8], InstrumentError> {
    let from = usize::try_from(from).map_err(|_| lost())?;
    let to = usize::try_from(to).map_err(|_| lost())?;
    bytes.get(from..to).ok_or_else(lost)
}

fn lost() -> InstrumentError {
    InstrumentError("an operator lies outside of its function".to_owned())
}
