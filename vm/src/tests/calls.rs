//! Contracts that call contracts.

use primitives::receipt::{Failure, Status};
use primitives::{Action, Address, Amount, Domain, Gas, Hash, Receipt, StateKey};

use crate::contract_address;
use crate::testing::{AGAIN, ASK, GAS, INIT, PAY, RUN, TestChain, calling, contract, method};
use crate::testing::{FUNDS, IMPORTS, key, text_bytes};

/// What a caller says to its callee, and what it expects of the status.
#[derive(Clone, Copy)]
struct Ask<'a> {
    to: Address,
    input: &'a [u8],
    value: u128,
    gas: i64,
    flags: i32,
    status: i32,
}

impl<'a> Ask<'a> {
    fn new(to: Address, input: &'a [u8], status: i32) -> Self {
        Self { to, input, value: 0, gas: 0, flags: 0, status }
    }

    /// A contract that makes the call, writes that it did, and reverts when the status is not the
    /// expected.
    fn code(&self) -> Vec<u8> {
        let extra = format!(
            r#"(data (i32.const 1000) "{}") (data (i32.const 1032) "{}")
                (data (i32.const 1048) "{}")"#,
            text_bytes(&self.to.0),
            text_bytes(&self.value.to_le_bytes()),
            text_bytes(self.input),
        );
        let body = format!(
            "(local i64)
             (local.set 1 (call $call (i32.const 1000) (i32.const 1048) (i32.const {})
                (i32.const 1032) (i64.const {}) (i32.const {})))
             (if (i64.ne (i64.shr_u (local.get 1) (i64.const 32)) (i64.const {})) (then
                (i64.store (i32.const 0) (local.get 1))
                (call $set_output (i32.const 0) (i32.const 8)) (return (i32.const 1))))
             (call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))
             (call $returned (i32.const 0))
             (call $set_output (i32.const 0) (i32.wrap_i64 (local.get 1))) i32.const 0",
            self.input.len(),
            self.gas,
            self.flags,
            self.status,
        );
        calling(&extra, &body)
    }

    /// Deploys the caller and lets it call; it must succeed, which says that the status was the
    /// expected.
    fn check(&self, chain: &mut TestChain) -> (Address, Receipt) {
        let caller = chain.deploy(self.code());
        let receipt = chain.call(caller, &PAY, self.value);
        assert_eq!(receipt.status, Status::Success, "status and length: {:?}", receipt.output);
        assert!(chain.state.contains_key(&StateKey::storage(&caller, &[0])));
        (caller, receipt)
    }
}

const WRITES: &str = r#"
    (call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))
    (call $emit (i32.const 100) (i32.const 4) (i32.const 0) (i32.const 1))
    (call $set_output (i32.const 8) (i32.const 3))"#;

