//! Contracts that make contracts.

use abi::MethodKind;
use primitives::receipt::Status;
use primitives::state_key::ContractInfo;
use primitives::{Address, Amount, Hash, StateKey, codec};

use crate::contract_address;
use crate::testing::{IMPORTS, INIT, PAY, RUN, TestChain, calling, contract, method, text_bytes};

/// What `init` of the made contract does: writes, says `why`, and ends as told.
fn made(end: &str, payable: bool) -> Vec<u8> {
    let text = format!(
        r#"(module {IMPORTS} (memory (export "memory") 1) (data (i32.const 8) "why")
            (func (export "init") (param i32) (result i32)
                (call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))
                (call $set_output (i32.const 8) (i32.const 3)) {end}))"#
    );
    contract(&text, &[abi::Method { payable, ..method(INIT, MethodKind::Init) }])
}

/// A contract that makes one of `code`, as often as told, and answers with the status and the
/// output of the last.
fn maker(code: &Hash, input: &[u8], value: u128, times: u32) -> Vec<u8> {
    let extra = format!(
        r#"(data (i32.const 1000) "{}") (data (i32.const 1032) "salt")
            (data (i32.const 1040) "{}") (data (i32.const 1056) "{}")"#,
        text_bytes(&code.0),
        text_bytes(&value.to_le_bytes()),
        text_bytes(input),
    );
    let make = format!(
        "(local.set 1 (call $instantiate (i32.const 1000) (i32.const 1032) (i32.const 4)
            (i32.const 1056) (i32.const {}) (i32.const 1040) (i64.const 0)))",
        input.len()
    );
    let body = format!(
        "(local i64) {}
         (i32.store (i32.const 0) (i32.wrap_i64 (i64.shr_u (local.get 1) (i64.const 32))))
         (call $returned (i32.const 4))
         (call $set_output (i32.const 0)
            (i32.add (i32.const 4) (i32.wrap_i64 (local.get 1)))) i32.const 0",
        make.repeat(usize::try_from(times).unwrap()),
    );
    calling(&extra, &body)
}

struct Made {
    chain: TestChain,
    maker: Address,
    /// Where the made contract is, or would be.
    address: Address,
    status: u32,
    output: Vec<u8>,
}

impl Made {
    fn info(&self) -> Option<ContractInfo> {
        let bytes = self.chain.state.get(&StateKey::contract(&self.address))?;
        Some(codec::decode(bytes, 1 << 10).unwrap())
    }
}

fn make(code: Option<Vec<u8>>, input: &[u8], value: u128, times: u32) -> Made {
    let mut chain = TestChain::new();
    let hash = code.map_or(Hash([9; 32]), |code| chain.upload(code));
    let maker = chain.deploy(maker(&hash, input, value, times));
    let receipt = chain.call(maker, &PAY, 100);
    assert_eq!(receipt.status, Status::Success);
    let (status, output) = receipt.output.split_at(4);
    let status = u32::from_le_bytes(status.try_into().unwrap());
    let address = contract_address(&chain.block.chain, &maker, &hash, b"salt");
    Made { chain, maker, address, status, output: output.to_vec() }
}

#[test]
fn a_contract_makes_a_contract_and_is_its_creator_and_admin() {
    let made = make(Some(made("i32.const 0", true)), &INIT, 7, 1);
    assert_eq!((made.status, made.output.as_slice()), (0, &made.address.0[..]));
    let info = made.info().unwrap();
    assert_eq!((info.creator, info.admin), (made.maker, Some(made.maker)));
    assert!(made.chain.state.contains_key(&StateKey::storage(&made.address, &[0])));
    assert_eq!((made.chain.balance(&made.address), made.chain.balance(&made.maker)), (7, 93));
}

/// And leaves nothing behind: no record, no storage, no value.
#[test]
fn making_fails_for_the_maker_alone() {
    for (code, input, value, times, status, output) in [
        (None, &INIT[..], 0, 1, 2, &b""[..]),
        (Some(made("i32.const 1", true)), &INIT, 7, 1, 1, b"why"),
        (Some(made("unreachable", true)), &INIT, 7, 1, 2, b""),
        (Some(made("i32.const 0", true)), &RUN, 0, 1, 2, b""),
        (Some(made("i32.const 0", true)), b"", 0, 1, 2, b""),
        (Some(made("i32.const 0", true)), &INIT, 101, 1, 2, b""),
        (Some(made("i32.const 0", false)), &INIT, 7, 1, 2, b""),
    ] {
        let made = make(code, input, value, times);
        assert_eq!((made.status, made.output.as_slice()), (status, output));
        assert_eq!(made.info(), None);
        assert!(!made.chain.state.contains_key(&StateKey::storage(&made.address, &[0])));
        assert_eq!(Amount(made.chain.balance(&made.maker)), Amount(100));
    }
}

#[test]
fn one_salt_makes_one_contract() {
    let made = make(Some(made("i32.const 0", true)), &INIT, 7, 2);
    assert_eq!((made.status, made.output.as_slice()), (2, &b""[..]));
    assert!(made.info().is_some(), "the first stays");
    assert_eq!(made.chain.balance(&made.address), 7);
}

/// A contract's address follows from what made it, so a contract without an init needs no input.
#[test]
fn a_contract_without_an_init_is_made_without_input() {
    let made = make(Some(calling("", "i32.const 0")), b"", 0, 1);
    assert_eq!((made.status, made.output.as_slice()), (0, &made.address.0[..]));
}
