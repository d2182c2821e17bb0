//! Descriptions in modules: found, refused when wrong, never a panic.

use abi::layout::{
    ContractLayout, EventFieldLayout, EventLayout, FieldLayout, MethodLayout, StorageKindLayout,
    StorageLayout, TypeLayout, VariantLayout, encode, encoded_len,
};
use abi::{Abi, AbiError, MethodKind, Type, host};
use quorate_abi as abi;

/// Every kind of type and item once.
const LAYOUT: ContractLayout = ContractLayout {
    name: "sample",
    version: "1.2.3",
    docs: "Everything once.",
    state_version: 3,
    methods: &[
        MethodLayout {
            name: "new",
            selector: [0, 0, 0, 1],
            kind: MethodKind::Init,
            payable: true,
            reentrant: false,
            docs: "Begins.",
            parameters: &[FieldLayout { name: "all", ty: ALL }],
            returns: TypeLayout::Unit,
            error: None,
        },
        MethodLayout {
            name: "read",
            selector: [0, 0, 0, 2],
            kind: MethodKind::Query,
            payable: false,
            reentrant: true,
            docs: "",
            parameters: &[],
            returns: TypeLayout::U64,
            error: Some(CHOICE),
        },
    ],
    events: &[EventLayout {
        name: "Moved",
        selector: [0, 0, 0, 3],
        docs: "It moved.",
        fields: &[EventFieldLayout { name: "to", ty: TypeLayout::Address, indexed: true }],
    }],
    errors: &[CHOICE],
    storage: &[
        StorageLayout {
            name: "count",
            prefix: [0, 0, 0, 4],
            kind: StorageKindLayout::Item(TypeLayout::U64),
        },
        StorageLayout {
            name: "held",
            prefix: [0, 0, 0, 5],
            kind: StorageKindLayout::Map { key: TypeLayout::Address, value: TypeLayout::U128 },
        },
        StorageLayout {
            name: "minters",
            prefix: [0, 0, 0, 6],
            kind: StorageKindLayout::Set(TypeLayout::Address),
        },
        StorageLayout {
            name: "all",
            prefix: [0, 0, 0, 7],
            kind: StorageKindLayout::IndexedMap {
                key: TypeLayout::U64,
                value: ALL,
                indexes: &[FieldLayout { name: "hash", ty: TypeLayout::Option(&TypeLayout::Hash) }],
            },
        },
    ],
};

#[test]
fn the_shortest_value_is_known() {
    const PAIR: TypeLayout = TypeLayout::Tuple(&[TypeLayout::Address, TypeLayout::Bool]);
    const WAYS: &[VariantLayout] = &[
        VariantLayout { name: "Far", fields: &[FieldLayout { name: "to", ty: TypeLayout::Hash }] },
        VariantLayout { name: "Near", fields: &[FieldLayout { name: "by", ty: TypeLayout::U16 }] },
    ];
    for (layout, bytes) in [
        (TypeLayout::Unit, 0),
        (TypeLayout::I128, 16),
        (TypeLayout::String, 4),
        (TypeLayout::Option(&TypeLayout::Hash), 1),
        (PAIR, 33),
        (TypeLayout::Array(&TypeLayout::U32, 9), 36),
        (TypeLayout::Struct { name: "Way", fields: &[FieldLayout { name: "to", ty: PAIR }] }, 33),
        (TypeLayout::Enum { name: "Way", variants: WAYS }, 3),
    ] {
        assert_eq!(layout.bytes_min(), bytes, "{layout:?}");
    }
}

const CHOICE: TypeLayout = TypeLayout::Enum {
    name: "Choice",
    variants: &[
        VariantLayout { name: "None", fields: &[] },
        VariantLayout { name: "One", fields: &[FieldLayout { name: "0", ty: TypeLayout::Bool }] },
    ],
};

const ALL: TypeLayout = TypeLayout::Struct {
    name: "All",
    fields: &[
        FieldLayout {
            name: "numbers",
            ty: TypeLayout::Tuple(&[
                TypeLayout::U8,
                TypeLayout::U16,
                TypeLayout::U32,
                TypeLayout::U64,
                TypeLayout::U128,
                TypeLayout::I8,
                TypeLayout::I16,
                TypeLayout::I32,
                TypeLayout::I64,
                TypeLayout::I128,
            ]),
        },
        FieldLayout { name: "hash", ty: TypeLayout::Option(&TypeLayout::Hash) },
        FieldLayout { name: "blobs", ty: TypeLayout::Vec(&TypeLayout::Bytes) },
        FieldLayout { name: "choices", ty: TypeLayout::Array(&CHOICE, 4) },
        FieldLayout {
            name: "by_name",
            ty: TypeLayout::Map(&TypeLayout::String, &TypeLayout::Bool),
        },
    ],
};