#[test]
fn a_callee_answers() {
    let mut chain = TestChain::new();
    let callee =
        chain.deploy(calling(r#"(data (i32.const 8) "yes")"#, &format!("{WRITES} i32.const 0")));
    let (_, receipt) = Ask { value: 5, ..Ask::new(callee, &PAY, 0) }.check(&mut chain);
    assert_eq!(receipt.output, b"yes");
    assert_eq!(receipt.events.len(), 1);
    assert_eq!(receipt.events[0].contract, callee);
    assert_eq!(chain.balance(&callee), 5);
}

/// Whatever ends the callee, its writes, events and value are undone, and the caller goes on.
#[test]
fn a_caught_failure_undoes_the_callee_alone() {
    for (end, status, output) in [
        ("i32.const 1", 1, &b"err"[..]),
        ("unreachable", 2, b""),
        ("(loop br 0) i32.const 0", 2, b""),
        ("(call $panic (i32.const 8) (i32.const 3)) i32.const 0", 2, b""),
        ("i32.const 3", 2, b""),
    ] {
        let mut chain = TestChain::new();
        let callee =
            chain.deploy(calling(r#"(data (i32.const 8) "err")"#, &format!("{WRITES} {end}")));
        let ask = Ask { value: 5, ..Ask::new(callee, &PAY, status) };
        let (caller, receipt) = ask.check(&mut chain);
        assert_eq!(receipt.output, output, "{end}");
        assert!(receipt.events.is_empty());
        assert_eq!((chain.balance(&callee), chain.balance(&caller)), (0, 5));
        assert!(!chain.state.contains_key(&StateKey::storage(&callee, &[0])));
    }
}

#[test]
fn calls_that_cannot_be_made_fail() {
    let mut chain = TestChain::new();
    let callee = chain.deploy(calling("", "i32.const 0"));
    Ask::new(Address([9; 32]), &RUN, 2).check(&mut chain);
    Ask::new(callee, b"none", 2).check(&mut chain);
    Ask::new(callee, b"ru", 2).check(&mut chain);
    Ask { value: 5, ..Ask::new(callee, &RUN, 2) }.check(&mut chain);
    // More value than the caller has.
    let caller = chain.deploy(Ask { value: 6, ..Ask::new(callee, &PAY, 2) }.code());
    assert_eq!(chain.call(caller, &PAY, 5).status, Status::Success);
}

/// A callee that burns all it gets leaves its caller one part in 64; one with a cap burns the cap.
#[test]
fn a_callee_gets_at_most_63_of_64_parts_of_the_gas() {
    let mut chain = TestChain::new();
    let callee = chain.deploy(calling("", "(loop br 0) i32.const 0"));
    let (_, all) = Ask::new(callee, &RUN, 2).check(&mut chain);
    assert!(all.gas_used.0 > GAS / 64 * 63 && all.gas_used.0 < GAS);
    let (_, some) = Ask { gas: 1_000_000_000, ..Ask::new(callee, &RUN, 2) }.check(&mut chain);
    let (_, less) = Ask { gas: 900_000_000, ..Ask::new(callee, &RUN, 2) }.check(&mut chain);
    assert_eq!(some.gas_used.0 - less.gas_used.0, 100_000_000);
}

/// A contract that calls itself through `selector` and answers with the nested call's status.
fn calls_itself(selector: [u8; 4]) -> Vec<u8> {
    calling(
        &format!(r#"(data (i32.const 1000) "{}")"#, text_bytes(&selector)),
        "(call $context (i32.const 0))
         (i32.store (i32.const 500) (i32.wrap_i64 (i64.shr_u (call $call (i32.const 16)
            (i32.const 1000) (i32.const 4) (i32.const 600) (i64.const 0) (i32.const 0))
            (i64.const 32))))
         (if (i32.eq (i32.load (i32.const 500)) (i32.const 2)) (then
            (call $set (i32.const 0) (i32.const 0) (i32.const 128) (i32.const 4))))
         i32.const 0",
    )
}

/// Where the innermost call that was made says it was: the depth field of its context.
fn depth_reached(selector: [u8; 4]) -> u32 {
    let mut chain = TestChain::new();
    let contract = chain.deploy(calls_itself(selector));
    assert_eq!(chain.call(contract, &selector, 0).status, Status::Success);
    let stored = chain.state.get(&StateKey::storage(&contract, &[])).unwrap();
    u32::from_le_bytes(stored[..4].try_into().unwrap())
}

#[test]
fn reentrancy_is_denied_unless_declared() {
    assert_eq!(depth_reached(RUN), 0);
    assert_eq!(depth_reached(AGAIN), primitives::limits::CALL_DEPTH_MAX);
}

/// Through another contract too.
#[test]
fn reentrancy_is_denied_on_a_detour() {
    let mut chain = TestChain::new();
    // The address of the first depends on the second's only through its code; so the second asks
    // whoever called it.
    let back = calling(
        &format!(r#"(data (i32.const 1000) "{}")"#, text_bytes(&RUN)),
        "(call $context (i32.const 0))
         (i64.ne (i64.const 2) (i64.shr_u (call $call (i32.const 48) (i32.const 1000) (i32.const 4)
            (i32.const 600) (i64.const 0) (i32.const 0)) (i64.const 32)))",
    );
    let back = chain.deploy(back);
    Ask::new(back, &RUN, 0).check(&mut chain);
}

#[test]
fn queries_and_static_calls_cannot_write() {
    let write = "(call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))";
    let delete = "(call $delete (i32.const 0) (i32.const 1))";
    let emit = "(call $emit (i32.const 100) (i32.const 4) (i32.const 0) (i32.const 1))";
    let transfer = "(drop (call $transfer (i32.const 0) (i32.const 32)))";
    let value = "(i32.store (i32.const 32) (i32.const 1)) (drop (call $call (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 32) (i64.const 0) (i32.const 0)))";
    let add = "(drop (call $add (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)))";
    let instantiate = "(drop (call $instantiate (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 32) (i64.const 0)))";
    let upgrade = "(drop (call $upgrade (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i64.const 0)))";
    let admin = "(drop (call $set_admin (i32.const 0) (i32.const 0)))";
    for body in [write, delete, emit, transfer, value, add, instantiate, upgrade, admin] {
        let mut chain = TestChain::new();
        let contract = chain.deploy(calling("", &format!("{body} i32.const 0")));
        let asked = chain.query(contract, &ASK);
        let Status::Failed(Failure::HostMisuse(message)) = &asked.status else {
            panic!("{body}: {asked:?}");
        };
        assert!(message.contains("in a query or a static call"), "{message}");
        // A query method that a transaction calls is no more than a query.
        assert_eq!(chain.call(contract, &ASK, 0).status, asked.status);
        // Nor may a callee of a static call, at any depth, write.
        Ask { flags: 1, ..Ask::new(contract, &RUN, 2) }.check(&mut chain);
        let middle = chain.deploy(Ask::new(contract, &RUN, 2).code());
        Ask { flags: 1, ..Ask::new(middle, &RUN, 2) }.check(&mut chain);
    }
}

#[test]
fn queries_answer_and_are_bounded() {
    let mut chain = TestChain::new();
    let body = r#"(call $set_output (i32.const 8) (i32.const 3)) i32.const 0"#;
    let contract = chain.deploy(calling(r#"(data (i32.const 8) "yes")"#, body));
    let asked = chain.query(contract, &ASK);
    assert_eq!((asked.status, asked.output), (Status::Success, b"yes".to_vec()));
    assert!(asked.gas_used > Gas::ZERO && asked.gas_used < Gas(GAS));
    assert_eq!(chain.query(contract, &RUN).status, Status::Failed(Failure::UnknownMethod));
    let nobody = chain.query(Address::default(), &ASK);
    assert_eq!(nobody.status, Status::Failed(Failure::UnknownContract));
    let endless = chain.deploy(calling("", "(loop br 0) i32.const 0"));
    let asked = chain.query(endless, &ASK);
    assert_eq!((asked.status, asked.gas_used), (Status::Failed(Failure::OutOfGas), Gas(GAS)));
}

#[test]
fn value_needs_a_payable_method_and_a_balance() {
    let mut chain = TestChain::new();
    let contract = chain.deploy(calling("", "i32.const 0"));
    let refused = chain.call(contract, &RUN, 5);
    assert_eq!(refused.status, Status::Failed(Failure::NotPayable));
    assert_eq!(chain.balance(&contract), 0);
    assert_eq!(chain.call(contract, &PAY, 5).status, Status::Success);
    assert_eq!(chain.balance(&contract), 5);
    assert_eq!(chain.call(contract, b"none", 0).status, Status::Failed(Failure::UnknownMethod));
    let nobody = chain.call(Address([9; 32]), &RUN, 0);
    assert_eq!(nobody.status, Status::Failed(Failure::UnknownContract));
}

/// A contract with an init: run once, at an address known beforehand, and undone when it refuses.
#[test]
fn contracts_are_made_once_by_their_init() {
    let text = |answer: u32| {
        format!(
            r#"(module {IMPORTS} (memory (export "memory") 1) (data (i32.const 8) "why")
                (func (export "init") (param i32) (result i32)
                    (call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))
                    (call $set_output (i32.const 8) (i32.const 3)) i32.const {answer}))"#
        )
    };
    let init = [method(INIT, abi::MethodKind::Init)];
    let mut chain = TestChain::new();
    let make = |code: Hash, arguments: &[u8], value: u128| Action::Instantiate {
        code,
        salt: vec![1],
        arguments: arguments.to_vec(),
        value: Amount(value),
    };
    let creator = key(1).public_key().address();
    for (answer, status, output) in
        [(0, Status::Success, None), (1, Status::Reverted, Some(b"why"))]
    {
        let code = contract(&text(answer), &init);
        let hash = Hash::of_bytes(Domain::Code, &code);
        let unknown = chain.act(1, make(hash, &INIT, 0));
        assert_eq!(unknown.status, Status::Failed(Failure::UnknownCode));
        chain.act(1, Action::Upload { code });
        for (arguments, value, failure) in
            [(&b""[..], 0, Failure::UnknownMethod), (&INIT, 5, Failure::NotPayable)]
        {
            let receipt = chain.act(1, make(hash, arguments, value));
            assert_eq!(receipt.status, Status::Failed(failure));
        }
        let address = contract_address(&chain.block.chain, &creator, &hash, &[1]);
        let receipt = chain.act(1, make(hash, &INIT, 0));
        assert_eq!(receipt.status, status);
        assert_eq!(receipt.output, output.map_or(address.0.to_vec(), |text| text.to_vec()));
        let made = status == Status::Success;
        assert_eq!(chain.state.contains_key(&StateKey::contract(&address)), made);
        assert_eq!(chain.state.contains_key(&StateKey::storage(&address, &[0])), made);
        if made {
            let again = chain.act(1, make(hash, &INIT, 0));
            assert_eq!(again.status, Status::Failed(Failure::ContractExists));
            assert_eq!(
                chain.call(address, &INIT, 0).status,
                Status::Failed(Failure::UnknownMethod)
            );
        }
    }
    assert!(chain.balance(&creator) < FUNDS);
}
