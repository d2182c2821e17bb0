//! The native stack, with frames that look small: thousands of products that an optimiser may keep
//! across the call.

use crate::corpus::{Attack, Bound};
use crate::text::{Text, repeat};

pub fn attack() -> Attack {
    let product = "(local.set 1 (i64.xor (local.get 1) (i64.mul (local.get 0) (i64.const #71))))";
    let products = repeat(2_500, product);
    let function = format!(
        "(func $f (param i64) (result i64) (local i64) {products}
            (local.set 1 (i64.xor (local.get 1) (call $f (local.get 1)))) {products} local.get 1)"
    );
    let text = Text::new(function, "(drop (call $f (i64.const 3))) i32.const 0");
    Attack::new(&text, Bound::StackExhausted)
}
