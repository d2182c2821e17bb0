//! Contracts that get other code, and other admins.

use abi::{MethodKind, Storage, StorageKind, Type};
use primitives::receipt::{Failure, Status};
use primitives::state_key::ContractInfo;
use primitives::{Action, Address, Amount, Hash, Receipt, StateKey, codec};

use crate::testing::{ASK, IMPORTS, PAY, RUN, TestChain, abi, calling, key, method, text_bytes};

const MIGRATE: [u8; 4] = *b"migr";

/// A version of a contract.
struct Version<'a> {
    /// What its query answers.
    name: &'a str,
    state_version: u32,
    storage: Option<Type>,
    /// What its migration runs, if it has one.
    migrate: Option<&'a str>,
}

impl Version<'_> {
    const fn first() -> Self {
        Self { name: "one", state_version: 1, storage: None, migrate: None }
    }

    fn code(&self) -> Vec<u8> {
        let Self { name, state_version, storage, migrate } = self;
        let migration = migrate
            .map(|body| format!(r#"(func (export "migrate") (param i32) (result i32) {body})"#));
        let text = format!(
            r#"(module {IMPORTS} (memory (export "memory") 1) (data (i32.const 100) "{name}")
                (data (i32.const 200) "why")
                (func (export "query") (param i32) (result i32)
                    (call $set_output (i32.const 100) (i32.const {})) i32.const 0)
                {})"#,
            name.len(),
            migration.as_deref().unwrap_or_default(),
        );
        let mut methods = vec![method(ASK, MethodKind::Query)];
        methods.extend(migration.map(|_| method(MIGRATE, MethodKind::Migrate)));
        let storage = storage.clone().map(|ty| Storage {
            name: "count".to_owned(),
            prefix: [1, 2, 3, 4],
            kind: StorageKind::Item(ty),
        });
        let abi = abi::Abi {
            state_version: *state_version,
            storage: storage.into_iter().collect(),
            ..abi(&methods)
        };
        abi.embed(&wat::parse_str(text).unwrap()).unwrap()
    }
}

fn upgrade(chain: &mut TestChain, by: u8, contract: Address, code: Hash, input: &[u8]) -> Receipt {
    chain.act(by, Action::Upgrade { contract, code, arguments: input.to_vec() })
}

/// The version that runs.
fn version(chain: &TestChain, contract: Address) -> String {
    String::from_utf8(chain.query(contract, &ASK).output).unwrap()
}

fn info(chain: &TestChain, contract: Address) -> ContractInfo {
    codec::decode(&chain.state[&StateKey::contract(&contract)], 1 << 10).unwrap()
}

const SETS_AND_SAYS_WHY: &str =
    "(call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))
    (call $set_output (i32.const 200) (i32.const 3))";

#[test]
fn the_admin_gives_a_contract_other_code_at_the_same_address() {
    let mut chain = TestChain::new();
    let contract = chain.deploy(Version::first().code());
    let before = info(&chain, contract);
    let code = chain.upload(Version { name: "two", ..Version::first() }.code());
    let receipt = upgrade(&mut chain, 4, contract, code, b"");
    assert_eq!((receipt.status, receipt.output), (Status::Success, Vec::new()));
    assert_eq!(version(&chain, contract), "two");
    assert_eq!(info(&chain, contract), ContractInfo { code, ..before });
}

/// And at the same state version it does not: there is nothing to migrate.
#[test]
fn the_migration_runs_when_the_state_version_differs() {
    let migrating = format!("{SETS_AND_SAYS_WHY} i32.const 0");
    let next = |state_version| Version {
        name: "two",
        state_version,
        migrate: Some(&migrating),
        ..Version::first()
    };
    let mut chain = TestChain::new();
    let contract = chain.deploy(Version::first().code());
    let written = StateKey::storage(&contract, &[0]);
    let same = chain.upload(next(1).code());
    let receipt = upgrade(&mut chain, 4, contract, same, &MIGRATE);
    assert_eq!(receipt.status, Status::Failed(Failure::UnknownMethod));
    assert_eq!(upgrade(&mut chain, 4, contract, same, b"").status, Status::Success);
    assert!(!chain.state.contains_key(&written));
    let other = chain.upload(next(2).code());
    for input in [&b""[..], b"mi", &ASK, &RUN] {
        let receipt = upgrade(&mut chain, 4, contract, other, input);
        assert_eq!(receipt.status, Status::Failed(Failure::UnknownMethod), "{input:?}");
        assert_eq!(info(&chain, contract).code, same);
    }
    let receipt = upgrade(&mut chain, 4, contract, other, &MIGRATE);
    assert_eq!((receipt.status, receipt.output), (Status::Success, b"why".to_vec()));
    assert!(chain.state.contains_key(&written));
    // It is no method for anybody else.
    let called = chain.call(contract, &MIGRATE, 0);
    assert_eq!(called.status, Status::Failed(Failure::UnknownMethod));
}

