//! Names, as their owners see them.

use quorate_sdk::abi::Abi;
use quorate_sdk::testing::{Failure, TestChain, contract_test};
use quorate_sdk::{Address, Client};
use registry::registry::{
    ABI, Error, KEY_BYTES_MAX, Registered, RegistryClient, Renewed, TEXT_BYTES_MAX, Terms,
    Transferred,
};

const PRICE: u128 = 500;
const PERIOD_MS: u64 = 100_000;
const GRACE_MS: u64 = 20_000;
const TERMS: Terms = Terms { price: PRICE, period_ms: PERIOD_MS, grace_ms: GRACE_MS };
const NAME: &str = "b-52";

/// A registry of alice's, and a name of bob's for one period. Answers with when it expires, too.
fn open(chain: &mut TestChain) -> (RegistryClient, [Address; 4], u64) {
    let accounts = ["alice", "bob", "carol", "dave"].map(|name| chain.account(name));
    let registry = chain.deploy(&accounts[0], RegistryClient::new(TERMS));
    let expiry_ms = chain.time_ms() + PERIOD_MS;
    let receipt = chain.call(&accounts[1], registry.register(NAME.into(), 1).value(PRICE));
    let expected = Registered { name: NAME.into(), owner: accounts[1], expiry_ms };
    assert_eq!(receipt.events::<Registered>(), [expected]);
    receipt.value();
    (registry, accounts, expiry_ms)
}

/// Lets time pass until the next block has this one.
fn advance_to(chain: &mut TestChain, time_ms: u64) {
    let rest = time_ms - chain.time_ms();
    chain.advance_ms(rest);
}

fn owner_of(chain: &mut TestChain, registry: RegistryClient) -> Option<Address> {
    chain.query(registry.registration(NAME.into())).map(|registration| registration.owner)
}

#[contract_test]
fn a_name_is_of_letters_digits_and_inner_hyphens(chain: &mut TestChain) {
    let (registry, [_, bob, ..], _) = open(chain);
    let longest = "a".repeat(32);
    for name in ["abc", "123", "a-b", "a--b", "0-0", longest.as_str()] {
        chain.call(&bob, registry.register(name.into(), 1).value(PRICE)).value();
    }
    let too_long = "a".repeat(33);
    let bad = [
        "",
        "a",
        "ab",
        "-ab",
        "ab-",
        "---",
        "aBc",
        "a_b",
        "a.b",
        "a b",
        "äbc",
        "abc\0",
        "abc\n",
        "аbc",
        too_long.as_str(),
    ];
    for name in bad {
        let refused = chain.call(&bob, registry.register(name.into(), 1).value(PRICE));
        assert_eq!(refused.error(), Error::BadName, "{name:?}");
    }
}

/// What is refused is not paid, and what was paid is all there.
#[contract_test]
fn exactly_the_price_is_paid(chain: &mut TestChain) {
    let (registry, [alice, bob, carol, dave], _) = open(chain);
    let before = chain.balance(&carol);
    for value in [0, PRICE - 1, PRICE, 2 * PRICE - 1, 2 * PRICE + 1] {
        let refused = chain.call(&carol, registry.register("carol".into(), 2).value(value));
        assert_eq!(refused.error(), Error::WrongPrice { price: 2 * PRICE });
        let refused = chain.call(&bob, registry.renew(NAME.into(), 2).value(value));
        assert_eq!(refused.error(), Error::WrongPrice { price: 2 * PRICE });
    }
    for value in [0, PRICE] {
        let refused = chain.call(&carol, registry.register("carol".into(), 0).value(value));
        assert_eq!(refused.error(), Error::BadPeriods);
        let refused = chain.call(&bob, registry.renew(NAME.into(), 0).value(value));
        assert_eq!(refused.error(), Error::BadPeriods);
    }
    assert_eq!(chain.balance(&carol), before);
    assert_eq!(chain.query(registry.registration("carol".into())), None);
    chain.call(&carol, registry.register("carol".into(), 2).value(2 * PRICE)).value();
    assert_eq!(chain.balance(&carol), before - 2 * PRICE);
    assert_eq!(chain.balance(&registry.address()), 3 * PRICE);

    // What somebody sends without a call is not stuck either.
    chain.transfer(&dave, &registry.address(), 7).value();
    assert_eq!(chain.call(&bob, registry.withdraw(bob, 1)).error(), Error::NotTheOwner);
    let have = 3 * PRICE + 7;
    let refused = chain.call(&alice, registry.withdraw(alice, have + 1));
    assert_eq!(refused.error(), Error::Insufficient { have });
    let before = chain.balance(&dave);
    chain.call(&alice, registry.withdraw(dave, have)).value();
    assert_eq!(chain.balance(&dave), before + have);
    assert_eq!(chain.balance(&registry.address()), 0);
    let refused = chain.call(&bob, registry.transfer(NAME.into(), carol).value(1));
    assert_eq!(refused.failure(), Failure::NotPayable);
}

