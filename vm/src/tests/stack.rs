//! Stack depth: metered, so that the native stack is never what ends a call.

use primitives::Gas;
use primitives::receipt::{Failure, Status};

use crate::testing::{GAS, RUN, TestChain, calling};

fn check_exhausted(functions: &str, body: &str) {
    let mut chain = TestChain::new();
    let contract = chain.deploy(calling(functions, body));
    let receipt = chain.call(contract, &RUN, 0);
    assert_eq!(receipt.status, Status::Failed(Failure::StackExhausted));
    assert_eq!(receipt.gas_used, Gas(GAS));
}

#[test]
fn unbounded_recursion_ends() {
    check_exhausted("(func $f call $f)", "call $f i32.const 0");
    check_exhausted("(func $f call $g) (func $g call $f)", "call $f i32.const 0");
    check_exhausted(
        "(type $t (func)) (table 1 funcref) (elem (i32.const 0) $f)
         (func $f (call_indirect (type $t) (i32.const 0)))",
        "call $f i32.const 0",
    );
}

/// Many locals, all alive across the call.
#[test]
fn frames_of_many_locals_do_not_reach_the_native_stack() {
    let many = |item: &str| (0..348).map(|i| item.replace('#', &i.to_string())).collect::<String>();
    let function = format!(
        "(func $f (param i64) (result i64) (local {}) {} (call $f (local.get 1)) {})",
        "i64 ".repeat(348),
        many("(local.set # (i64.mul (local.get 0) (i64.const #)))").replacen(
            "local.set 0",
            "local.set 348",
            1
        ),
        many("(i64.xor (local.get #))"),
    );
    check_exhausted(&function, "(drop (call $f (i64.const 3))) i32.const 0");
}

/// One local, but thousands of products that an optimiser may keep from before the call to after
/// it, instead of computing them again: the frame is large though the function does not look it.
#[test]
fn frames_that_the_optimiser_makes_do_not_reach_the_native_stack() {
    let products = |from: u32| -> String {
        (from..from + 2_500)
            .map(|i| {
                format!(
                    "(local.set 1 (i64.xor (local.get 1) (i64.mul (local.get 0) (i64.const {})))) ",
                    i * 7 + 3
                )
            })
            .collect()
    };
    let function = format!(
        "(func $f (param i64) (result i64) (local i64) {0}
            (local.set 1 (i64.xor (local.get 1) (call $f (local.get 1)))) {0} local.get 1)",
        products(11),
    );
    check_exhausted(&function, "(drop (call $f (i64.const 3))) i32.const 0");
}

/// What a function took it gives back, on every way out.
#[test]
fn returning_gives_the_frame_back() {
    let mut chain = TestChain::new();
    let contract = chain.deploy(calling(
        "(func $f (param i32) (if (i32.and (local.get 0) (i32.const 1)) (then return))
            (if (i32.and (local.get 0) (i32.const 2)) (then (br 1))) (call $g))
         (func $g)",
        "(local i32) (local.set 1 (i32.const 20000))
         (loop (call $f (local.get 1))
            (br_if 0 (local.tee 1 (i32.sub (local.get 1) (i32.const 1))))) i32.const 0",
    ));
    assert_eq!(chain.call(contract, &RUN, 0).status, Status::Success);
}

/// A recursion of a thousand ordinary frames is nothing unusual and must work.
#[test]
fn ordinary_recursion_works() {
    let mut chain = TestChain::new();
    let contract = chain.deploy(calling(
        "(func $f (param i32) (result i32)
            (if (result i32) (local.get 0)
                (then (i32.add (local.get 0) (call $f (i32.sub (local.get 0) (i32.const 1)))))
                (else (i32.const 0))))",
        "(i32.ne (call $f (i32.const 1000)) (i32.const 500500))",
    ));
    assert_eq!(chain.call(contract, &RUN, 0).status, Status::Success);
}
