//! The contracts that the parts are measured with, as WebAssembly text.

use abi::{Abi, Method, MethodKind, Type};
use anyhow::Result;

/// The selectors of the one method, as a call and as a query.
pub(super) const RUN: [u8; 4] = *b"run_";
pub(super) const ASK: [u8; 4] = *b"ask_";

/// Where the loops find what they pass to the host.
const KEY: u32 = 64;
const OTHER_KEY: u32 = 128;
const PLACE: u32 = 1_024;
const TOPICS: u32 = 2_048;
const ADDRESS: u32 = 3_072;
const SELECTOR: u32 = 3_104;
const NOTHING: u32 = 4_096;

/// Bytes of a key, as long as those of the token's balances, and of a value.
pub(super) const KEY_BYTES: usize = 36;
pub(super) const VALUE_BYTES: usize = 16;
/// The key that is there.
pub(super) const PRESENT: [u8; KEY_BYTES] = [7; KEY_BYTES];

const IMPORTS: &str = r#"
    (import "quorate" "input" (func $input (param i32)))
    (import "quorate" "set_output" (func $set_output (param i32 i32)))
    (import "quorate" "context" (func $context (param i32)))
    (import "quorate" "get" (func $get (param i32 i32 i32 i32) (result i64)))
    (import "quorate" "set" (func $set (param i32 i32 i32 i32)))
    (import "quorate" "emit" (func $emit (param i32 i32 i32 i32)))
    (import "quorate" "call" (func $call (param i32 i32 i32 i32 i64 i32) (result i64)))
    (import "quorate" "returned" (func $returned (param i32)))
"#;

/// A contract whose method does nothing.
pub(super) fn empty() -> Result<Vec<u8>> {
    contract(
        r#"(module (memory (export "memory") 1)
            (func $run (export "call") (param i32) (result i32) i32.const 0)
            (export "query" (func $run)))"#,
    )
}

/// What a loop's turn asks of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// The output of a call that was never made: nothing but the crossing.
    Nothing,
    Context,
    GetPresent,
    GetAbsent,
    SetSame,
    SetFresh,
    Emit,
    /// A call of the contract with this address.
    Call([u8; 32]),
}

/// A contract that asks as often as its argument says.
pub(super) fn asking(ask: Ask) -> Result<Vec<u8>> {
    let body = match ask {
        Ask::Nothing => format!("(call $returned (i32.const {PLACE}))"),
        Ask::Context => format!("(call $context (i32.const {PLACE}))"),
        Ask::GetPresent => get(KEY),
        Ask::GetAbsent => get(OTHER_KEY),
        Ask::SetSame => set(),
        Ask::SetFresh => format!("(i64.store (i32.const {KEY}) (local.get $turn)) {}", set()),
        Ask::Emit => format!(
            "(call $emit (i32.const {TOPICS}) (i32.const {}) (i32.const {PLACE}) (i32.const {VALUE_BYTES}))",
            topics().len(),
        ),
        Ask::Call(_) => format!(
            "(drop (call $call (i32.const {ADDRESS}) (i32.const {SELECTOR}) (i32.const 4) \
             (i32.const {NOTHING}) (i64.const 0) (i32.const 0)))"
        ),
    };
    let address = if let Ask::Call(address) = ask { address } else { [0; 32] };
    let data = [
        data(KEY, &PRESENT),
        data(TOPICS, &topics()),
        data(ADDRESS, &address),
        data(SELECTOR, &ASK),
    ];
    contract(&format!(
        r#"(module {IMPORTS} (memory (export "memory") 1) {}
            (func $run (export "call") (param i32) (result i32) (local $turns i64) (local $turn i64)
                (call $input (i32.const 0))
                (local.set $turns (i64.load (i32.const 4)))
                (block (loop
                    (br_if 1 (i64.ge_u (local.get $turn) (local.get $turns)))
                    {body}
                    (local.set $turn (i64.add (local.get $turn) (i64.const 1)))
                    (br 0)))
                i32.const 0)
            (export "query" (func $run)))"#,
        data.concat(),
    ))
}

fn get(key: u32) -> String {
    format!(
        "(drop (call $get (i32.const {key}) (i32.const {KEY_BYTES}) (i32.const {PLACE}) (i32.const 128)))"
    )
}

fn set() -> String {
    format!(
        "(call $set (i32.const {KEY}) (i32.const {KEY_BYTES}) (i32.const {PLACE}) (i32.const {VALUE_BYTES}))"
    )
}

/// A selector and two addresses, as the token's event has them.
fn topics() -> Vec<u8> {
    let mut bytes = vec![3, 0, 0, 0];
    for topic in [&[1; 4][..], &[2; 32], &[3; 32]] {
        bytes.extend_from_slice(&[u8::try_from(topic.len()).unwrap_or(0), 0, 0, 0]);
        bytes.extend_from_slice(topic);
    }
    bytes
}

