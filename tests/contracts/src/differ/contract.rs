//! Makes a contract of a random module: its imports become doors, a random script of host calls
//! runs first, and what is left in the first page of memory shows in the output.

use std::convert::Infallible;

use abi::{Abi, Method, MethodKind, Type};
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;
use vm::{HOST_FUNCTIONS, HostFunction, ValueType};
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, ElementSection, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, ImportSection, InstructionSink,
    MemArg, MemArgTarget, MemorySection, Module, TableSection, TypeSection, ValType,
};
use wasmparser_reencode::{Parser, Payload};

use super::doors::{self, ADDRESSES};
use super::smith::{self, BODY};
use crate::values::{below, one_of};

/// Where the entry puts the context, of which the contract's own address is a part.
const CONTEXT: i32 = 0xf000;
const CONTEXT_ADDRESS: i32 = CONTEXT + 16;
/// Where it puts the hash of the memory.
const HASH: i32 = 0xfe00;
/// Bytes of memory that the output answers for.
const HASHED_BYTES: i32 = 0xfe00;
/// Host calls of a script.
const STEPS_MAX: u64 = 12;

/// The methods of a random contract: one of each sort.
pub const SELECTORS: [[u8; 4]; 4] = [*b"run_", PAY, *b"agai", ASK];
pub const PAY: [u8; 4] = *b"pay_";
pub const ASK: [u8; 4] = *b"ask_";
pub const MIGRATE: [u8; 4] = *b"migr";

/// A contract with `data` at [`doors::DATA`].
pub fn contract(rng: &mut ChaCha8Rng, data: &[u8]) -> Vec<u8> {
    let module = smith::module(rng);
    let assembled = Assembler::read(&module).and_then(|assembler| assembler.assemble(rng, data));
    let wasm = assembled.unwrap_or_else(|error| panic!("wasm-smith's module: {error}"));
    let state_version = u32::try_from(below(rng, 2)).unwrap_or(0);
    let embedded = description(state_version).embed(&wasm);
    embedded.unwrap_or_else(|error| panic!("a description that is ours: {error}"))
}

fn description(state_version: u32) -> Abi {
    let method = |selector: [u8; 4], kind| Method {
        name: String::from_utf8_lossy(&selector).into_owned(),
        selector,
        kind,
        payable: selector == PAY,
        reentrant: &selector == b"agai",
        docs: String::new(),
        parameters: Vec::new(),
        returns: Type::Unit,
        error: None,
    };
    let [run, pay, again, ask] = SELECTORS;
    Abi {
        interface: abi::host::VERSION,
        name: "random".to_owned(),
        version: "1".to_owned(),
        docs: String::new(),
        state_version,
        methods: vec![
            method(run, MethodKind::Call),
            method(pay, MethodKind::Call),
            method(again, MethodKind::Call),
            method(ask, MethodKind::Query),
            method(MIGRATE, MethodKind::Migrate),
        ],
        events: Vec::new(),
        errors: Vec::new(),
        storage: Vec::new(),
    }
}

/// The parts of a module on their way into a contract.
struct Assembler<'a> {
    payloads: Vec<Payload<'a>>,
    renumber: Renumber,
    /// The index of [`BODY`], as the module counts.
    body: u32,
}

/// The functions' new numbers: all host functions stand first as imports, then the module's own,
/// then the doors, where the module's imports lead now.
#[derive(Default)]
struct Renumber {
    /// For each of the module's imports the number of its door.
    imports: Vec<u32>,
    own: u32,
}

impl Renumber {
    fn door(&self, number: u32) -> u32 {
        host_functions() + self.own + number
    }
}

impl Reencode for Renumber {
    type Error = Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, Error<Infallible>> {
        let imports = u32::try_from(self.imports.len()).unwrap_or(u32::MAX);
        Ok(match self.imports.get(index as usize) {
            Some(door) => self.door(*door),
            None => index - imports + host_functions(),
        })
    }
}

fn host_functions() -> u32 {
    u32::try_from(HOST_FUNCTIONS.len()).unwrap_or(u32::MAX)
}

