//! What is measured: operators, by the sort of their work, and host functions.

use vm::cost;
use wasmparser::{BlockType, MemArg, Operator};

/// Something with a price.
pub(super) struct Unit {
    pub(super) name: &'static str,
    /// What the operator costs now; `None` for a host function, which is all of its unit.
    pub(super) price: Option<u64>,
    pub(super) text: &'static str,
    pub(super) memory: &'static str,
}

/// Beside the units: what some of them need.
pub(super) const BESIDE: &str = "(global $g (mut i64) (i64.const 0)) (func $nothing)
    (type $t (func (param i64) (result i64))) (table 1 funcref) (elem (i32.const 0) $same)
    (func $same (type $t) local.get 0)
    (data (i32.const 1000) \"\\01\\01\\01\\01\\01\\01\\01\\01\\01\\01\\01\\01\\01\\01\\01\\01\")";

const MEMORY: MemArg = MemArg { align: 0, max_align: 3, offset: 0, memory: 0 };

pub(super) fn all() -> Vec<Unit> {
    let parts = [computing(), moving(), host_functions()];
    parts.into_iter().flatten().collect()
}

fn operator(name: &'static str, operator: Operator<'_>, text: &'static str) -> Unit {
    // A call through the table is of one parameter here.
    let price = Some(cost::operator(&operator, |_| 1, cost::load(1)));
    Unit { name, price, text, memory: "1" }
}

fn host_function(name: &'static str, text: &'static str) -> Unit {
    Unit { name, price: None, text, memory: "17" }
}

fn computing() -> Vec<Unit> {
    vec![
        operator(
            "i64.add",
            Operator::I64Add,
            "(local.set $x (i64.add (local.get $x) (local.get $y)))",
        ),
        operator(
            "i32.shl",
            Operator::I32Shl,
            "(local.set $a (i32.shl (local.get $a) (i32.const 3)))",
        ),
        operator(
            "i64.mul",
            Operator::I64Mul,
            "(local.set $x (i64.mul (local.get $x) (local.get $y)))",
        ),
        operator(
            "i64.lt_s",
            Operator::I64LtS,
            "(local.set $x (i64.extend_i32_u (i64.lt_s (local.get $x) (local.get $y))))",
        ),
        operator(
            "i32.eq",
            Operator::I32Eq,
            "(local.set $a (i32.eq (local.get $a) (local.get $b)))",
        ),
        operator("i64.clz", Operator::I64Clz, "(local.set $x (i64.clz (local.get $x)))"),
        operator("i32.popcnt", Operator::I32Popcnt, "(local.set $a (i32.popcnt (local.get $a)))"),
        operator("i64.popcnt", Operator::I64Popcnt, "(local.set $x (i64.popcnt (local.get $x)))"),
        operator(
            "i32.div_u",
            Operator::I32DivU,
            "(local.set $a (i32.div_u (i32.sub (i32.const -3) (local.get $a)) (i32.const 7)))",
        ),
        operator(
            "i64.div_u",
            Operator::I64DivU,
            "(local.set $x (i64.div_u (i64.sub (i64.const -3) (local.get $x))
                (i64.or (local.get $y) (i64.const 7))))",
        ),
        operator(
            "i64.rem_s",
            Operator::I64RemS,
            "(local.set $x (i64.rem_s (i64.sub (i64.const -3) (local.get $x))
                (i64.or (local.get $y) (i64.const 7))))",
        ),
    ]
}

