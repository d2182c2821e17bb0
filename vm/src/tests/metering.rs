//! Gas: what uses it up, and when it is taken.

use abi::MethodKind;
use primitives::receipt::{Failure, Status};
use primitives::{Amount, Gas, Receipt};

use crate::cost;
use crate::testing::{GAS, RUN, TestChain, calling, contract, method};

fn run(code: Vec<u8>) -> Receipt {
    let mut chain = TestChain::new();
    let contract = chain.deploy(code);
    chain.call(contract, &RUN, 0)
}

fn run_body(extra: &str, body: &str) -> Receipt {
    run(calling(extra, body))
}

fn check_out_of_gas(extra: &str, body: &str) {
    let receipt = run_body(extra, body);
    assert_eq!(receipt.status, Status::Failed(Failure::OutOfGas), "{body}");
    assert_eq!(receipt.gas_used, Gas(GAS), "{body}");
    assert_eq!(receipt.fee, Amount(u128::from(GAS)));
}

#[test]
fn endless_loops_end() {
    for body in [
        "(loop br 0) i32.const 0",
        "(loop (br_if 0 (i32.const 1))) i32.const 0",
        "(loop (block (br_table 1 0 (i32.const 0)))) i32.const 0",
        "(loop (if (i32.const 1) (then br 1))) i32.const 0",
        "(loop (block (block (block br 3)))) i32.const 0",
    ] {
        check_out_of_gas("", body);
    }
}

#[test]
fn executed_floats_take_all_gas_and_dead_ones_none() {
    check_out_of_gas("", "f32.const 1 f32.const 2 f32.add drop i32.const 0");
    check_out_of_gas("", "(i32.trunc_sat_f64_s (f64.const 1)) drop i32.const 0");
    check_out_of_gas("", "(if (i32.const 1) (then (f64.load (i32.const 0)) drop)) i32.const 0");
    let dead = run_body(
        "(func $unused (result f32) f32.const 1) (global (mut f64) (f64.const nan))",
        "(local f32) (if (i32.const 0) (then (f64.load (i32.const 0)) drop)) i32.const 0",
    );
    assert_eq!(dead.status, Status::Success);
}

/// The block with the write is charged as a whole before the write, and a float in it makes it
/// unpayable.
#[test]
fn gas_is_charged_before_effects() {
    let mut chain = TestChain::new();
    let write = "(call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))";
    let contract = chain.deploy(calling("", &format!("{write} f32.const 0 drop i32.const 0")));
    let before = chain.state.clone();
    let receipt = chain.call(contract, &RUN, 0);
    assert_eq!(receipt.status, Status::Failed(Failure::OutOfGas));
    let changed: Vec<_> = chain.state.iter().filter(|(k, v)| before.get(*k) != Some(*v)).collect();
    assert_eq!(changed.len(), 1, "only the sender's account");
    // With exactly the gas it needs it succeeds; with one less it fails and writes nothing.
    let contract = chain.deploy(calling("", &format!("{write} i32.const 0")));
    let used = chain.call(contract, &RUN, 0).gas_used;
    for (limit, expected) in
        [(used.0 - 1, Status::Failed(Failure::OutOfGas)), (used.0, Status::Success)]
    {
        let action =
            primitives::Action::Call { contract, arguments: RUN.to_vec(), value: Amount::ZERO };
        let mut transaction = chain.transaction(1, action);
        transaction.gas_limit = Gas(limit);
        let receipt = chain.send(1, transaction);
        assert_eq!((receipt.status, receipt.gas_used), (expected, Gas(limit)));
    }
}

#[test]
fn bulk_memory_is_paid_by_length() {
    let fill = |length: u32| {
        let receipt = run_body(
            "",
            &format!("(memory.fill (i32.const 0) (i32.const 1) (i32.const {length})) i32.const 0"),
        );
        assert_eq!(receipt.status, Status::Success);
        receipt.gas_used.0
    };
    assert_eq!(fill(60_000) - fill(20_000), 40_000 * cost::BULK_BYTE);
    // Paid before it is refused, by the unsigned length.
    check_out_of_gas("", "(memory.copy (i32.const 0) (i32.const 0) (i32.const -1)) i32.const 0");
}

#[test]
fn memory_grows_to_its_cap_at_a_rising_price() {
    let grow = |pages: &[u32], last: i32| {
        let grows: String =
            pages.iter().map(|p| format!("(drop (memory.grow (i32.const {p})))")).collect();
        let body = format!("{grows} (i32.ne (memory.grow (i32.const 1)) (i32.const {last}))");
        let receipt = run_body("", &body);
        assert_eq!(receipt.status, Status::Success, "{pages:?}");
        receipt.gas_used.0
    };
    let (first, second) = (grow(&[10], 11), grow(&[10, 10], 21));
    assert!(second - first > first - grow(&[0], 1), "the later pages cost more");
    // The whole at once costs what it costs in parts, but for the operators.
    let parts = grow(&[10, 10], 21);
    let whole = grow(&[20, 0], 21);
    assert_eq!(parts, whole);
    grow(&[254], 255);
    grow(&[255], -1);
    grow(&[256, 1_000_000, u32::MAX], 1);
}