/// The number of the door with this import's name.
fn door_of(module: &str, name: &str) -> u32 {
    let position = match (module, name) {
        (smith::BULK, "copy") => HOST_FUNCTIONS.len(),
        (smith::BULK, _) => HOST_FUNCTIONS.len() + 1,
        _ => HOST_FUNCTIONS.iter().position(|host| host.name == name).unwrap_or(0),
    };
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn values(types: &[ValueType]) -> Vec<ValType> {
    let value = |ty: &ValueType| match ty {
        ValueType::I32 => ValType::I32,
        ValueType::I64 => ValType::I64,
    };
    types.iter().map(value).collect()
}

impl<'a> Assembler<'a> {
    fn read(module: &'a [u8]) -> Result<Self, Error<Infallible>> {
        let payloads: Vec<Payload<'a>> =
            Parser::new(0).parse_all(module).collect::<Result<_, _>>()?;
        let (mut renumber, mut body) = (Renumber::default(), 0);
        for payload in &payloads {
            match payload {
                Payload::ImportSection(section) => {
                    for import in section.clone().into_imports() {
                        let import = import?;
                        renumber.imports.push(door_of(import.module, import.name));
                    }
                }
                Payload::FunctionSection(section) => renumber.own = section.count(),
                Payload::ExportSection(section) => {
                    for export in section.clone() {
                        let export = export?;
                        body = if export.name == BODY { export.index } else { body };
                    }
                }
                _ => {}
            }
        }
        Ok(Self { payloads, renumber, body })
    }

    fn assemble(mut self, rng: &mut ChaCha8Rng, data: &[u8]) -> Result<Vec<u8>, Error<Infallible>> {
        let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
        let (mut tables, mut memories) = (TableSection::new(), MemorySection::new());
        let (mut globals, mut elements) = (GlobalSection::new(), ElementSection::new());
        let (mut segments, mut code) = (DataSection::new(), CodeSection::new());
        let renumber = &mut self.renumber;
        for payload in self.payloads {
            match payload {
                Payload::TypeSection(section) => {
                    renumber.parse_type_section(&mut types, section)?
                }
                Payload::FunctionSection(section) => {
                    renumber.parse_function_section(&mut functions, section)?;
                }
                Payload::TableSection(section) => {
                    renumber.parse_table_section(&mut tables, section)?
                }
                Payload::MemorySection(section) => {
                    renumber.parse_memory_section(&mut memories, section)?;
                }
                Payload::GlobalSection(section) => {
                    renumber.parse_global_section(&mut globals, section)?;
                }
                Payload::ElementSection(section) => {
                    renumber.parse_element_section(&mut elements, section)?;
                }
                Payload::DataSection(section) => {
                    renumber.parse_data_section(&mut segments, section)?
                }
                Payload::CodeSectionEntry(body) => renumber.parse_function_body(&mut code, body)?,
                _ => {}
            }
        }
        segments.active(0, &ConstExpr::i32_const(doors::DATA.cast_signed()), data.iter().copied());
        let body = renumber.function_index(self.body)?;
        let mut imports = ImportSection::new();
        add_doors(&mut types, &mut imports, &mut functions, &mut code);
        // Behind the doors: the script and the entry, both (i32) → i32.
        let script = renumber.door(doors::count());
        let entry_type = types.len();
        types.ty().function([ValType::I32], [ValType::I32]);
        functions.function(entry_type).function(entry_type);
        code.function(&write_script(rng, renumber)).function(&write_entry(script, body));
        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0);
        for name in ["call", "query", "migrate"] {
            exports.export(name, ExportKind::Func, script + 1);
        }
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&tables);
        module.section(&memories).section(&globals).section(&exports).section(&elements);
        module.section(&code).section(&segments);
        Ok(module.finish())
    }
}

/// Imports every host function and appends a door to each, then the two for bulk memory.
fn add_doors(
    types: &mut TypeSection,
    imports: &mut ImportSection,
    functions: &mut FunctionSection,
    code: &mut CodeSection,
) {
    for (number, function) in (0..).zip(HOST_FUNCTIONS) {
        let ty = types.len();
        types.ty().function(values(function.parameters), values(function.results));
        imports.import(abi::host::MODULE, function.name, EntityType::Function(ty));
        functions.function(ty);
        code.function(&doors::door(function, number));
    }
    let ty = types.len();
    types.ty().function([ValType::I32; 3], []);
    for fills in [false, true] {
        functions.function(ty);
        code.function(&doors::bulk(fills));
    }
}

/// A straight line of host calls with random arguments, whose answers go into memory. Answers with
/// a mix of them.
fn write_script(rng: &mut ChaCha8Rng, renumber: &Renumber) -> Function {
    let mut script = Function::new([(1, ValType::I64)]);
    let mut code = script.instructions();
    for step in 0..below(rng, STEPS_MAX) {
        let Some(function) = one_of(rng, HOST_FUNCTIONS) else { continue };
        write_step(rng, renumber, &mut code, function);
        // What it answered, and what it left in memory, change later arguments.
        let at =
            MemArg { offset: 8 * step, align: 0, target: MemArgTarget::Memory(0), ordering: None };
        code.i32_const(0).local_get(1).i64_store(at);
    }
    code.local_get(1).i32_wrap_i64().end();
    script
}

fn write_step(
    rng: &mut ChaCha8Rng,
    renumber: &Renumber,
    code: &mut InstructionSink<'_>,
    function: &HostFunction,
) {
    for parameter in function.parameters {
        // A constant, or one that depends on what was answered so far.
        let number = i64::from(rng.next_u32().cast_signed());
        code.i64_const(number);
        if below(rng, 4) == 0 {
            code.local_get(1).i64_xor();
        }
        if *parameter == ValueType::I32 {
            code.i32_wrap_i64();
        }
    }
    code.call(renumber.door(door_of(abi::host::MODULE, function.name)));
    match function.results {
        [] => {
            code.i64_const(1);
        }
        [ValueType::I32, ..] => {
            code.i64_extend_i32_u();
        }
        [ValueType::I64, ..] => {}
    }
    code.local_get(1).i64_const(0x9e37_79b9).i64_mul().i64_add().local_set(1);
}

/// What `call`, `query` and `migrate` run. The answer is most often 0 or 1.
fn write_entry(script: u32, body: u32) -> Function {
    let host = |name| door_of(abi::host::MODULE, name);
    let mut entry = Function::new([(1, ValType::I32)]);
    let mut code = entry.instructions();
    code.i32_const(CONTEXT).call(host("context"));
    code.i32_const(ADDRESSES.cast_signed()).i32_const(CONTEXT_ADDRESS).i32_const(32);
    code.memory_copy(0, 0);
    code.local_get(0).call(script);
    code.local_get(0).call(body).i32_add().local_set(1);
    // One in four keeps the output that the random part has set.
    code.local_get(1).i32_const(6).i32_and().if_(BlockType::Empty);
    code.i32_const(0).i32_const(HASHED_BYTES).i32_const(HASH).call(host("blake3"));
    code.i32_const(HASH).i32_const(32).call(host("set_output"));
    code.end();
    code.local_get(1).local_get(1).i32_const(1).i32_and();
    code.local_get(1).i32_const(0xf0).i32_and().i32_const(0xf0).i32_eq().select().end();
    entry
}