#[test]
fn a_migration_that_does_not_return_leaves_the_contract_as_it_was() {
    for (end, status, output) in [
        ("i32.const 1", Status::Reverted, &b"why"[..]),
        ("unreachable", Status::Failed(Failure::Trapped), b""),
        ("(loop br 0) i32.const 0", Status::Failed(Failure::OutOfGas), b""),
    ] {
        let mut chain = TestChain::new();
        let contract = chain.deploy(Version::first().code());
        let before = info(&chain, contract);
        let migrate = format!("{SETS_AND_SAYS_WHY} {end}");
        let next =
            Version { name: "two", state_version: 2, migrate: Some(&migrate), ..Version::first() };
        let code = chain.upload(next.code());
        let receipt = upgrade(&mut chain, 4, contract, code, &MIGRATE);
        assert_eq!((receipt.status, receipt.output.as_slice()), (status, output));
        assert_eq!((info(&chain, contract), version(&chain, contract)), (before, "one".to_owned()));
        assert!(!chain.state.contains_key(&StateKey::storage(&contract, &[0])));
    }
}

/// In the words of the receipt, which are those that the tools tell beforehand.
#[test]
fn code_that_cannot_read_what_is_stored_is_refused() {
    let first = Version { storage: Some(Type::U64), ..Version::first() };
    for (next, why) in [
        (
            Version { storage: Some(Type::U32), ..Version::first() },
            "the storage field `count` was u64 and is u32; raise the state version, and bring a \
             migration",
        ),
        (
            Version::first(),
            "the storage field `count` is gone; raise the state version, and bring a migration",
        ),
        (
            Version { state_version: 2, ..Version::first() },
            "the state is of version 1 and the code of version 2, and the code brings no migration",
        ),
    ] {
        let mut chain = TestChain::new();
        let contract = chain.deploy(first.code());
        let code = chain.upload(next.code());
        let receipt = upgrade(&mut chain, 4, contract, code, b"");
        assert_eq!(receipt.status, Status::Failed(Failure::Incompatible(why.to_owned())));
        assert_eq!(version(&chain, contract), "one");
    }
}

#[test]
fn nobody_but_the_admin_upgrades() {
    let mut chain = TestChain::new();
    let contract = chain.deploy(Version::first().code());
    let code = chain.upload(Version { name: "two", ..Version::first() }.code());
    let receipt = upgrade(&mut chain, 1, contract, code, b"");
    assert_eq!(receipt.status, Status::Failed(Failure::NotAdmin));
    let receipt = upgrade(&mut chain, 4, Address([9; 32]), code, b"");
    assert_eq!(receipt.status, Status::Failed(Failure::UnknownContract));
    let receipt = upgrade(&mut chain, 4, contract, Hash([9; 32]), b"");
    assert_eq!(receipt.status, Status::Failed(Failure::UnknownCode));
    assert_eq!(version(&chain, contract), "one");
}

#[test]
fn an_admin_hands_on_and_may_leave_a_contract_to_nobody() {
    let mut chain = TestChain::new();
    let contract = chain.deploy(Version::first().code());
    let code = chain.upload(Version { name: "two", ..Version::first() }.code());
    let one = key(1).public_key().address();
    let set = |admin| Action::SetAdmin { contract, admin };
    let refused = Status::Failed(Failure::NotAdmin);
    assert_eq!(chain.act(1, set(Some(one))).status, refused);
    assert_eq!(chain.act(4, set(Some(one))).status, Status::Success);
    assert_eq!(chain.act(4, set(Some(one))).status, refused);
    assert_eq!(upgrade(&mut chain, 4, contract, code, b"").status, refused);
    assert_eq!(chain.act(1, set(None)).status, Status::Success);
    for by in [1, 4] {
        assert_eq!(chain.act(by, set(Some(one))).status, refused);
        assert_eq!(upgrade(&mut chain, by, contract, code, b"").status, refused);
    }
    assert_eq!((info(&chain, contract).admin, version(&chain, contract)), (None, "one".to_owned()));
    let nowhere = Action::SetAdmin { contract: Address([9; 32]), admin: None };
    assert_eq!(chain.act(4, nowhere).status, Status::Failed(Failure::UnknownContract));
}

