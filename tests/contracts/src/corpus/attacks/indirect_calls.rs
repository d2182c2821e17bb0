//! Calls through the table, each to another function that the processor can't foresee.

use crate::corpus::Attack;
use crate::text::{RANDOM, repeat};

pub fn attack() -> Attack {
    let members: String = (0..4_096).map(|number| format!("$f{} ", number * 7 % 1_000)).collect();
    let table = format!(
        "(type $t (func (param i64) (result i64))) (table 4096 funcref)
         (elem (i32.const 0) {members})"
    );
    let functions = repeat(1_000, "(func $f# (type $t) (i64.add (local.get 0) (i64.const #)))");
    let call = "(local.set $y (call_indirect (type $t) (local.get $y)
        (i32.wrap_i64 (i64.shr_u (local.get $x) (i64.const 52)))))";
    Attack::forever(format!("{table} {functions}"), format!("{RANDOM} {call}"))
}
