//! What may be uploaded, and in which words the rest is refused.

use abi::MethodKind;
use primitives::receipt::{Failure, Status};
use primitives::{Action, Domain, Hash};

use crate::testing::{ASK, INIT, RUN, TestChain, calling, contract, method};
use crate::{check_code, cost};

/// Refused, with a message that contains the text.
fn check_refused(code: &[u8], expected: &str) {
    let refusal = check_code(code).expect_err(expected).to_string();
    assert!(refusal.contains(expected), "{refusal:?} does not say {expected:?}");
}

fn check_refused_text(text: &str, expected: &str) {
    check_refused(&contract(text, &[]), expected);
}

/// A module around one function.
fn with_function(function: &str) -> String {
    format!(r#"(module (memory (export "memory") 1) {function})"#)
}

#[test]
fn a_good_module_gives_its_abi() {
    let code = calling("", "i32.const 0");
    let abi = check_code(&code).unwrap();
    assert_eq!(abi.methods.len(), 4);
}

#[test]
fn features_are_refused_by_name_and_place() {
    for (function, expected) in [
        ("(func $f v128.const i64x2 0 0 drop)", "function 0 (f) uses SIMD"),
        ("(func (param v128))", "type 0 uses SIMD"),
        ("(func (local externref))", "function 0 uses reference types"),
        ("(func ref.null func drop)", "function 0 uses reference types"),
        ("(func $a) (func $g return_call $a)", "function 1 (g) uses tail calls"),
        ("(func (result i32 i32) i32.const 0 i32.const 0)", "type 0 uses multi-value"),
        ("(func i32.const 0 (block (param i32) drop))", "uses multi-value"),
        ("(func $a) (start $a)", "uses a start function"),
        ("(tag)", "uses exceptions"),
        ("(memory 1)", "2 memories, and at most 1"),
        (
            "(func i32.const 0 i32.const 0 i32.const 0 memory.init 0) (data \"x\")",
            "uses bulk memory beyond",
        ),
        ("(func atomic.fence)", "function 0 uses threads"),
        ("(func i64.const 0 i64.const 0 i64.mul_wide_s drop drop)", "wide_arithmetic"),
        ("(type (struct))", "uses garbage collection"),
    ] {
        check_refused_text(&with_function(function), expected);
    }
    check_refused_text(r#"(module (memory (export "memory") i64 1))"#, "uses memory64");
    check_refused_text(r#"(module (memory (export "memory") 1 1 shared))"#, "uses threads");
}

/// The offset is that of the operator, of the function or of the section that is refused, so that a
/// disassembler leads to it.
#[test]
fn refusals_say_at_which_byte() {
    let check = |text: &str, bytes: &[u8]| {
        let code = contract(text, &[]);
        let refusal = check_code(&code).unwrap_err();
        let at = usize::try_from(refusal.at.unwrap()).unwrap();
        assert_eq!(&code[at..at + bytes.len()], bytes, "{refusal}");
        assert!(refusal.to_string().ends_with(&format!(" (at byte {at})")), "{refusal}");
    };
    check(&with_function("(func nop ref.null func drop)"), &[0xd0, 0x70]);
    check(&with_function("(func nop nop) (func nop v128.const i64x2 3 4 drop)"), &[0xfd, 12, 3]);
    // Nothing to add: the operator itself.
    check(&with_function("(func nop i32.const 7 i32.add drop)"), &[0x6a]);
    // The body, with its groups of locals.
    check(&with_function("(func (local externref))"), &[1, 1, 0x6f]);
    // The export's name, the import's module, the type.
    check(r#"(module (memory (export "memory") 1) (func (export "quorate:x")))"#, b"\x09quorate:x");
    check(r#"(module (import "env" "get" (func)))"#, b"\x03env\x03get");
    check("(module (type (func (result i32 i32))))", &[0x60, 0, 2]);
    // The section's count.
    check("(module (tag) (tag))", &[2, 0, 0, 0, 0]);
}

#[test]
fn every_cap_is_kept() {
    let many = |count: usize, item: &str| item.repeat(count);
    let within = |body: String| with_function(&format!("(func {body})"));
    for (text, expected) in [
        (with_function(&many(4_097, "(func)")), "4097 functions, and at most 4096"),
        (within(many(70_000, "nop ")), "bytes, and at most 65536"),
        (within(format!("(local {})", many(349, "i32 "))), "349 local variables, and at most 348"),
        (within(format!("(param {})", many(17, "i32 "))), "17 parameters, and at most 16"),
        (
            within(format!("i32.const 0 br_table {}", many(1_026, "0 "))),
            "1025 targets in a br_table, and at most 1024",
        ),
        (
            within(format!("{} {}", many(257, "block "), many(257, "end "))),
            "blocks inside each other",
        ),
        (within(many(4_096, "(br_if 0 (i32.const 0)) ")), "4097 branches, and at most 4096"),
        (with_function(&many(1_025, "(global i32 (i32.const 0))")), "1025 globals"),
        (with_function("(table 4097 funcref)"), "4097 table entries, and at most 4096"),
        (with_function("(table 1 funcref) (table 1 funcref)"), "2 tables, and at most 1"),
        (with_function(&many(129, r#"(data (i32.const 0) "x")"#)), "129 data segments"),
    ] {
        check_refused_text(&text, expected);
    }
    let locals = format!("(func (local {}))", many(348, "i32 "));
    check_refused_text(&with_function(&many(190, &locals)), "local variables in all");
    let branches = format!("(func {})", many(4_000, "(br_if 0 (i32.const 0)) "));
    check_refused_text(&with_function(&many(17, &branches)), "branches in all");
    check_refused_text(r#"(module (memory (export "memory") 257))"#, "257 initial pages");
    check_refused(&vec![0; (1 << 20) + 1], "it has 1048577 bytes");
}

#[test]
fn imports_are_those_of_the_host() {
    for (import, expected) in [
        (r#"(import "env" "get" (func))"#, "imports env.get, which the host does not offer"),
        (r#"(import "quorate" "clock" (func))"#, "imports quorate.clock"),
        (r#"(import "quorate" "get" (func (param i64)))"#, "imports get with another type"),
        (r#"(import "quorate" "get" (global i32))"#, "imports quorate.get"),
        (r#"(import "quorate" "memory" (memory 1))"#, "imports quorate.memory"),
    ] {
        check_refused_text(&format!("(module {import})"), expected);
    }
}

#[test]
fn exports_are_those_of_the_interface() {
    check_refused_text("(module (memory 1))", "exports no memory");
    let reserved = r#"(module (memory (export "memory") 1) (func (export "quorate:gas")))"#;
    check_refused_text(reserved, "names that begin with quorate: are reserved");
    for (selector, kind, name) in [
        (INIT, MethodKind::Init, "init"),
        (RUN, MethodKind::Call, "call"),
        (ASK, MethodKind::Query, "query"),
    ] {
        let text = format!(
            r#"(module (memory (export "memory") 1) (func (export "{name}") (param i64) (result i32)
                i32.const 0))"#
        );
        let code = contract(&text, &[method(selector, kind)]);
        check_refused(&code, &format!("exports no {name}"));
    }
}

#[test]
fn segments_lie_in_what_is_there_at_first() {
    for item in [
        r#"(data (i32.const 65536) "x")"#,
        r#"(data (i32.const -1) "x")"#,
        "(func $f) (table 2 funcref) (elem (i32.const 1) $f $f)",
    ] {
        check_refused_text(&with_function(item), "does not lie in the first pages");
    }
}

#[test]
fn nonsense_is_refused_without_its_reader_showing() {
    check_refused(b"", "no well-formed");
    check_refused(b"\0asm\x01\0\0\0\x01\xff", "no well-formed");
    check_refused(&wat::parse_str(with_function("(func)")).unwrap(), "ABI section is missing");
    // Well-formed, but adds nothing to nothing.
    let mut code = contract(&with_function("(func $f i32.const 0 drop)"), &[]);
    let at = code.windows(3).position(|bytes| bytes == [0x41, 0, 0x1a]).unwrap();
    code[at + 1..=at + 1].copy_from_slice(&[0x1a]);
    code[at] = 0x1a;
    check_refused(&code, "function 0 (f) is not valid WebAssembly");
}

#[test]
fn an_upload_is_paid_by_bytes_and_can_be_repeated() {
    let mut chain = TestChain::new();
    let code = calling("", "i32.const 0");
    let hash = Hash::of_bytes(Domain::Code, &code);
    let first = chain.act(1, Action::Upload { code: code.clone() });
    let again = chain.act(2, Action::Upload { code: code.clone() });
    for receipt in [&first, &again] {
        assert_eq!(receipt.status, Status::Success);
        assert_eq!(receipt.output, hash.0);
    }
    assert_eq!(first.gas_used, again.gas_used);
    let longer = calling("(data (i32.const 0) \"0123456789\")", "i32.const 0");
    let more = (longer.len() - code.len()) as u64;
    let third = chain.act(1, Action::Upload { code: longer });
    assert_eq!(third.gas_used.0, first.gas_used.0 + more * cost::UPLOAD_BYTE);
}

#[test]
fn a_refused_upload_is_a_receipt_with_the_reason() {
    let mut chain = TestChain::new();
    let code = contract("(module (func $a) (start $a))", &[]);
    let receipt = chain.act(1, Action::Upload { code });
    let message =
        "its module uses a start function, which contracts may not (at byte 20)".to_owned();
    assert_eq!(receipt.status, Status::Failed(Failure::InvalidCode(message)));
    assert!(receipt.fee.0 > 0);
}

/// The long encoding of `call_indirect`, with a padded table index, is what newer compilers write.
#[test]
fn the_long_encoding_of_call_indirect_runs() {
    let mut chain = TestChain::new();
    let text = r#"(module (memory (export "memory") 1) (type $t (func (result i32)))
        (table 1 funcref) (elem (i32.const 0) $seven) (func $seven (type $t) i32.const 7)
        (func (export "call") (param i32) (result i32)
            (i32.ne (call_indirect (type $t) (i32.const 0)) (i32.const 7))))"#;
    let mut code = contract(text, &[method(RUN, MethodKind::Call)]);
    // The operator with its type index, one-byte table index 0.
    let at = code.windows(3).rposition(|b| b[0] == 0x11 && b[2] == 0).unwrap();
    code.splice(at + 2..at + 3, [0x80, 0x00]);
    grow_sizes(&mut code, at);
    let contract = chain.deploy(code);
    assert_eq!(chain.call(contract, &RUN, 0).status, Status::Success);
}

/// Adds one to the length of the section and of the body that hold the byte at `at`. All lengths
/// here are below 127.
fn grow_sizes(code: &mut [u8], at: usize) {
    let mut section = 8;
    while section + 2 + usize::from(code[section + 1]) < at {
        section += 2 + usize::from(code[section + 1]);
    }
    let mut body = section + 3;
    while body + 1 + usize::from(code[body]) < at {
        body += 1 + usize::from(code[body]);
    }
    code[section + 1] += 1;
    code[body] += 1;
}