/// Whatever maximum a module declares, a memory bomb meets the cap.
#[test]
fn a_memory_bomb_meets_the_cap() {
    let receipt = run_body(
        "",
        "(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
         (i32.ne (memory.size) (i32.const 256))",
    );
    assert_eq!(receipt.status, Status::Success);
}

/// What a scan passes by in vain was deleted by this block, and takes time as well.
#[test]
fn a_scan_pays_for_the_deleted_keys_it_passes() {
    let scanned = |first_byte: u8| {
        let text = format!(
            r#"(module
                (import "quorate" "delete" (func $delete (param i32 i32)))
                (import "quorate" "scan" (func $scan (param i32 i32 i32 i32 i32) (result i32)))
                (import "quorate" "next_batch" (func $next_batch (param i32 i32 i32) (result i64)))
                (memory (export "memory") 1) (data (i32.const 8) "\05\06\{first_byte:02x}")
                (func (export "call") (param i32) (result i32)
                    (loop (i32.store8 (i32.const 11) (local.get 0))
                        (call $delete (i32.const 10) (i32.const 2))
                        (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1)))
                            (i32.const 104))))
                    (drop (call $scan (i32.const 8) (i32.const 1) (i32.const 9) (i32.const 1)
                        (i32.const 0)))
                    (i32.wrap_i64 (call $next_batch (i32.const 0) (i32.const 0) (i32.const 9)))))"#
        );
        let receipt = run(contract(&text, &[method(RUN, MethodKind::Call)]));
        assert_eq!(receipt.status, Status::Success);
        receipt.gas_used.0
    };
    // A hundred keys within the scan, or behind it.
    assert_eq!(scanned(5) - scanned(6), 100 * crate::cost::SCAN_DELETED);
}

#[test]
fn every_trap_is_the_same_coarse_failure_and_takes_all_gas() {
    let table = "(type $t (func (result i64))) (type $u (func)) (table 2 funcref)
        (elem (i32.const 1) $u) (func $u (type $u))";
    for body in [
        "unreachable",
        "(i32.div_u (i32.const 1) (i32.const 0))",
        "(i32.div_s (i32.const -2147483648) (i32.const -1))",
        "(i32.load (i32.const 65536))",
        "(i32.load offset=65533 (i32.const 0))",
        "(drop (call_indirect (type $t) (i32.const 0))) i32.const 0",
        "(drop (call_indirect (type $t) (i32.const 1))) i32.const 0",
        "(drop (call_indirect (type $t) (i32.const 2))) i32.const 0",
        "(memory.fill (i32.const 65535) (i32.const 0) (i32.const 2)) i32.const 0",
    ] {
        let receipt = run_body(table, body);
        assert_eq!(receipt.status, Status::Failed(Failure::Trapped), "{body}");
        assert_eq!(receipt.gas_used, Gas(GAS), "{body}");
    }
}

#[test]
fn an_entry_that_answers_neither_is_a_misuse() {
    let receipt = run_body("", "i32.const 2");
    let message = "call answers 2, not 0 or 1".to_owned();
    assert_eq!(receipt.status, Status::Failed(Failure::HostMisuse(message)));
    assert!(receipt.gas_used < Gas(GAS));
}

/// Control flow still means what it meant: every way out of nested blocks, loops and branches gives
/// the right answer through the instrumentation.
#[test]
fn instrumented_control_flow_keeps_its_meaning() {
    let functions = r#"
        (func $early (param i32) (result i64)
            (block (loop (if (local.get 0) (then (return (i64.const 1))) (else (br 2)))))
            (i64.const 2))
        (func $table (param i32) (result i32)
            (block (block (block (br_table 0 1 3 2 (local.get 0))) (return (i32.const 10)))
                (return (i32.const 11)))
            (br 0 (i32.const 12)) )
        (func $sum (param i32) (result i32) (local i32)
            (loop (local.set 1 (i32.add (local.get 1) (local.get 0)))
                (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (call $same (local.get 1)))
        (func $same (param i32) (result i32) local.get 0)
        (func $nothing (param i32) (if (local.get 0) (then return)) (call $nothing (i32.const 1)))
    "#;
    let body = r#"
        (call $nothing (i32.const 0))
        (if (i64.ne (call $early (i32.const 1)) (i64.const 1)) (then unreachable))
        (if (i64.ne (call $early (i32.const 0)) (i64.const 2)) (then unreachable))
        (if (i32.ne (call $table (i32.const 0)) (i32.const 10)) (then unreachable))
        (if (i32.ne (call $table (i32.const 1)) (i32.const 11)) (then unreachable))
        (if (i32.ne (call $table (i32.const 3)) (i32.const 12)) (then unreachable))
        (if (i32.ne (call $sum (i32.const 100)) (i32.const 5050)) (then unreachable))
        i32.const 0"#;
    let functions =
        functions.replace("(br_table 0 1 3 2 (local.get 0))", "(br_table 0 1 2 (local.get 0))");
    assert_eq!(run_body(&functions, body).status, Status::Success);
}
