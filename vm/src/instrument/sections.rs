//! Reading a module's sections and writing them again, with what the instrumentation adds.

use std::ops::Range;

use wasm_encoder::{
    CodeSection, ConstExpr, Encode, ExportKind, ExportSection, GlobalSection, GlobalType,
    MemorySection, MemoryType, Module, RawSection, RefType, SectionId, TableSection, TableType,
    TypeSection, ValType,
};
use wasmparser::{
    BinaryReader, ElementItems, Export, ExternalKind, FuncType, FunctionBody, Parser, Payload,
};

use super::{Exports, GAS_EXPORT, GLOBAL_EXPORT, InstrumentError, STACK_EXPORT};
use crate::cost;
use crate::limits::MEMORY_PAGES_MAX;

/// What of a module is needed to write it again. Validated: one memory, at most one table, only
/// functions imported.
#[derive(Default)]
pub(super) struct Sections<'a> {
    types: Entries<'a>,
    pub(super) function_type: Vec<FuncType>,
    imports: Entries<'a>,
    functions: Entries<'a>,
    /// The type of each function that is not imported.
    pub(super) function_types: Vec<u32>,
    table_entries: Option<u64>,
    memory: Option<wasmparser::MemoryType>,
    globals: Entries<'a>,
    /// The indices of those that can change.
    mutable_globals: Vec<u32>,
    exports: Vec<Export<'a>>,
    elements: Entries<'a>,
    pub(super) bodies: Vec<FunctionBody<'a>>,
    data: Entries<'a>,
    /// Entries of element segments and bytes of data segments, written whenever an instance is
    /// made.
    element_entries: u64,
    data_bytes: u64,
}

/// A section's entries, undecoded.
#[derive(Default)]
struct Entries<'a> {
    count: u32,
    bytes: &'a [u8],
}

impl<'a> Entries<'a> {
    fn read(code: &'a [u8], range: Range<u64>) -> Result<Self, InstrumentError> {
        let lost = || InstrumentError("a section lies outside of the module".to_owned());
        let start = usize::try_from(range.start).map_err(|_| lost())?;
        let end = usize::try_from(range.end).map_err(|_| lost())?;
        let mut reader = BinaryReader::new(code.get(start..end).ok_or_else(lost)?, 0);
        let count = reader.read_var_u32()?;
        let bytes = reader.read_bytes(reader.bytes_remaining())?;
        Ok(Self { count, bytes })
    }

    /// Writes the section with more entries at its end; nothing when there are none at all.
    fn write(&self, module: &mut Module, id: SectionId, added_count: u32, added: &[u8]) {
        let count = self.count.saturating_add(added_count);
        if count == 0 {
            return;
        }
        let mut data = Vec::with_capacity(self.bytes.len() + added.len() + 5);
        count.encode(&mut data);
        data.extend_from_slice(self.bytes);
        data.extend_from_slice(added);
        module.section(&RawSection { id: id.into(), data: &data });
    }
}

impl<'a> Sections<'a> {
    pub(super) fn read(code: &'a [u8]) -> Result<Self, InstrumentError> {
        let mut this = Self::default();
        for payload in Parser::new(0).parse_all(code) {
            this.read_payload(code, payload?)?;
        }
        Ok(this)
    }

