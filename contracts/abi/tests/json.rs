//! JSON and canonical binary say the same, and whatever is wrong is named.
#![cfg(feature = "json")]

use abi::json::{
    decode_arguments, decode_error, decode_event, decode_output, decode_value, encode_call,
    encode_value,
};
use abi::{Abi, Event, EventField, Field, Method, MethodKind, Parameter, Type, Variant};
use quorate_abi as abi;
use serde_json::{Value, json};

fn named(fields: &[(&str, Type)]) -> Vec<Field> {
    fields.iter().map(|(name, ty)| Field { name: (*name).into(), ty: ty.clone() }).collect()
}

fn insufficient() -> Type {
    let fields = named(&[("have", Type::U128), ("need", Type::U128)]);
    let variants = vec![
        Variant { name: "Insufficient".into(), fields },
        Variant { name: "Closed".into(), fields: vec![] },
        Variant { name: "Code".into(), fields: named(&[("0", Type::U8)]) },
        Variant { name: "Span".into(), fields: named(&[("0", Type::U8), ("1", Type::I8)]) },
    ];
    Type::Enum { name: "Error".into(), variants }
}

fn token() -> Abi {
    let parameter = |name: &str, ty| Parameter { name: name.into(), ty };
    let field = |name: &str, ty, indexed| EventField { name: name.into(), ty, indexed };
    let transfer = Method {
        name: "transfer".into(),
        selector: abi::selector("transfer"),
        kind: MethodKind::Call,
        payable: false,
        reentrant: false,
        docs: String::new(),
        parameters: vec![
            parameter("to", Type::Address),
            parameter("amount", Type::U128),
            parameter("memo", Type::Option(Type::String.into())),
        ],
        returns: Type::Bool,
        error: Some(insufficient()),
    };
    Abi {
        interface: abi::host::VERSION,
        name: "token".into(),
        version: "0.1.0".into(),
        docs: String::new(),
        state_version: 1,
        methods: vec![transfer],
        events: vec![Event {
            name: "Transfer".into(),
            selector: abi::selector("Transfer"),
            docs: String::new(),
            fields: vec![
                field("from", Type::Address, true),
                field("amount", Type::U128, false),
                field("to", Type::Address, true),
            ],
        }],
        errors: vec![insufficient()],
        storage: vec![],
    }
}

fn address(byte: u8) -> String {
    format!("0x{}", format!("{byte:02x}").repeat(32))
}

/// The bytes are borsh's, and the JSON comes back.
fn check<T: borsh::BorshSerialize>(ty: &Type, json: Value, value: &T) {
    let bytes = borsh::to_vec(value).expect("writing to memory");
    assert_eq!(encode_value(ty, &json), Ok(bytes.clone()), "encoding {json} as {ty}");
    assert_eq!(decode_value(ty, &bytes), Ok(json), "decoding as {ty}");
}

#[test]
fn values_are_borsh() {
    check(&Type::Unit, json!(null), &());
    check(&Type::Bool, json!(true), &true);
    check(&Type::U8, json!(255), &u8::MAX);
    check(&Type::I32, json!(-7), &-7_i32);
    check(&Type::U64, json!("18446744073709551615"), &u64::MAX);
    check(&Type::I64, json!("-9223372036854775808"), &i64::MIN);
    check(&Type::U128, json!(u128::MAX.to_string()), &u128::MAX);
    check(&Type::I128, json!(i128::MIN.to_string()), &i128::MIN);
    check(&Type::String, json!("größe"), &"größe");
    check(&Type::Bytes, json!("AQID"), &vec![1_u8, 2, 3]);
    check(&Type::Address, json!(address(0xab)), &[0xab_u8; 32]);
    check(&Type::Array(Type::U8.into(), 3), json!("0x010203"), &[1_u8, 2, 3]);
    check(&Type::Array(Type::U16.into(), 2), json!([1, 2]), &[1_u16, 2]);
    check(&Type::Vec(Type::U16.into()), json!([1, 2]), &vec![1_u16, 2]);
    check(&Type::Tuple(vec![Type::U8, Type::String]), json!([1, "a"]), &(1_u8, "a"));
}