/// Values, memory and control.
fn moving() -> Vec<Unit> {
    vec![
        operator(
            "select",
            Operator::Select,
            "(local.set $x (select (i64.add (local.get $x) (i64.const 3)) (local.get $y)
                (i32.wrap_i64 (local.get $x))))",
        ),
        operator(
            "global.get",
            Operator::GlobalGet { global_index: 0 },
            "(local.set $x (i64.xor (local.get $x) (global.get $g)))",
        ),
        operator(
            "global.set",
            Operator::GlobalSet { global_index: 0 },
            "(global.set $g (i64.add (global.get $g) (i64.const 3)))",
        ),
        operator(
            "i64.load",
            Operator::I64Load { memarg: MEMORY },
            "(local.set $a (i32.wrap_i64 (i64.load (local.get $a))))",
        ),
        operator(
            "i64.store",
            Operator::I64Store { memarg: MEMORY },
            "(i64.store (local.get $a) (local.get $x))",
        ),
        operator(
            "memory.size",
            Operator::MemorySize { mem: 0 },
            "(local.set $a (i32.add (local.get $a) (memory.size)))",
        ),
        operator(
            "memory.grow",
            Operator::MemoryGrow { mem: 0 },
            "(local.set $a (i32.and (i32.const 0) (memory.grow (local.get $a))))",
        ),
        operator(
            "memory.copy",
            Operator::MemoryCopy { dst_mem: 0, src_mem: 0 },
            "(memory.copy (local.get $a) (i32.const 1000) (i32.const 1))",
        ),
        operator(
            "memory.fill",
            Operator::MemoryFill { mem: 0 },
            "(memory.fill (local.get $a) (i32.const 7) (i32.const 1))",
        ),
        operator("br_if", Operator::BrIf { relative_depth: 0 }, "(block (br_if 0 (local.get $a)))"),
        operator(
            "if",
            Operator::If { blockty: BlockType::Empty },
            "(if (local.get $a) (then (local.set $a (i32.const 0))))",
        ),
        operator("call", Operator::Call { function_index: 0 }, "(call $nothing)"),
        operator(
            "call_indirect",
            Operator::CallIndirect { type_index: 0, table_index: 0 },
            "(local.set $x (call_indirect (type $t) (local.get $x) (i32.const 0)))",
        ),
    ]
}

/// Host functions, with arguments that they accept.
fn host_functions() -> Vec<Unit> {
    vec![
        host_function("returned, nothing", "(call $returned (i32.const 0))"),
        host_function("input, 4 bytes", "(call $input (i32.const 0))"),
        host_function("context", "(call $context (i32.const 0))"),
        host_function("set_output, 64 KiB", "(call $set_output (i32.const 0) (i32.const 65536))"),
        host_function(
            "get, absent",
            "(drop (call $get (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 0)))",
        ),
        host_function("has, absent", "(drop (call $has (i32.const 0) (i32.const 4)))"),
        host_function(
            "set, 32 bytes",
            "(call $set (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 32))",
        ),
        host_function(
            "set, 64 KiB",
            "(call $set (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 65536))",
        ),
        host_function("delete", "(call $delete (i32.const 0) (i32.const 4))"),
        host_function(
            "add",
            "(drop (call $add (i32.const 8) (i32.const 4) (i32.const 0) (i32.const 1000)))",
        ),
        host_function("transfer, nothing", "(drop (call $transfer (i32.const 0) (i32.const 0)))"),
        host_function("balance", "(call $balance (i32.const 0) (i32.const 32))"),
        host_function(
            "call, nobody",
            "(drop (call $call (i32.const 0) (i32.const 0) (i32.const 4)
            (i32.const 0) (i64.const 0) (i32.const 0)))",
        ),
        host_function(
            "blake3, 64 KiB",
            "(call $blake3 (i32.const 0) (i32.const 65536) (i32.const 65536))",
        ),
        host_function(
            "sha256, 64 KiB",
            "(call $sha256 (i32.const 0) (i32.const 65536) (i32.const 65536))",
        ),
        host_function(
            "keccak256, 64 KiB",
            "(call $keccak256 (i32.const 0) (i32.const 65536) (i32.const 65536))",
        ),
        host_function(
            "blake3, nothing",
            "(call $blake3 (i32.const 0) (i32.const 0) (i32.const 65536))",
        ),
        host_function(
            "sha256, nothing",
            "(call $sha256 (i32.const 0) (i32.const 0) (i32.const 65536))",
        ),
        host_function(
            "keccak256, nothing",
            "(call $keccak256 (i32.const 0) (i32.const 0) (i32.const 65536))",
        ),
    ]
}
