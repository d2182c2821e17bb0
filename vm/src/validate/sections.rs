//! The rules of a module's sections other than its code.

use abi::MethodKind;
use wasmparser::{
    CompositeInnerType, ConstExpr, Data, DataKind, Element, ElementItems, ElementKind, Export,
    ExternalKind, FuncType, MemoryType, Operator, Payload, Table, TableInit, TypeRef, ValType,
};

use super::function::check_type;
use super::{Reason, Refusal, at_most, shown};
use crate::host::{self, HostFunction, ValueType};
use crate::limits;

/// Bytes of a page of memory.
const PAGE_BYTES: u64 = 64 << 10;

/// What the sections seen so far say; later ones are checked against it.
#[derive(Default)]
pub(super) struct SectionRules<'a> {
    types: Vec<FuncType>,
    pub(super) imported_functions: u32,
    /// The type of each function, imported ones first.
    functions: Vec<u32>,
    table_entries: u64,
    memory_pages: u64,
    exports: Vec<(&'a str, ExternalKind, u32)>,
}

impl<'a> SectionRules<'a> {
    pub(super) fn check(&mut self, payload: &Payload<'a>) -> Result<(), Refusal> {
        match payload {
            Payload::TypeSection(section) => {
                count("types", section.count(), limits::TYPES_MAX)?;
                each(section.clone(), |group| self.function_type(&group))
            }
            Payload::ImportSection(section) => {
                count("imports", section.count(), limits::IMPORTS_MAX)?;
                each(section.clone(), |imports| {
                    let wasmparser::Imports::Single(_, import) = imports else {
                        return feature("compact imports");
                    };
                    self.import(&import)
                })
            }
            Payload::FunctionSection(section) => {
                count("functions", section.count(), limits::FUNCTIONS_MAX)?;
                each(section.clone(), |ty| {
                    self.functions.push(ty);
                    Ok(())
                })
            }
            Payload::TableSection(section) => {
                count("tables", section.count(), 1_u32)?;
                each(section.clone(), |table| self.table(&table))
            }
            Payload::MemorySection(section) => {
                count("memories", section.count(), 1_u32)?;
                each(section.clone(), |memory| self.memory(&memory))
            }
            Payload::GlobalSection(section) => {
                count("globals", section.count(), limits::GLOBALS_MAX)?;
                let place = || "global section".to_owned();
                each(section.clone(), |global| check_type(global.ty.content_type, &place))
            }
            Payload::ExportSection(section) => {
                count("exports", section.count(), limits::EXPORTS_MAX)?;
                each(section.clone(), |export| self.export(&export))
            }
            Payload::ElementSection(section) => {
                count("element segments", section.count(), limits::ELEMENT_SEGMENTS_MAX)?;
                each(section.clone(), |element| self.element(&element))
            }
            Payload::DataSection(section) => {
                count("data segments", section.count(), limits::DATA_SEGMENTS_MAX)?;
                each(section.clone(), |data| self.data(&data))
            }
            Payload::TagSection(_) => feature("exceptions"),
            Payload::StartSection { .. } => feature("a start function"),
            _ => Ok(()),
        }
    }

    fn function_type(&mut self, group: &wasmparser::RecGroup) -> Result<(), Refusal> {
        let place = || format!("type {}", self.types.len());
        let refused = || Reason::Feature { place: place(), feature: "garbage collection" };
        let mut types = group.types();
        let (Some(ty), None, false) = (types.next(), types.next(), group.is_explicit_rec_group())
        else {
            return Err(refused().into());
        };
        let CompositeInnerType::Func(function) = &ty.composite_type.inner else {
            return Err(refused().into());
        };
        at_most(place, "parameters", function.params().len(), limits::PARAMETERS_MAX)?;
        if function.results().len() > 1 {
            return Err(Reason::Feature { place: place(), feature: "multi-value" }.into());
        }
        let values = function.params().iter().chain(function.results());
        values.into_iter().try_for_each(|value| check_type(*value, &place))?;
        self.types.push(function.clone());
        Ok(())
    }

    fn import(&mut self, import: &wasmparser::Import<'a>) -> Result<(), Refusal> {
        let function = (import.module == abi::host::MODULE).then(|| host::function(import.name));
        let (Some(Some(function)), TypeRef::Func(ty)) = (function, import.ty) else {
            let (module, name) = (shown(import.module), shown(import.name));
            return Err(Reason::UnknownImport { module, name }.into());
        };
        if !self.types.get(ty as usize).is_some_and(|ty| is_of(function, ty)) {
            return Err(Reason::ImportType { name: shown(import.name) }.into());
        }
        self.imported_functions = self.imported_functions.saturating_add(1);
        self.functions.push(ty);
        Ok(())
    }

    fn table(&mut self, table: &Table<'_>) -> Result<(), Refusal> {
        let plain = table.ty.element_type == wasmparser::RefType::FUNCREF
            && matches!(table.init, TableInit::RefNull)
            && !table.ty.table64
            && !table.ty.shared;
        if !plain {
            return feature("reference types");
        }
        count("table entries", table.ty.initial, limits::TABLE_ENTRIES_MAX)?;
        self.table_entries = table.ty.initial;
        Ok(())
    }