#[test]
fn options_within_options_stay_apart() {
    let once = Type::Option(Type::U8.into());
    check(&once, json!(null), &None::<u8>);
    check(&once, json!(3), &Some(3_u8));
    let twice = Type::Option(once.into());
    check(&twice, json!(null), &None::<Option<u8>>);
    check(&twice, json!([null]), &Some(None::<u8>));
    check(&twice, json!([3]), &Some(Some(3_u8)));
}

#[test]
fn maps_are_in_the_order_of_their_keys() {
    use std::collections::BTreeMap;
    let by_number = Type::Map(Type::I16.into(), Type::U8.into());
    let value = BTreeMap::from([(-300_i16, 1_u8), (-1, 2), (5, 3), (256, 4)]);
    check(&by_number, json!([[-300, 1], [-1, 2], [5, 3], [256, 4]]), &value);
    let mixed = encode_value(&by_number, &json!([[256, 4], [-1, 2], [5, 3], [-300, 1]]));
    assert_eq!(mixed, Ok(borsh::to_vec(&value).expect("writing to memory")));

    let by_name = Type::Map(Type::String.into(), Type::U8.into());
    check(&by_name, json!({"a": 1, "bb": 2}), &BTreeMap::from([("a", 1_u8), ("bb", 2)]));
    assert!(encode_value(&by_number, &json!([[1, 1], [1, 2]])).is_err(), "a key twice");
    assert!(
        decode_value(&by_name, &[2, 0, 0, 0, 1, 0, 0, 0, b'b', 1, 1, 0, 0, 0, b'a', 1]).is_err()
    );
}

#[test]
fn variants_read_like_serde() {
    let ty = insufficient();
    for (json, bytes) in [
        (json!("Closed"), vec![1]),
        (json!({"Code": 9}), vec![2, 9]),
        (json!({"Span": [1, -1]}), vec![3, 1, 255]),
    ] {
        assert_eq!(encode_value(&ty, &json), Ok(bytes.clone()));
        assert_eq!(decode_value(&ty, &bytes), Ok(json));
    }
    assert!(decode_value(&ty, &[4]).is_err());
}

#[test]
fn calls_by_name_and_by_position_are_the_same() {
    let abi = token();
    let by_name = json!({"amount": "7", "to": address(1)});
    let input = encode_call(&abi, "transfer", &by_name).expect("the arguments fit");
    let mut expected = abi::selector("transfer").to_vec();
    expected.extend([1; 32]);
    expected.extend(7_u128.to_le_bytes());
    expected.push(0);
    assert_eq!(input, expected);
    let by_position = json!([address(1), 7, null]);
    assert_eq!(encode_call(&abi, "transfer", &by_position), Ok(input.clone()));
    let (method, arguments) = decode_arguments(&abi, &input).expect("it was encoded by us");
    assert_eq!(method.name, "transfer");
    assert_eq!(arguments, json!({"to": address(1), "amount": "7", "memo": null}));
}

