//! A contract that is given one code and another in turn, and migrates each time.

use primitives::{Domain, Hash};

use crate::corpus::{Attack, Bound};
use crate::text::{MIGRATE, Text, data};

pub fn attack() -> Attack {
    let codes = [1, 2].map(|state_version| {
        Text { state_version, ..Text::new("", "i32.const 0") }.module()
    });
    let [one, other] = codes.clone().map(|code| Hash::of_bytes(Domain::Code, &code).0);
    // It makes the contract, whose admin it is, in its own init.
    let init = "(drop (call $instantiate (i32.const 1000) (i32.const 0) (i32.const 4) (i32.const 0)
            (i32.const 0) (i32.const 2000) (i64.const 0)))
        (call $returned (i32.const 0))
        (call $set (i32.const 500) (i32.const 1) (i32.const 0) (i32.const 32)) i32.const 0";
    let upgrade = |code: u32, otherwise: &str| {
        format!(
            "(local.set $x (call $upgrade (i32.const 0) (i32.const {code}) (i32.const 1064)
                (i32.const 4) (i64.const 0)))
             (if (i64.ne (local.get $x) (i64.const 0)) (then {otherwise}))"
        )
    };
    // The first must succeed; the last has no gas for what it calls, and its caller some.
    let [first, later] = ["unreachable", "(loop (br 0))"]
        .map(|otherwise| [1_032, 1_000].map(|code| upgrade(code, otherwise)).concat());
    let body = format!(
        "(drop (call $get (i32.const 500) (i32.const 1) (i32.const 0) (i32.const 32)))
         {first} (loop {later} (br 0)) i32.const 0"
    );
    let extra =
        format!("{} {} {}", data(1_000, &one), data(1_032, &other), data(1_064, &MIGRATE));
    let text = Text { init: Some(init.to_owned()), ..Text::new(extra, body) };
    Attack { before: codes.to_vec(), ..Attack::new(&text, Bound::OutOfGas) }
}
