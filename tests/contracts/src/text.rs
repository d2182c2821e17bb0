//! Contracts written as WebAssembly text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use abi::{Abi, Method, MethodKind, Type};
use primitives::{Address, Domain, Hash};
use vm::{HOST_FUNCTIONS, ValueType};

use crate::chain::{CHAIN, address};

/// The method that a corpus contract is called with.
pub const RUN: [u8; 4] = *b"run_";
/// The same, and the host lets it be entered again.
pub const AGAIN: [u8; 4] = *b"agai";
pub const INIT: [u8; 4] = *b"init";
pub const MIGRATE: [u8; 4] = *b"migr";

/// A contract: what stands beside its entry, and the bodies, of type i32 → i32, of its methods.
#[derive(Clone, Debug)]
pub struct Text {
    pub memory: &'static str,
    pub extra: String,
    pub body: String,
    pub init: Option<String>,
    pub state_version: u32,
}

impl Text {
    pub fn new(extra: impl Into<String>, body: impl Into<String>) -> Self {
        let (extra, body) = (extra.into(), body.into());
        Self { memory: "1", extra, body, init: None, state_version: 1 }
    }

    /// One whose body goes round until its gas is used up. The parameter is free to be used.
    pub fn forever(extra: impl Into<String>, body: impl AsRef<str>) -> Self {
        Self::new(extra, format!("(loop {} (br 0)) i32.const 0", body.as_ref()))
    }

    /// With locals that a body may use: `$a` to `$d` are i32, `$x` to `$z` i64.
    pub fn module(&self) -> Vec<u8> {
        let Self { memory, extra, body, init, .. } = self;
        let locals = "(local $a i32) (local $b i32) (local $c i32) (local $d i32)
            (local $x i64) (local $y i64) (local $z i64)";
        let init_text = init.as_ref().map(|init| {
            format!(r#"(func (export "init") (param i32) (result i32) {locals} {init})"#)
        });
        let text = format!(
            r#"(module {} (memory (export "memory") {memory}) {extra} {}
                (func $entry (export "call") (export "migrate") (param i32) (result i32)
                    {locals} {body}))"#,
            imports(&[extra.as_str(), body, init.as_deref().unwrap_or_default()].concat()),
            init_text.unwrap_or_default(),
        );
        let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"));
        let mut methods = vec![
            method(RUN, MethodKind::Call),
            method(AGAIN, MethodKind::Call),
            method(MIGRATE, MethodKind::Migrate),
        ];
        methods.extend(init.iter().map(|_| method(INIT, MethodKind::Init)));
        described(&wasm, methods, self.state_version)
    }
}

/// A module with a description of these methods.
pub fn described(wasm: &[u8], methods: Vec<Method>, state_version: u32) -> Vec<u8> {
    let abi = Abi {
        interface: abi::host::VERSION,
        name: "corpus".to_owned(),
        version: "1".to_owned(),
        docs: String::new(),
        state_version,
        methods,
        events: Vec::new(),
        errors: Vec::new(),
        storage: Vec::new(),
    };
    abi.embed(wasm).unwrap_or_else(|error| panic!("{error}"))
}

pub fn method(selector: [u8; 4], kind: MethodKind) -> Method {
    Method {
        name: String::from_utf8_lossy(&selector).into_owned(),
        selector,
        kind,
        payable: matches!(kind, MethodKind::Init | MethodKind::Call),
        reentrant: selector == AGAIN,
        docs: String::new(),
        parameters: Vec::new(),
        returns: Type::Unit,
        error: None,
    }
}

/// The host functions that a text names, as `$` and their names.
fn imports(text: &str) -> String {
    let types = |types: &[ValueType]| {
        let name = |ty: &ValueType| if *ty == ValueType::I32 { "i32 " } else { "i64 " };
        types.iter().map(name).collect::<String>()
    };
    let ends = |letter: char| !letter.is_alphanumeric() && letter != '_';
    let named: BTreeSet<&str> =
        text.split('$').skip(1).filter_map(|rest| rest.split(ends).next()).collect();
    let mut imports = String::new();
    for function in HOST_FUNCTIONS.iter().filter(|function| named.contains(function.name)) {
        let (name, module) = (function.name, abi::host::MODULE);
        let (parameters, results) = (types(function.parameters), types(function.results));
        let _ = write!(
            imports,
            r#"(import "{module}" "{name}" (func ${name} (param {parameters}) (result {results})))"#
        );
    }
    imports
}

/// Where a contract of this code stands that key 1 made.
pub fn address_of(code: &[u8]) -> Address {
    let hash = Hash::of_bytes(Domain::Code, code);
    vm::contract_address(&CHAIN, &address(1), &hash, &[])
}

/// A data segment.
pub fn data(at: u32, bytes: &[u8]) -> String {
    let escaped: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!(r#"(data (i32.const {at}) "{escaped}")"#)
}

/// A data segment of bytes in hexadecimal.
pub fn hex(at: u32, digits: &str) -> String {
    let bytes =
        digits.as_bytes().chunks(2).map(|pair| format!("\\{}", String::from_utf8_lossy(pair)));
    format!(r#"(data (i32.const {at}) "{}")"#, bytes.collect::<String>())
}

/// A text again and again, with `#` as the count from 0.
pub fn repeat(count: u32, text: &str) -> String {
    (0..count).map(|number| text.replace('#', &number.to_string())).collect()
}

/// Makes `$x` the next of a sequence of numbers whose upper bits nobody can foresee.
pub const RANDOM: &str = "(local.set $x (i64.add (i64.mul (local.get $x)
    (i64.const 6364136223846793005)) (i64.const 1442695040888963407)))";