    fn memory(&mut self, memory: &MemoryType) -> Result<(), Refusal> {
        if memory.memory64 {
            return feature("memory64");
        }
        if memory.shared {
            return feature("threads");
        }
        if memory.page_size_log2.is_some() {
            return feature("custom page sizes");
        }
        count("initial pages of memory", memory.initial, limits::MEMORY_PAGES_MAX)?;
        self.memory_pages = memory.initial;
        Ok(())
    }

    fn export(&mut self, export: &Export<'a>) -> Result<(), Refusal> {
        if export.name.starts_with(limits::RESERVED_EXPORT_PREFIX) {
            return Err(Reason::ReservedExport(shown(export.name)).into());
        }
        self.exports.push((export.name, export.kind, export.index));
        Ok(())
    }

    fn element(&self, element: &Element<'_>) -> Result<(), Refusal> {
        let ElementItems::Functions(items) = &element.items else {
            return feature("reference types");
        };
        let ElementKind::Active { table_index: None | Some(0), offset_expr } = &element.kind else {
            return feature("reference types");
        };
        segment("element", offset_expr, u64::from(items.count()), self.table_entries)
    }

    fn data(&self, data: &Data<'_>) -> Result<(), Refusal> {
        let DataKind::Active { memory_index: 0, offset_expr } = &data.kind else {
            return feature("bulk memory beyond memory.copy and memory.fill");
        };
        let memory_bytes = self.memory_pages.saturating_mul(PAGE_BYTES);
        segment("data", offset_expr, data.data.len() as u64, memory_bytes)
    }

    /// The interface's exports: `memory`, and one entry for each kind of method the ABI has.
    pub(super) fn check_exports(&self, has: impl Fn(MethodKind) -> bool) -> Result<(), Refusal> {
        let memory = |(name, kind, _): &(&str, ExternalKind, u32)| {
            *name == "memory" && *kind == ExternalKind::Memory
        };
        if !self.exports.iter().any(memory) {
            return Err(Reason::MissingExport("memory").into());
        }
        for kind in host::KINDS {
            let name = host::entry(kind);
            if has(kind) && !self.exports_entry(name) {
                return Err(Reason::MissingExport(name).into());
            }
        }
        Ok(())
    }

    /// Whether a function (i32) → i32 is exported under the name.
    fn exports_entry(&self, name: &str) -> bool {
        self.exports.iter().any(|(exported, kind, index)| {
            let ty = self.functions.get(*index as usize);
            let ty = ty.and_then(|ty| self.types.get(*ty as usize));
            *exported == name
                && *kind == ExternalKind::Func
                && ty.is_some_and(|ty| {
                    ty.params() == [ValType::I32] && ty.results() == [ValType::I32]
                })
        })
    }
}

/// How a message calls a part of the module.
pub(super) fn name_of(payload: &Payload<'_>) -> &'static str {
    match payload {
        Payload::TypeSection(_) => "type section",
        Payload::ImportSection(_) => "import section",
        Payload::FunctionSection(_) => "function section",
        Payload::TableSection(_) => "table section",
        Payload::MemorySection(_) => "memory section",
        Payload::GlobalSection(_) => "global section",
        Payload::ExportSection(_) => "export section",
        Payload::ElementSection(_) => "element section",
        Payload::DataSection(_) => "data section",
        Payload::CodeSectionStart { .. } | Payload::CodeSectionEntry(_) => "code section",
        _ => "module",
    }
}

/// Where the part begins.
pub(super) fn start_of(payload: &Payload<'_>) -> u64 {
    match payload {
        Payload::StartSection { range, .. } => range.start,
        _ => payload.as_section().map_or(0, |(_, range)| range.start),
    }
}

fn each<'a, T: wasmparser::FromReader<'a>>(
    section: wasmparser::SectionLimited<'a, T>,
    mut check: impl FnMut(T) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    section.into_iter_with_offsets().try_for_each(|item| {
        let (offset, item) = item.map_err(|error| Refusal::malformed(&error))?;
        check(item).map_err(|refusal| refusal.at(offset))
    })
}

fn count(
    what: &'static str,
    got: impl TryInto<u64>,
    max: impl TryInto<u64>,
) -> Result<(), Refusal> {
    at_most(|| "module".to_owned(), what, got, max)
}

fn feature(feature: &'static str) -> Result<(), Refusal> {
    Err(Reason::Feature { place: "module".to_owned(), feature }.into())
}

/// A segment must fit what is there from the first moment, so that making an instance cannot trap.
fn segment(kind: &str, offset: &ConstExpr<'_>, length: u64, available: u64) -> Result<(), Refusal> {
    let refused = || Refusal::from(Reason::Segment(format!("{kind} segment")));
    let mut operators = offset.get_operators_reader();
    let Ok(Operator::I32Const { value }) = operators.read() else { return Err(refused()) };
    let end = u64::from(value.cast_unsigned()).saturating_add(length);
    if !operators.is_end_then_eof() || end > available {
        return Err(refused());
    }
    Ok(())
}

/// Whether this is the host function's type.
fn is_of(function: &HostFunction, ty: &FuncType) -> bool {
    let same = |types: &[ValType], values: &[ValueType]| {
        let values = values.iter().map(|value| match value {
            ValueType::I32 => ValType::I32,
            ValueType::I64 => ValType::I64,
        });
        types.iter().copied().eq(values)
    };
    same(ty.params(), function.parameters) && same(ty.results(), function.results)
}