    fn read_payload(
        &mut self,
        code: &'a [u8],
        payload: Payload<'a>,
    ) -> Result<(), InstrumentError> {
        match payload {
            Payload::TypeSection(section) => {
                self.types = Entries::read(code, section.range())?;
                for group in section {
                    let types = group?.into_types();
                    self.function_type.extend(types.map(|ty| ty.unwrap_func().clone()));
                }
            }
            Payload::ImportSection(section) => {
                self.imports = Entries::read(code, section.range())?;
            }
            Payload::FunctionSection(section) => {
                self.functions = Entries::read(code, section.range())?;
                self.function_types = section.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::TableSection(section) => {
                for table in section {
                    self.table_entries = Some(table?.ty.initial);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    self.memory = Some(memory?);
                }
            }
            Payload::GlobalSection(section) => {
                self.globals = Entries::read(code, section.range())?;
                for (global, index) in section.into_iter().zip(0..) {
                    if global?.ty.mutable {
                        self.mutable_globals.push(index);
                    }
                }
            }
            Payload::ExportSection(section) => {
                self.exports = section.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::ElementSection(section) => {
                self.elements = Entries::read(code, section.range())?;
                for element in section {
                    if let ElementItems::Functions(items) = element?.items {
                        self.element_entries += u64::from(items.count());
                    }
                }
            }
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::DataSection(section) => {
                self.data = Entries::read(code, section.range())?;
                for data in section {
                    self.data_bytes += data?.data.len() as u64;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The index of the gas global; the stack global follows it.
    pub(super) fn gas_global(&self) -> u32 {
        self.globals.count
    }

    /// The index of the function that charges bytes; the one that charges pages follows it.
    pub(super) fn charge_function(&self) -> u32 {
        self.imports.count.saturating_add(self.functions.count)
    }

    pub(super) fn instance_gas(&self) -> u64 {
        let pages = self.memory.map_or(0, |memory| memory.initial);
        let pages = u32::try_from(pages).unwrap_or(MEMORY_PAGES_MAX);
        let entries = self.table_entries.unwrap_or(0).saturating_add(self.element_entries);
        cost::instance(&cost::InstanceParts {
            imports: self.imports.count.into(),
            functions: self.bodies.len() as u64,
            globals: self.mutable_globals.len() as u64,
            pages,
            data_bytes: self.data_bytes,
            table_entries: entries,
        })
    }

    /// Pages that the memory can have.
    pub(super) fn memory_pages_max(&self) -> u64 {
        let cap = u64::from(MEMORY_PAGES_MAX);
        self.memory.and_then(|memory| memory.maximum).map_or(cap, |maximum| maximum.min(cap))
    }

    /// The module with `bodies` as its code.
    pub(super) fn assemble(&self, bodies: &CodeSection, kept: Exports) -> Vec<u8> {
        let mut module = Module::new();
        let mut ty = TypeSection::new();
        ty.ty().function([ValType::I32], [ValType::I32]);
        self.types.write(&mut module, SectionId::Type, ty.len(), &entries(&ty));
        self.imports.write(&mut module, SectionId::Import, 0, &[]);
        let mut functions = Vec::new();
        self.types.count.encode(&mut functions);
        self.types.count.encode(&mut functions);
        self.functions.write(&mut module, SectionId::Function, 2, &functions);
        self.write_table_and_memory(&mut module);
        let globals = added_globals();
        self.globals.write(&mut module, SectionId::Global, globals.len(), &entries(&globals));
        let mut exports = ExportSection::new();
        for export in self.exports.iter().filter(|export| kept.has(export.name)) {
            exports.export(export.name, kind(export.kind), export.index);
        }
        for index in &self.mutable_globals {
            exports.export(&format!("{GLOBAL_EXPORT}{index}"), ExportKind::Global, *index);
        }
        exports.export(GAS_EXPORT, ExportKind::Global, self.gas_global());
        exports.export(STACK_EXPORT, ExportKind::Global, self.gas_global().saturating_add(1));
        module.section(&exports);
        self.elements.write(&mut module, SectionId::Element, 0, &[]);
        module.section(bodies);
        self.data.write(&mut module, SectionId::Data, 0, &[]);
        module.finish()
    }

    fn write_table_and_memory(&self, module: &mut Module) {
        if let Some(entries) = self.table_entries {
            let mut tables = TableSection::new();
            tables.table(TableType {
                element_type: RefType::FUNCREF,
                table64: false,
                minimum: entries,
                maximum: Some(entries),
                shared: false,
            });
            module.section(&tables);
        }
        if let Some(memory) = self.memory {
            let mut memories = MemorySection::new();
            memories.memory(MemoryType {
                minimum: memory.initial,
                maximum: Some(self.memory_pages_max()),
                memory64: false,
                shared: false,
                page_size_log2: None,
            });
            module.section(&memories);
        }
    }
}

fn kind(kind: ExternalKind) -> ExportKind {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
        ExternalKind::Table => ExportKind::Table,
        ExternalKind::Memory => ExportKind::Memory,
        ExternalKind::Global => ExportKind::Global,
        ExternalKind::Tag => ExportKind::Tag,
    }
}

fn added_globals() -> GlobalSection {
    let mut globals = GlobalSection::new();
    let global = |val_type| GlobalType { val_type, mutable: true, shared: false };
    globals.global(global(ValType::I64), &ConstExpr::i64_const(0));
    globals.global(global(ValType::I32), &ConstExpr::i32_const(0));
    globals
}

/// A section's entries without their count and the section's length.
fn entries(section: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    section.encode(&mut bytes);
    let mut reader = BinaryReader::new(&bytes, 0);
    let skipped = reader.read_var_u32().and_then(|_| reader.read_var_u32());
    assert!(skipped.is_ok(), "a section begins with its length and its count");
    bytes.split_off(reader.current_position())
}