#[contract_test]
fn what_cannot_be_counted_is_refused(chain: &mut TestChain) {
    let alice = chain.account("alice");
    for (period_ms, grace_ms) in [(0, 0), (9, 10)] {
        let terms = Terms { period_ms, grace_ms, ..TERMS };
        let refused = chain.try_deploy(&alice, RegistryClient::new(terms));
        assert_eq!(refused.error(), Error::BadTerms);
    }
    let terms = Terms { price: u128::MAX / 2, period_ms: u64::MAX / 3, grace_ms: u64::MAX / 3 };
    let registry = chain.deploy(&alice, RegistryClient::new(terms));
    chain.fund(&alice, u128::MAX - 1);
    for periods in [3, u32::MAX] {
        let refused = chain.call(&alice, registry.register(NAME.into(), periods));
        assert_eq!(refused.error(), Error::BadPeriods);
    }
    chain.call(&alice, registry.register(NAME.into(), 2).value(u128::MAX - 1)).value();

    // Time ends before the price does.
    let terms = Terms { price: 0, period_ms: u64::MAX / 3, grace_ms: 0 };
    let registry = chain.deploy(&alice, RegistryClient::new(terms));
    assert_eq!(chain.call(&alice, registry.register(NAME.into(), 3)).error(), Error::BadPeriods);
    chain.call(&alice, registry.register(NAME.into(), 2)).value();
    assert_eq!(chain.call(&alice, registry.renew(NAME.into(), 1)).error(), Error::BadPeriods);
}

/// Each time is tried to the millisecond.
#[contract_test]
fn a_name_is_its_owners_then_waits_then_is_free(chain: &mut TestChain) {
    let (registry, [_, bob, carol, _], expiry_ms) = open(chain);
    let free_ms = expiry_ms + GRACE_MS;
    let taken = Error::Taken { free_ms };
    let claim = || registry.register(NAME.into(), 1).value(PRICE);
    for who in [bob, carol] {
        assert_eq!(chain.call(&who, claim()).error(), taken);
    }
    advance_to(chain, expiry_ms - 1);
    chain.call(&bob, registry.set_address(NAME.into(), Some(bob))).value();
    assert_eq!(chain.query(registry.resolve(NAME.into())), None);
    assert_eq!(owner_of(chain, registry), Some(bob));
    let refused = chain.call(&bob, registry.set_address(NAME.into(), Some(bob)));
    assert_eq!(refused.error(), Error::Expired);
    assert_eq!(chain.call(&bob, registry.transfer(NAME.into(), bob)).error(), Error::Expired);
    advance_to(chain, free_ms - 1);
    assert_eq!(chain.call(&carol, claim()).error(), taken);
    // It is free from here on.
    let refused = chain.call(&bob, registry.renew(NAME.into(), 1).value(PRICE));
    assert_eq!(refused.error(), Error::Expired);
    chain.call(&carol, claim()).value();
    assert_eq!(owner_of(chain, registry), Some(carol));
    let refused = chain.call(&bob, registry.renew(NAME.into(), 1).value(PRICE));
    assert_eq!(refused.error(), Error::NotTheOwner);
}

#[contract_test]
fn a_name_expires_and_is_freed_on_time(chain: &mut TestChain) {
    let (registry, [_, bob, carol, _], expiry_ms) = open(chain);
    chain.call(&bob, registry.set_address(NAME.into(), Some(carol))).value();
    advance_to(chain, expiry_ms - 1);
    assert_eq!(chain.query(registry.resolve(NAME.into())), Some(carol));
    advance_to(chain, expiry_ms);
    assert_eq!(chain.query(registry.resolve(NAME.into())), None);
    assert_eq!(chain.call(&bob, registry.transfer(NAME.into(), bob)).error(), Error::Expired);
    advance_to(chain, expiry_ms + GRACE_MS);
    chain.call(&carol, registry.register(NAME.into(), 1).value(PRICE)).value();
    assert_eq!(owner_of(chain, registry), Some(carol));
}

