//! Calls of a contract that imports as often as it may.

use abi::MethodKind;

use crate::corpus::Attack;
use crate::text::{RUN, described, method, repeat};

pub fn attack() -> Attack {
    let import = r#"(import "quorate" "get" (func $i# (param i32 i32 i32 i32) (result i64)))"#;
    let text = format!(
        r#"(module {} (memory (export "memory") 1)
            (func (export "call") (param i32) (result i32) i32.const 0))"#,
        repeat(64, import)
    );
    let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"));
    Attack::calling(described(&wasm, vec![method(RUN, MethodKind::Call)], 1))
}