/// A contract that upgrades `contract` (itself, when there is none) when `run_` is called, and hands
/// it to `admin` when `pay_` is; it answers with the status of the one, the number of the other.
fn upgrader(contract: Option<Address>, code: Hash, input: &[u8], admin: Address) -> Vec<u8> {
    let extra = format!(
        r#"(data (i32.const 1000) "{}") (data (i32.const 1032) "{}") (data (i32.const 1064) "{}")
            (data (i32.const 1096) "{}")"#,
        text_bytes(&contract.unwrap_or_default().0),
        text_bytes(&code.0),
        text_bytes(&admin.0),
        text_bytes(input),
    );
    let own = match contract {
        Some(_) => "",
        None => {
            "(call $context (i32.const 300))
            (memory.copy (i32.const 1000) (i32.const 316) (i32.const 32))"
        }
    };
    let body = format!(
        "(call $input (i32.const 0)) {own}
         (if (i32.eq (i32.load (i32.const 0)) (i32.const 0x5f796170)) (then
            (i32.store (i32.const 64) (call $set_admin (i32.const 1000) (i32.const 1064))))
         (else
            (i32.store (i32.const 64) (i32.wrap_i64 (i64.shr_u (call $upgrade (i32.const 1000)
                (i32.const 1032) (i32.const 1096) (i32.const {}) (i64.const 0))
                (i64.const 32))))))
         (call $set_output (i32.const 64) (i32.const 4)) i32.const 0",
        input.len(),
    );
    calling(&extra, &body)
}

fn answer(chain: &mut TestChain, contract: Address, selector: [u8; 4]) -> u32 {
    let receipt = chain.call(contract, &selector, 0);
    assert_eq!(receipt.status, Status::Success);
    u32::from_le_bytes(receipt.output.try_into().unwrap())
}

#[test]
fn a_contract_that_is_admin_upgrades_and_hands_on() {
    let mut chain = TestChain::new();
    let contract = chain.deploy(Version::first().code());
    let migrate = format!("{SETS_AND_SAYS_WHY} i32.const 0");
    let next =
        Version { name: "two", state_version: 2, migrate: Some(&migrate), ..Version::first() };
    let code = chain.upload(next.code());
    let heir = key(2).public_key().address();
    let by = chain.deploy(upgrader(Some(contract), code, &MIGRATE, heir));
    assert_eq!((answer(&mut chain, by, RUN), answer(&mut chain, by, PAY)), (2, 1), "not yet");
    chain.act(4, Action::SetAdmin { contract, admin: Some(by) });
    assert_eq!(answer(&mut chain, by, RUN), 0);
    assert_eq!(version(&chain, contract), "two");
    assert!(chain.state.contains_key(&StateKey::storage(&contract, &[0])));
    assert_eq!(answer(&mut chain, by, PAY), 0);
    assert_eq!(info(&chain, contract).admin, Some(heir));
    assert_eq!((answer(&mut chain, by, RUN), answer(&mut chain, by, PAY)), (2, 1), "no more");
}

#[test]
fn a_contract_leaves_one_to_nobody_by_the_address_of_zeros() {
    let mut chain = TestChain::new();
    let contract = chain.deploy(Version::first().code());
    let by = chain.deploy(upgrader(Some(contract), Hash([9; 32]), b"", Address::default()));
    chain.act(4, Action::SetAdmin { contract, admin: Some(by) });
    assert_eq!(answer(&mut chain, by, PAY), 0);
    assert_eq!(info(&chain, contract).admin, None);
}

/// Its own code would change under it; the same goes for whoever waits for a call to return.
#[test]
fn a_contract_that_is_being_called_is_not_upgraded() {
    let mut chain = TestChain::new();
    let code = chain.upload(Version::first().code());
    let own = chain.deploy(upgrader(None, code, b"", Address::default()));
    let before = info(&chain, own);
    chain.act(4, Action::SetAdmin { contract: own, admin: Some(own) });
    assert_eq!(answer(&mut chain, own, RUN), 2);
    assert_eq!(info(&chain, own), ContractInfo { admin: Some(own), ..before });
    // It may hand itself on, which changes nothing of what runs.
    assert_eq!(answer(&mut chain, own, PAY), 0);
    assert_eq!(info(&chain, own).admin, None);
    assert_eq!(Amount(chain.balance(&own)), Amount::ZERO);
}
