//! Makes the suite's modules self-contained: what they import of the suite's own module `spectest`
//! becomes their own.
//!
//! Contracts may import host functions only. Functions that print become functions that do nothing,
//! and so on; since imports stand first in every index space, no index changes.

use wasm_encoder::reencode::{Error, Reencode, RoundtripReencoder};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, ExportSection, Function, FunctionSection,
    GlobalSection, GlobalType, MemorySection, MemoryType, Module, RefType, StartSection,
    TableSection, TableType, TypeSection, ValType,
};
use wasmparser_reencode::{Import, Operator, Parser, Payload, TableInit, TypeRef};

/// Pages beyond which a contract's memory does not grow; the suite's get the same cap.
const PAGES_MAX: u64 = vm::limits::MEMORY_PAGES_MAX as u64;

/// A module without imports.
#[derive(Debug)]
pub struct Inlined {
    pub wasm: Vec<u8>,
    /// Its memory would grow further, if it might.
    pub is_capped: bool,
    /// There is a float operator somewhere in its code.
    pub has_floats: bool,
}

/// Why a module cannot be made one.
#[derive(Debug)]
pub enum Obstacle {
    /// It imports of another module than `spectest`.
    OtherModule,
    /// It cannot be read, or is of a proposal that is not rewritten here.
    Unreadable,
}

impl<E> From<Error<E>> for Obstacle {
    fn from(_: Error<E>) -> Self {
        Self::Unreadable
    }
}

impl From<wasmparser_reencode::Error> for Obstacle {
    fn from(_: wasmparser_reencode::Error) -> Self {
        Self::Unreadable
    }
}

/// The sections of a module.
#[derive(Default)]
struct Sections {
    types: TypeSection,
    functions: FunctionSection,
    tables: TableSection,
    memories: MemorySection,
    globals: GlobalSection,
    exports: ExportSection,
    start: Option<u32>,
    elements: ElementSection,
    code: CodeSection,
    data: DataSection,
    data_count: Option<u32>,
    is_capped: bool,
    has_floats: bool,
}

/// Rewrites a module of the suite.
pub fn inline(wasm: &[u8]) -> Result<Inlined, Obstacle> {
    let mut sections = Sections::default();
    for payload in Parser::new(0).parse_all(wasm) {
        sections.add(payload?)?;
    }
    Ok(sections.finish())
}

impl Sections {
    fn add(&mut self, payload: Payload<'_>) -> Result<(), Obstacle> {
        let same = &mut RoundtripReencoder;
        match payload {
            Payload::TypeSection(section) => same.parse_type_section(&mut self.types, section)?,
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    self.define(&import?)?;
                }
            }
            Payload::FunctionSection(section) => {
                same.parse_function_section(&mut self.functions, section)?;
            }
            Payload::TableSection(section) => {
                for table in section {
                    let table = table?;
                    if !matches!(table.init, TableInit::RefNull) {
                        return Err(Obstacle::Unreadable);
                    }
                    // Nothing that upload accepts grows a table, and wasmer wants room for all of it.
                    let ty = same.table_type(table.ty)?;
                    let maximum = ty.maximum.map(|_| ty.minimum);
                    self.tables.table(TableType { maximum, ..ty });
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    let memory = same.memory_type(memory?)?;
                    self.memory(memory);
                }
            }
            Payload::GlobalSection(section) => {
                same.parse_global_section(&mut self.globals, section)?;
            }
            Payload::ExportSection(section) => {
                same.parse_export_section(&mut self.exports, section)?;
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(section) => {
                same.parse_element_section(&mut self.elements, section)?;
            }
            Payload::DataCountSection { count, .. } => self.data_count = Some(count),
            Payload::CodeSectionEntry(body) => {
                for operator in body.get_operators_reader()? {
                    self.has_floats |= is_of_floats(&operator?);
                }
                same.parse_function_body(&mut self.code, body)?;
            }
            Payload::DataSection(section) => same.parse_data_section(&mut self.data, section)?,
            Payload::TagSection(_) => return Err(Obstacle::Unreadable),
            _ => {}
        }
        Ok(())
    }

    /// The module's own instead of an import: what the suite says that `spectest` holds.
    fn define(&mut self, import: &Import<'_>) -> Result<(), Obstacle> {
        if import.module != "spectest" {
            return Err(Obstacle::OtherModule);
        }
        match import.ty {
            TypeRef::Func(ty) => {
                self.functions.function(ty);
                let mut nothing = Function::new([]);
                nothing.instructions().end();
                self.code.function(&nothing);
            }
            TypeRef::Global(global) => {
                let (value, val_type) = match import.name {
                    "global_i64" => (ConstExpr::i64_const(666), ValType::I64),
                    "global_f32" => (ConstExpr::f32_const(666.6_f32.into()), ValType::F32),
                    "global_f64" => (ConstExpr::f64_const(666.6_f64.into()), ValType::F64),
                    _ => (ConstExpr::i32_const(666), ValType::I32),
                };
                let ty = GlobalType { val_type, mutable: global.mutable, shared: false };
                self.globals.global(ty, &value);
            }
            TypeRef::Memory(_) => {
                let (minimum, maximum) = (1, Some(2));
                let memory = MemoryType {
                    minimum,
                    maximum,
                    memory64: false,
                    shared: false,
                    page_size_log2: None,
                };
                self.memory(memory);
            }
            TypeRef::Table(_) => {
                self.tables.table(TableType {
                    element_type: RefType::FUNCREF,
                    table64: false,
                    minimum: 10,
                    maximum: Some(20),
                    shared: false,
                });
            }
            _ => return Err(Obstacle::Unreadable),
        }
        Ok(())
    }

    fn memory(&mut self, memory: MemoryType) {
        let maximum = memory.maximum.unwrap_or(u64::MAX);
        self.is_capped |= maximum > PAGES_MAX;
        let maximum = Some(maximum.min(PAGES_MAX).max(memory.minimum));
        self.memories.memory(MemoryType { maximum, ..memory });
    }

    fn finish(mut self) -> Inlined {
        // Every contract has one, and the meter counts on it.
        if self.memories.is_empty() {
            let (minimum, maximum) = (0, Some(0));
            self.memories.memory(MemoryType {
                minimum,
                maximum,
                memory64: false,
                shared: false,
                page_size_log2: None,
            });
        }
        let mut module = Module::new();
        module.section(&self.types).section(&self.functions).section(&self.tables);
        module.section(&self.memories).section(&self.globals).section(&self.exports);
        if let Some(function_index) = self.start {
            module.section(&StartSection { function_index });
        }
        module.section(&self.elements);
        if let Some(count) = self.data_count {
            module.section(&wasm_encoder::DataCountSection { count });
        }
        module.section(&self.code).section(&self.data);
        let (is_capped, has_floats) = (self.is_capped, self.has_floats);
        Inlined { wasm: module.finish(), is_capped, has_floats }
    }
}

/// By its name, as the product knows them: all that compute, convert, load or store floats.
fn is_of_floats(operator: &Operator<'_>) -> bool {
    let name = format!("{operator:?}");
    let name = name.split([' ', '{', '(']).next().unwrap_or_default();
    name.contains("F32") || name.contains("F64")
}