fn data(at: u32, bytes: &[u8]) -> String {
    let bytes: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!("(data (i32.const {at}) \"{bytes}\")")
}

/// What a loop computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// A byte of memory goes into a hash: short turns, and so many checks of the gas.
    Hash,
    /// Sixteen rounds of SplitMix64, one after the other: hardly a check.
    Mix,
    /// Fibonacci of 12, which is 465 calls: checks of gas and of the stack.
    Calls,
}

impl Work {
    pub(super) const ALL: [Self; 3] = [Self::Hash, Self::Mix, Self::Calls];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hash => "hash, a byte a turn",
            Self::Mix => "mix, 16 rounds a turn",
            Self::Calls => "Fibonacci, 465 calls a turn",
        }
    }

    /// The function `$work`, of so many turns, and its memory.
    fn text(self) -> String {
        let turn = match self {
            Self::Hash => {
                "(local.set $state (i64.mul (i64.const 0x100000001b3) (i64.xor (local.get $state) \
                 (i64.load8_u (i32.and (i32.wrap_i64 (local.get $turn)) (i32.const 0xffff))))))"
                    .to_owned()
            }
            Self::Mix => ROUND.repeat(16),
            Self::Calls => "(local.set $state (i64.add (local.get $state) \
                 (call $fibonacci (i64.const 12))))"
                .to_owned(),
        };
        format!(
            r#"(memory (export "memory") 1)
            (func $fibonacci (param $n i64) (result i64)
                (if (result i64) (i64.lt_u (local.get $n) (i64.const 2))
                    (then (local.get $n))
                    (else (i64.add
                        (call $fibonacci (i64.sub (local.get $n) (i64.const 1)))
                        (call $fibonacci (i64.sub (local.get $n) (i64.const 2)))))))
            (func $work (param $turns i64) (result i64) (local $turn i64) (local $state i64)
                (local.set $state (i64.const 0x4bf29ce484222325))
                (block (loop
                    (br_if 1 (i64.ge_u (local.get $turn) (local.get $turns)))
                    {turn}
                    (local.set $turn (i64.add (local.get $turn) (i64.const 1)))
                    (br 0)))
                (local.get $state))"#
        )
    }

    /// As a contract: turns in, state out.
    pub(super) fn contract(self) -> Result<Vec<u8>> {
        contract(&format!(
            r#"(module {IMPORTS} {}
                (func (export "query") (param i32) (result i32)
                    (call $input (i32.const 0))
                    (i64.store (i32.const 0) (call $work (i64.load (i32.const 4))))
                    (call $set_output (i32.const 0) (i32.const 8))
                    i32.const 0))"#,
            self.text(),
        ))
    }

    /// The same function alone, for the engine as it is. Its memory begins as the contract's, whose input is there.
    pub(super) fn bare(self) -> Result<Vec<u8>> {
        let store =
            "(i32.store (i32.const 0) (local.get 1)) (i64.store (i32.const 4) (local.get 0))";
        let text = format!(
            r#"(module {}
                (func (export "work") (param i64 i32) (result i64) {store}
                    (call $work (local.get 0))))"#,
            self.text(),
        );
        Ok(wat::parse_str(text)?)
    }
}

const ROUND: &str = "
    (local.set $state (i64.add (local.get $state) (i64.const 0x9e3779b97f4a7c15)))
    (local.set $state (i64.mul
        (i64.xor (local.get $state) (i64.shr_u (local.get $state) (i64.const 30)))
        (i64.const 0xbf58476d1ce4e5b9)))
    (local.set $state (i64.mul
        (i64.xor (local.get $state) (i64.shr_u (local.get $state) (i64.const 27)))
        (i64.const 0x94d049bb133111eb)))
    (local.set $state (i64.xor (local.get $state) (i64.shr_u (local.get $state) (i64.const 31))))";

/// A module with the description that it needs for an upload: a call and a query, whichever it exports.
fn contract(text: &str) -> Result<Vec<u8>> {
    let method = |selector: [u8; 4], kind| Method {
        name: String::from_utf8_lossy(&selector).into_owned(),
        selector,
        kind,
        payable: false,
        reentrant: false,
        docs: String::new(),
        parameters: Vec::new(),
        returns: Type::Unit,
        error: None,
    };
    let mut methods = vec![method(ASK, MethodKind::Query)];
    if text.contains("(export \"call\")") {
        methods.push(method(RUN, MethodKind::Call));
    }
    let abi = Abi {
        interface: abi::host::VERSION,
        name: "bench".to_owned(),
        version: "1".to_owned(),
        docs: String::new(),
        state_version: 1,
        methods,
        events: Vec::new(),
        errors: Vec::new(),
        storage: Vec::new(),
    };
    Ok(abi.embed(&wat::parse_str(text)?)?)
}