const BYTES: [u8; encoded_len(&LAYOUT)] = encode(&LAYOUT);

const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn sample() -> Abi {
    Abi::decode(&BYTES).expect("the sample is valid")
}

#[test]
fn constants_and_values_have_one_encoding() {
    let abi = sample();
    assert_eq!(abi.encode(), BYTES);
    assert_eq!(abi.name, "sample");
    assert_eq!(abi.state_version, 3);
    assert_eq!(abi.method([0, 0, 0, 2]).map(|method| method.name.as_str()), Some("read"));
    assert_eq!(abi.methods_of(MethodKind::Init).count(), 1);
    let shown = abi.methods[0].parameters[0].ty.to_string();
    assert_eq!(shown, "All");
}

#[test]
fn embedding_replaces_and_keeps_the_rest() {
    let abi = sample();
    // A type section with no types, then a foreign custom section.
    let module = [EMPTY_MODULE, &[1, 1, 0], &[0, 3, 1, b'x', 9]].concat();
    let embedded = abi.embed(&module).expect("the module is one");
    assert!(embedded.starts_with(&module));
    assert_eq!(Abi::from_module(&embedded), Ok(abi.clone()));
    let other = Abi { state_version: 4, ..abi };
    let again = other.embed(&embedded).expect("the module is one");
    assert_eq!(Abi::from_module(&again), Ok(other));
    assert_eq!(again.len(), embedded.len());
}

#[test]
fn a_module_has_exactly_one() {
    assert_eq!(Abi::from_module(EMPTY_MODULE), Err(AbiError::Missing));
    let once = sample().embed(EMPTY_MODULE).expect("the module is one");
    let twice = [once.as_slice(), &once[EMPTY_MODULE.len()..]].concat();
    assert_eq!(Abi::from_module(&twice), Err(AbiError::Repeated));
}

#[test]
fn every_cut_and_every_flipped_byte_is_an_error_or_another_description() {
    let module = sample().embed(EMPTY_MODULE).expect("the module is one");
    for length in 0..module.len() {
        assert!(Abi::from_module(&module[..length]).is_err(), "cut to {length} bytes");
    }
    for at in 0..module.len() {
        for bit in 0..8 {
            let mut changed = module.clone();
            changed[at] ^= 1 << bit;
            if let Ok(abi) = Abi::from_module(&changed) {
                assert_ne!(abi, sample(), "byte {at}, bit {bit}");
                assert_eq!(Abi::decode(&abi.encode()), Ok(abi));
            }
        }
    }
}

#[test]
fn nesting_is_bounded_before_the_stack_is() {
    let mut abi = sample();
    let mut ty = Type::U8;
    for _ in 0..100 {
        ty = Type::Option(Box::new(ty));
    }
    abi.methods[1].returns = ty;
    assert!(matches!(Abi::decode(&abi.encode()), Err(AbiError::Malformed(_))));
}

#[test]
fn what_is_inconsistent_is_refused() {
    let check = |change: fn(&mut Abi), expected: &str| {
        let mut abi = sample();
        change(&mut abi);
        let error = Abi::decode(&abi.encode()).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    };
    check(|abi| abi.interface = 2, "interface 2");
    check(|abi| abi.name = "a b".into(), "no name");
    check(|abi| abi.methods[1].selector = abi.methods[0].selector, "selector of another");
    check(|abi| abi.methods[1].name = "new".into(), "stands there twice");
    check(|abi| abi.methods[1].payable = true, "queries and migrations move nothing");
    check(|abi| abi.methods[1].returns = Type::Vec(Type::Unit.into()), "have no bytes");
    check(|abi| abi.methods[1].returns = Type::Array(Type::Bool.into(), u32::MAX), "elements");
    check(
        |abi| {
            abi.methods[1].returns =
                Type::Map(Type::Option(Type::U8.into()).into(), Type::U8.into());
        },
        "key of a map",
    );
    check(|abi| abi.docs = "x".repeat(9_000), "documentation");
    let long = Abi { docs: "x".repeat(70_000), ..sample() };
    assert!(matches!(Abi::decode(&long.encode()), Err(AbiError::TooLong { .. })));
    assert_eq!(host::ABI_SECTION, "quorate-abi");
}