#[contract_test]
fn a_renewal_goes_on_from_the_expiry(chain: &mut TestChain) {
    let (registry, [_, bob, carol, _], expiry_ms) = open(chain);
    let refused = chain.call(&carol, registry.renew(NAME.into(), 1).value(PRICE));
    assert_eq!(refused.error(), Error::NotTheOwner);
    let refused = chain.call(&bob, registry.renew("other".into(), 1).value(PRICE));
    assert_eq!(refused.error(), Error::NotRegistered);
    chain.call(&bob, registry.set_address(NAME.into(), Some(carol))).value();
    let receipt = chain.call(&bob, registry.renew(NAME.into(), 2).value(2 * PRICE));
    let expiry_ms = expiry_ms + 2 * PERIOD_MS;
    assert_eq!(receipt.events::<Renewed>(), [Renewed { name: NAME.into(), expiry_ms }]);
    receipt.value();

    // In the last millisecond of the time of grace, with the records it had.
    advance_to(chain, expiry_ms + GRACE_MS - 1);
    assert_eq!(chain.query(registry.resolve(NAME.into())), None);
    chain.call(&bob, registry.renew(NAME.into(), 1).value(PRICE)).value();
    assert_eq!(chain.query(registry.resolve(NAME.into())), Some(carol));
    let registration = chain.query(registry.registration(NAME.into())).expect("it is there");
    let expiry_ms = expiry_ms + PERIOD_MS;
    assert_eq!(registration.expiry_ms, expiry_ms);
    advance_to(chain, expiry_ms + GRACE_MS);
    let refused = chain.call(&bob, registry.renew(NAME.into(), 1).value(PRICE));
    assert_eq!(refused.error(), Error::Expired);
}

#[contract_test]
fn records_go_along_with_a_transfer_and_end_with_the_registration(chain: &mut TestChain) {
    let (registry, [alice, bob, carol, dave], expiry_ms) = open(chain);
    let set = |text: &str| registry.set_text(NAME.into(), "url".into(), Some(text.into()));
    let get = || registry.text(NAME.into(), "url".into());
    let point = |to| registry.set_address(NAME.into(), to);
    // Who owns the registry does not own its names.
    for stranger in [alice, carol] {
        assert_eq!(chain.call(&stranger, set("mine")).error(), Error::NotTheOwner);
        assert_eq!(chain.call(&stranger, point(Some(stranger))).error(), Error::NotTheOwner);
        let refused = chain.call(&stranger, registry.transfer(NAME.into(), stranger));
        assert_eq!(refused.error(), Error::NotTheOwner);
    }
    let refused = chain.call(&bob, registry.set_address("other".into(), None));
    assert_eq!(refused.error(), Error::NotRegistered);
    chain.call(&bob, set("bob's")).value();
    chain.call(&bob, point(Some(bob))).value();

    let receipt = chain.call(&bob, registry.transfer(NAME.into(), carol));
    let expected = Transferred { name: NAME.into(), from: bob, to: carol };
    assert_eq!(receipt.events::<Transferred>(), [expected]);
    receipt.value();
    assert_eq!(chain.query(get()), Some("bob's".into()));
    assert_eq!(chain.query(registry.resolve(NAME.into())), Some(bob));
    assert_eq!(chain.call(&bob, set("bob's again")).error(), Error::NotTheOwner);

    advance_to(chain, expiry_ms);
    assert_eq!(chain.query(get()), None);
    advance_to(chain, expiry_ms + GRACE_MS);
    chain.call(&dave, registry.register(NAME.into(), 1).value(PRICE)).value();
    assert_eq!(chain.query(get()), None);
    assert_eq!(chain.query(registry.resolve(NAME.into())), None);
    chain.call(&dave, set("dave's")).value();
    assert_eq!(chain.query(get()), Some("dave's".into()));
    chain.call(&dave, registry.set_text(NAME.into(), "url".into(), None)).value();
    assert_eq!(chain.query(get()), None);
}

