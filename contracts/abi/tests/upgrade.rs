//! From one code to another: what may stand in storage, and what needs a migration.

use abi::{Abi, Field, Incompatible, MethodKind, Storage, StorageKind, Type, Variant};
use quorate_abi as abi;

fn with(kind: StorageKind) -> Abi {
    Abi {
        interface: abi::host::VERSION,
        name: "sample".into(),
        version: "1".into(),
        docs: String::new(),
        state_version: 1,
        methods: Vec::new(),
        events: Vec::new(),
        errors: Vec::new(),
        storage: vec![Storage { name: "kept".into(), prefix: [0; 4], kind }],
    }
}

fn migration() -> abi::Method {
    abi::Method {
        name: "from_1".into(),
        selector: [1; 4],
        kind: MethodKind::Migrate,
        payable: false,
        reentrant: false,
        docs: String::new(),
        parameters: Vec::new(),
        returns: Type::Unit,
        error: None,
    }
}

fn offer() -> Type {
    let field = |name: &str, ty| Field { name: name.into(), ty };
    Type::Struct {
        name: "Offer".into(),
        fields: vec![field("owner", Type::Address), field("price", Type::U128)],
    }
}

fn indexed(key: Type, indexes: &[&str]) -> StorageKind {
    let Type::Struct { fields, .. } = offer() else { panic!("it is a struct") };
    let is_index = |field: &&Field| indexes.contains(&field.name.as_str());
    let indexes = fields.iter().filter(is_index).cloned().collect();
    StorageKind::IndexedMap { key, value: offer(), indexes }
}

fn choice(variants: &[&str]) -> Type {
    let variant = |name: &&str| Variant { name: (*name).into(), fields: Vec::new() };
    Type::Enum { name: "Choice".into(), variants: variants.iter().map(variant).collect() }
}

#[test]
fn storage_that_reads_the_same_needs_no_migration() {
    let check = |old: StorageKind, new: StorageKind, fits: bool| {
        let answer = with(old.clone()).migrates_to(&with(new.clone()));
        assert_eq!(answer.is_ok(), fits, "{old:?} to {new:?}: {answer:?}");
    };
    let map = |key, value| StorageKind::Map { key, value };
    check(StorageKind::Item(Type::U64), StorageKind::Item(Type::U64), true);
    check(StorageKind::Item(Type::U64), StorageKind::Item(Type::U128), false);
    // A new variant behind the old ones changes no byte of what is stored.
    check(StorageKind::Item(choice(&["A"])), StorageKind::Item(choice(&["A", "B"])), true);
    check(StorageKind::Item(choice(&["A"])), StorageKind::Item(choice(&["B", "A"])), false);
    check(StorageKind::Set(Type::U64), StorageKind::Set(Type::U64), true);
    check(StorageKind::Set(Type::U64), StorageKind::Set(Type::U32), false);
    check(StorageKind::Set(Type::U64), map(Type::U64, Type::Unit), false);
    check(indexed(Type::U64, &["owner"]), indexed(Type::U64, &["owner"]), true);
    check(indexed(Type::U64, &["owner"]), indexed(Type::U32, &["owner"]), false);
    // What is stored already would be missing in the new index.
    check(indexed(Type::U64, &["owner"]), indexed(Type::U64, &["owner", "price"]), false);
    check(indexed(Type::U64, &["owner"]), map(Type::U64, offer()), false);
}

#[test]
fn another_state_version_needs_a_migration() {
    let old = with(StorageKind::Item(Type::U64));
    let mut new = Abi { state_version: 2, ..with(StorageKind::Set(Type::U8)) };
    let missing = Err(Incompatible::NoMigration { from: 1, to: 2 });
    assert_eq!(old.migrates_to(&new), missing);
    new.methods.push(migration());
    assert_eq!(old.migrates_to(&new), Ok(true));
}

#[test]
fn an_index_is_a_field_of_its_values() {
    assert_eq!(with(indexed(Type::U64, &["owner", "price"])).validate(), Ok(()));
    let check = |value: Type, indexes: Vec<Field>, expected: &str| {
        let kind = StorageKind::IndexedMap { key: Type::U64, value, indexes };
        let error = with(kind).validate().expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    };
    let owner = |ty| Field { name: "owner".into(), ty };
    check(offer(), vec![owner(Type::U64)], "no field");
    check(offer(), vec![owner(Type::Address), owner(Type::Address)], "two indexes");
    check(Type::U64, vec![], "no struct");
}
