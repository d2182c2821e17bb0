//! New contracts, each under another salt.

use primitives::{Domain, Hash};

use crate::corpus::Attack;
use crate::text::{Text, data};

pub fn attack() -> Attack {
    let code = Text::new("", "i32.const 0").module();
    let instantiate = "
        (i32.store (i32.const 0) (local.tee $a (i32.add (local.get $a) (i32.const 1))))
        (drop (call $instantiate (i32.const 1000) (i32.const 0) (i32.const 4) (i32.const 0)
            (i32.const 0) (i32.const 2000) (i64.const 0)))";
    let extra = data(1_000, &Hash::of_bytes(Domain::Code, &code).0);
    Attack { before: vec![code], ..Attack::forever(extra, instantiate) }
}