#[test]
fn mistakes_are_named() {
    let abi = token();
    let check = |method: &str, arguments: Value, message: &str| {
        let error = encode_call(&abi, method, &arguments).expect_err("it is a mistake");
        assert_eq!(error.to_string(), message);
    };
    let to = address(1);
    check(
        "transfer",
        json!({"to": to, "amount": true}),
        "argument `amount`: expected u128 as a decimal string, got true",
    );
    check(
        "transfer",
        json!({"to": to, "amount": "01"}),
        "argument `amount`: expected u128 as a decimal string, got \"01\"",
    );
    check(
        "transfer",
        json!({"to": to, "amount": 1.5}),
        "argument `amount`: expected u128 as a decimal string, got 1.5",
    );
    check(
        "transfer",
        json!({"to": to, "amount": -1}),
        "argument `amount`: expected u128 as a decimal string, got -1",
    );
    check(
        "transfer",
        json!({"to": to}),
        "argument `amount` is missing: expected u128 as a decimal string",
    );
    check(
        "transfer",
        json!({"to": "0xAB", "amount": "1"}),
        "argument `to`: expected Address as 0x and 64 lowercase hex digits, got \"0xAB\"",
    );
    check(
        "transfer",
        json!({"whom": to}),
        "`transfer` has no argument `whom`; \
         it takes (to: Address, amount: u128, memo: Option<String>)",
    );
    check(
        "transfer",
        json!([1]),
        "`transfer` takes 3 arguments (to: Address, amount: u128, memo: Option<String>), got 1",
    );
    check("mint", json!({}), "the contract has no method `mint`; it has `transfer`");
}

#[test]
fn the_place_of_a_mistake_is_its_path() {
    let order = Type::Struct { name: "Order".into(), fields: named(&[("price", Type::U64)]) };
    let mut abi = token();
    abi.methods[0].parameters =
        vec![Parameter { name: "orders".into(), ty: Type::Vec(order.into()) }];
    let error = encode_call(&abi, "transfer", &json!([[{"price": "1"}, {"price": null}]]));
    assert_eq!(
        error.expect_err("null is no price").to_string(),
        "argument `orders[1].price`: expected u64 as a decimal string, got null"
    );
}

#[test]
fn outputs_errors_and_events_are_decoded() {
    let abi = token();
    let transfer = abi.method_named("transfer").expect("it is described");
    assert_eq!(decode_output(transfer, &[1]), Ok(json!(true)));
    assert!(decode_output(transfer, &[1, 0]).is_err(), "a byte follows");
    assert!(decode_output(transfer, &[2]).is_err(), "no boolean");
    let error = borsh::to_vec(&(0_u8, 1_u128, 2_u128)).expect("writing to memory");
    assert_eq!(
        decode_error(transfer, &error),
        Ok(json!({"Insufficient": {"have": "1", "need": "2"}}))
    );
    let topics = [abi::selector("Transfer").to_vec(), vec![1; 32], vec![2; 32]];
    let expected = json!({"from": address(1), "to": address(2), "amount": "5"});
    let data = 5_u128.to_le_bytes();
    assert_eq!(decode_event(&abi, &topics, &data), Some(("Transfer".into(), expected)));
    assert_eq!(decode_event(&abi, &topics[..2], &data), None);
    assert_eq!(decode_event(&abi, &topics, &data[1..]), None);
}

/// Four bytes must not become billions of elements.
#[test]
fn elements_without_bytes_are_refused() {
    let ty = Type::Vec(Type::Unit.into());
    assert!(decode_value(&ty, &u32::MAX.to_le_bytes()).is_err());
}

/// Whatever the bytes: an error, or a value whose JSON encodes to those very bytes.
#[test]
fn decoding_garbage_is_exact_or_an_error() {
    let record = Type::Struct {
        name: "Record".into(),
        fields: named(&[
            ("error", insufficient()),
            ("names", Type::Map(Type::Bytes.into(), Type::Option(Type::Bool.into()).into())),
            ("pairs", Type::Vec(Type::Tuple(vec![Type::I8, Type::String]).into())),
        ]),
    };
    let mut random = 1_u64;
    let mut accepted = 0;
    for round in 0..200_000 {
        // Mostly zeros and small numbers, so that tags and lengths are often valid.
        let bytes: Vec<u8> = (0..9 + round % 6)
            .map(|_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                [0, 0, 0, 0, 0, 1, 2, 0xff][(random >> 60) as usize / 2]
            })
            .collect();
        if let Ok(json) = decode_value(&record, &bytes) {
            accepted += 1;
            assert_eq!(encode_value(&record, &json), Ok(bytes), "round {round}: {json}");
        }
    }
    assert!(accepted > 100, "only {accepted} were accepted: the test tests nothing");
}
