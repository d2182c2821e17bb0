//! Random modules of wasm-smith, before they are made contracts.

use std::fmt::Write as _;

use arbitrary::Unstructured;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;
use vm::{HOST_FUNCTIONS, ValueType};
use wasm_smith::{Config, Module};

use crate::values::below;

/// The import module of what the doors offer beside host functions.
pub const BULK: &str = "bulk";
/// The export that a contract's entries run.
pub const BODY: &str = "body";

/// A random module that imports host functions and exports `memory` and [`BODY`], (i32) → i32.
pub fn module(rng: &mut ChaCha8Rng) -> Vec<u8> {
    loop {
        let mut bytes = vec![0; usize::try_from(256 + below(rng, 16_384)).unwrap_or(0)];
        rng.fill_bytes(&mut bytes);
        let config = config(rng);
        // It fails when the bytes do not suffice.
        if let Ok(module) = Module::new(config, &mut Unstructured::new(&bytes)) {
            return module.to_bytes();
        }
    }
}

fn config(rng: &mut ChaCha8Rng) -> Config {
    let pages = 1 + below(rng, 3);
    let maximum = if below(rng, 2) == 0 { String::new() } else { (pages + 5).to_string() };
    let exports = format!(
        r#"(module (memory (export "memory") {pages} {maximum})
            (func (export "{BODY}") (param i32) (result i32) unreachable))"#
    );
    // Where traps are allowed, segments may lie anywhere, which upload refuses most often.
    let allows_traps = below(rng, 4) == 0;
    Config {
        available_imports: Some(text(&imports())),
        exports: Some(text(&exports)),
        allow_start_export: false,
        // A tenth of the modules has floats; executing one takes all gas.
        allow_floats: below(rng, 10) == 0,
        disallow_traps: !allows_traps,
        bulk_memory_enabled: false,
        compact_imports_enabled: false,
        exceptions_enabled: false,
        extended_const_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        multi_value_enabled: false,
        reference_types_enabled: false,
        relaxed_simd_enabled: false,
        simd_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        max_data_segments: if allows_traps { 0 } else { 16 },
        max_element_segments: if allows_traps { 1 } else { 16 },
        max_funcs: 50,
        max_instructions: usize::try_from(20 + below(rng, 400)).unwrap_or(0),
        // The one that is exported stands beside.
        max_memories: 0,
        max_memory32_bytes: 16 << 20,
        max_table_elements: 200,
        ..Config::default()
    }
}

/// All host functions and the bulk doors, as text.
fn imports() -> String {
    let types = |types: &[ValueType]| {
        let name = |ty: &ValueType| if *ty == ValueType::I32 { "i32 " } else { "i64 " };
        types.iter().map(name).collect::<String>()
    };
    let mut module = String::from("(module");
    for function in HOST_FUNCTIONS {
        let _ = write!(
            module,
            r#"(import "{}" "{}" (func (param {}) (result {})))"#,
            abi::host::MODULE,
            function.name,
            types(function.parameters),
            types(function.results),
        );
    }
    for name in ["copy", "fill"] {
        let _ = write!(module, r#"(import "{BULK}" "{name}" (func (param i32 i32 i32)))"#);
    }
    module + ")"
}

fn text(module: &str) -> Vec<u8> {
    wat::parse_str(module).unwrap_or_else(|error| panic!("{module}: {error}"))
}