#[contract_test]
fn a_text_has_its_bounds(chain: &mut TestChain) {
    let (registry, [_, bob, ..], _) = open(chain);
    let set = |key: usize, text: usize| {
        registry.set_text(NAME.into(), "\0".repeat(key), Some("t".repeat(text)))
    };
    chain.call(&bob, set(KEY_BYTES_MAX, TEXT_BYTES_MAX)).value();
    chain.call(&bob, set(0, 0)).value();
    assert_eq!(chain.call(&bob, set(KEY_BYTES_MAX + 1, 0)).error(), Error::TooLong);
    assert_eq!(chain.call(&bob, set(0, TEXT_BYTES_MAX + 1)).error(), Error::TooLong);
    assert_eq!(chain.query(registry.text(NAME.into(), String::new())), Some(String::new()));
}

/// Neither side alone can say that a name and an address belong together.
#[contract_test]
fn an_address_goes_by_a_name_that_leads_to_it(chain: &mut TestChain) {
    let (registry, [_, bob, carol, dave], expiry_ms) = open(chain);
    let claim = || registry.set_primary(Some(NAME.into()));
    assert_eq!(chain.call(&bob, claim()).error(), Error::LeadsElsewhere);
    let refused = chain.call(&bob, registry.set_primary(Some("other".into())));
    assert_eq!(refused.error(), Error::NotRegistered);
    chain.call(&bob, registry.set_address(NAME.into(), Some(carol))).value();
    assert_eq!(chain.query(registry.name_of(carol)), None);
    assert_eq!(chain.call(&bob, claim()).error(), Error::LeadsElsewhere);
    chain.call(&carol, claim()).value();
    assert_eq!(chain.query(registry.name_of(carol)), Some(NAME.into()));

    chain.call(&bob, registry.set_address(NAME.into(), Some(bob))).value();
    assert_eq!(chain.query(registry.name_of(carol)), None);
    chain.call(&bob, registry.set_address(NAME.into(), Some(carol))).value();
    chain.call(&carol, registry.set_primary(None)).value();
    assert_eq!(chain.query(registry.name_of(carol)), None);
    chain.call(&carol, claim()).value();

    // A later owner of the name cannot speak in the address's place.
    advance_to(chain, expiry_ms + GRACE_MS);
    assert_eq!(chain.query(registry.name_of(carol)), None);
    assert_eq!(chain.call(&carol, claim()).error(), Error::Expired);
    chain.call(&dave, registry.register(NAME.into(), 1).value(PRICE)).value();
    chain.call(&dave, registry.set_address(NAME.into(), Some(carol))).value();
    assert_eq!(chain.query(registry.name_of(carol)), None);
    chain.call(&carol, claim()).value();
    assert_eq!(chain.query(registry.name_of(carol)), Some(NAME.into()));
}

/// Pages end with the owner's names, also where another owner's follow.
#[contract_test]
fn an_owners_names_come_in_pages(chain: &mut TestChain) {
    let (registry, [alice, bob, carol, dave], _) = open(chain);
    for (owner, names) in [(alice, ["aaa", "zzz"]), (bob, ["a-1", "z-1"]), (carol, ["000", "999"])]
    {
        for name in names {
            chain.call(&owner, registry.register(name.into(), 1).value(PRICE)).value();
        }
    }
    for (owner, expected) in [
        (alice, vec!["aaa", "zzz"]),
        (bob, vec!["a-1", NAME, "z-1"]),
        (carol, vec!["000", "999"]),
        (dave, vec![]),
    ] {
        for limit in [1, 2, 100] {
            let mut seen: Vec<String> = Vec::new();
            // Each page but the last has one name at least.
            for _ in 0..=expected.len() {
                let after = seen.last().cloned();
                let page = chain.query(registry.names_of(owner, after, limit));
                seen.extend(page.into_iter().map(|(name, _)| name));
            }
            assert_eq!(seen, expected);
        }
    }
}

/// Fails when `registry.wasm` is not of this source's interface. Renew it with
/// `cargo run -p quorate-contract-build --example build -- contracts/registry`.
#[test]
fn the_module_describes_this_source() {
    let module = include_bytes!("../registry.wasm");
    assert_eq!(Abi::from_module(module), Abi::decode(&ABI));
}
