//! The contract that the fake node knows: a counter.

use abi::{Abi, Event, EventField, Field, Method, MethodKind, Parameter, Type, Variant};
use primitives::codec;
use quorate_rpc::backend::Query;

pub fn abi() -> Abi {
    let error = Type::Enum {
        name: "Error".into(),
        variants: vec![Variant {
            name: "TooMuch".into(),
            fields: vec![Field { name: "max".into(), ty: Type::U64 }],
        }],
    };
    let method = |name: &str, kind, parameters: Vec<Parameter>, error| Method {
        name: name.into(),
        selector: abi::selector(name),
        kind,
        payable: false,
        reentrant: false,
        docs: String::new(),
        parameters,
        returns: Type::U64,
        error,
    };
    let by = || vec![Parameter { name: "by".into(), ty: Type::U64 }];
    Abi {
        interface: abi::host::VERSION,
        name: "counter".into(),
        version: "0.1.0".into(),
        docs: String::new(),
        state_version: 1,
        methods: vec![
            method("increment", MethodKind::Call, by(), Some(error.clone())),
            method("value_plus", MethodKind::Query, by(), Some(error.clone())),
        ],
        events: vec![Event {
            name: "Incremented".into(),
            selector: abi::selector("Incremented"),
            docs: String::new(),
            fields: vec![EventField { name: "total".into(), ty: Type::U64, indexed: false }],
        }],
        errors: vec![error],
        storage: Vec::new(),
    }
}

/// `value_plus(by)` of a counter that stands at 40.
pub fn answer(query: &Query) -> Vec<u8> {
    let (selector, arguments) = query.arguments.split_at(4);
    assert_eq!(selector, abi::selector("value_plus"));
    let by: u64 = codec::decode(arguments, 8).unwrap();
    codec::encode(&(40 + by))
}

/// `TooMuch { max: 12 }` as the contract encodes it.
pub fn refusal() -> Vec<u8> {
    let mut output = vec![0];
    output.extend(codec::encode(&12u64));
    output
}
