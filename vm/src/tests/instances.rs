//! Every run of a contract finds what the first one found.

use primitives::receipt::{Failure, Status};

use crate::testing::{AGAIN, RUN, TestChain, calling};

/// Answers with what it finds: a global, the memory's first bytes and size, and the table; and
/// leaves all of them otherwise. Then it ends as its argument says: it returns, or it traps.
fn nosy() -> Vec<u8> {
    let extra = r#"
        (global $seen (mut i32) (i32.const 7))
        (data (i32.const 8) "\2a")
        (table 2 funcref) (elem (i32.const 0) $one)
        (type $number (func (result i32)))
        (func $one (result i32) i32.const 1)"#;
    let body = r#"
        (i32.store (i32.const 100) (global.get $seen))
        (i32.store (i32.const 104) (i32.load (i32.const 4)))
        (i32.store (i32.const 108) (i32.load (i32.const 8)))
        (i32.store (i32.const 112) (memory.size))
        (i32.store (i32.const 116) (i32.load (i32.const 65532)))
        (i32.store (i32.const 120) (call_indirect (type $number) (i32.const 0)))
        (call $set_output (i32.const 100) (i32.const 24))
        (global.set $seen (i32.const 8))
        (i32.store (i32.const 4) (i32.const -1))
        (i32.store (i32.const 8) (i32.const -1))
        (i32.store (i32.const 65532) (i32.const -1))
        (drop (memory.grow (i32.const 1)))
        (i32.store (i32.const 131068) (i32.const -1))
        (call $input (i32.const 0))
        (if (i32.eq (i32.load (i32.const 0)) (i32.const 0x69616761)) (then unreachable))
        i32.const 0"#;
    calling(extra, body)
}

/// More runs than one store serves, in threads that end, with traps in between.
#[test]
fn an_instance_is_fresh_however_many_were_before_it_and_however_they_ended() {
    assert_eq!(u32::from_le_bytes(AGAIN), 0x6961_6761, "the word that it traps at");
    let mut chain = TestChain::new();
    let contract = chain.deploy(nosy());
    let first = [7, 0, 0x2a, 1, 0, 1_u32].map(u32::to_le_bytes).concat();
    for turn in 0..3 {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for call in 0..50 {
                    if call % 3 == 2 {
                        let receipt = chain.call(contract, &AGAIN, 0);
                        assert_eq!(receipt.status, Status::Failed(Failure::Trapped));
                    }
                    let receipt = chain.call(contract, &RUN, 0);
                    assert_eq!(receipt.output, first, "turn {turn}, call {call}: {receipt:?}");
                }
            });
        });
    }
}
