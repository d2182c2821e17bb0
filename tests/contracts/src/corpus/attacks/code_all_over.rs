//! A megabyte of code, run through again and again: every instruction comes from beyond the
//! processor's caches.

use crate::corpus::Attack;
use crate::text::repeat;

pub fn attack() -> Attack {
    let line = repeat(
        1_200,
        "(local.set 0 (i64.add (i64.xor (local.get 0) (i64.const 0x1234567#)) (i64.const 0x765432#)))",
    );
    let functions = repeat(40, &format!("(func $f@ (param i64) (result i64) {line} local.get 0)"));
    let functions = number(&functions, 40);
    Attack::forever(functions, repeat(40, "(local.set $x (call $f# (local.get $x)))"))
}

/// Gives each function its number.
fn number(functions: &str, count: u32) -> String {
    (0..count).fold(functions.to_owned(), |text, number| {
        text.replacen("$f@", &format!("$f{number}"), 1)
    })
}
