//! The registry against a model that forgets a name with all that belongs to it when it is
//! registered anew: whatever is called at whatever time, names are the same owners', lead to the
//! same places, and all that was paid is there.

#![allow(clippy::indexing_slicing, reason = "accounts and names are told by their numbers")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use quorate_sdk::testing::{Problem, TestChain, natively_and_as_wasm};
use quorate_sdk::{Address, Client};
use registry::registry::{Error, RegistryClient, Terms};

const ACCOUNTS: [&str; 3] = ["alice", "bob", "carol"];
const NAMES: [&str; 2] = ["one", "two"];
const TERMS: Terms = Terms { price: 10, period_ms: 10_000, grace_ms: 4_000 };

/// What one account does with one name, and how long before it time passes.
#[derive(Clone, Copy, Debug)]
struct Step {
    wait_ms: u64,
    by: usize,
    name: usize,
    act: Act,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Register(u32),
    Renew(u32),
    Transfer(usize),
    SetAddress(usize),
    SetText(u8),
    SetPrimary,
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..ACCOUNTS.len();
    let act = prop_oneof![
        3 => (1..3_u32).prop_map(Act::Register),
        2 => (1..3_u32).prop_map(Act::Renew),
        1 => who().prop_map(Act::Transfer),
        2 => who().prop_map(Act::SetAddress),
        2 => any::<u8>().prop_map(Act::SetText),
        2 => Just(Act::SetPrimary),
    ];
    // Most steps follow each other, and some come in the time of grace or behind it.
    let wait_ms = prop_oneof![4 => Just(0), 2 => 0..4_000_u64, 1 => 4_000..20_000_u64];
    (wait_ms, who(), 0..NAMES.len(), act).prop_map(|(wait_ms, by, name, act)| Step {
        wait_ms,
        by,
        name,
        act,
    })
}

/// A name, as long as it is nobody else's.
struct Held {
    owner: usize,
    expiry_ms: u64,
    address: Option<usize>,
    text: Option<u8>,
}

#[derive(Default)]
struct Model {
    names: BTreeMap<usize, Held>,
    /// The names that accounts go by.
    primaries: BTreeMap<usize, usize>,
    fees: u128,
}

impl Model {
    fn apply(&mut self, step: Step, now_ms: u64) -> Result<(), Error> {
        let Step { by, name, act, .. } = step;
        if let Act::Register(periods) = act {
            return self.register(by, name, periods, now_ms);
        }
        let held = self.names.get_mut(&name).ok_or(Error::NotRegistered)?;
        if let Act::Renew(periods) = act {
            if held.owner != by {
                return Err(Error::NotTheOwner);
            }
            if now_ms >= held.expiry_ms + TERMS.grace_ms {
                return Err(Error::Expired);
            }
            held.expiry_ms += u64::from(periods) * TERMS.period_ms;
            self.fees += u128::from(periods) * TERMS.price;
            return Ok(());
        }
        if now_ms >= held.expiry_ms {
            return Err(Error::Expired);
        }
        match act {
            Act::SetPrimary if held.address != Some(by) => return Err(Error::LeadsElsewhere),
            Act::SetPrimary => {
                self.primaries.insert(by, name);
            }
            _ if held.owner != by => return Err(Error::NotTheOwner),
            Act::Transfer(to) => held.owner = to,
            Act::SetAddress(to) => held.address = Some(to),
            Act::SetText(text) => held.text = Some(text),
            Act::Register(_) | Act::Renew(_) => unreachable!("seen above"),
        }
        Ok(())
    }

    fn register(&mut self, by: usize, name: usize, periods: u32, now: u64) -> Result<(), Error> {
        if let Some(held) = self.names.get(&name) {
            let free_ms = held.expiry_ms + TERMS.grace_ms;
            if now < free_ms {
                return Err(Error::Taken { free_ms });
            }
        }
        let expiry_ms = now + u64::from(periods) * TERMS.period_ms;
        self.names.insert(name, Held { owner: by, expiry_ms, address: None, text: None });
        self.primaries.retain(|_, primary| *primary != name);
        self.fees += u128::from(periods) * TERMS.price;
        Ok(())
    }

    /// Compares what can be asked for.
    fn check(&self, chain: &mut TestChain, registry: RegistryClient, accounts: &[Address]) {
        let now_ms = chain.time_ms();
        assert_eq!(chain.balance(&registry.address()), self.fees);
        let is_current = |held: &&Held| now_ms < held.expiry_ms;
        for (number, name) in NAMES.iter().enumerate() {
            let held = self.names.get(&number);
            let current = held.filter(is_current);
            let registration = chain.query(registry.registration((*name).into()));
            let (owner, expiry_ms) = registration.map(|it| (it.owner, it.expiry_ms)).unzip();
            assert_eq!(owner, held.map(|held| accounts[held.owner]), "{name}");
            assert_eq!(expiry_ms, held.map(|held| held.expiry_ms), "{name}");
            let address = current.and_then(|held| held.address).map(|to| accounts[to]);
            assert_eq!(chain.query(registry.resolve((*name).into())), address, "{name}");
            let text = current.and_then(|held| held.text).map(|text| text.to_string());
            let asked = chain.query(registry.text((*name).into(), "key".into()));
            assert_eq!(asked, text, "{name}");
        }
        for (number, account) in accounts.iter().enumerate() {
            let own = self.names.iter().filter(|(_, held)| held.owner == number);
            let own: Vec<&str> = own.map(|(name, _)| NAMES[*name]).collect();
            let page = chain.query(registry.names_of(*account, None, 10));
            let page: Vec<String> = page.into_iter().map(|(name, _)| name).collect();
            assert_eq!(page, own);
            let primary = self.primaries.get(&number).filter(|name| {
                self.names.get(name).filter(is_current).and_then(|held| held.address)
                    == Some(number)
            });
            let primary = primary.map(|name| NAMES[*name].to_owned());
            assert_eq!(chain.query(registry.name_of(*account)), primary);
        }
    }
}

fn call(
    chain: &mut TestChain,
    registry: RegistryClient,
    accounts: &[Address],
    step: Step,
) -> Result<(), Problem<Error>> {
    let name = || String::from(NAMES[step.name]);
    let call = match step.act {
        Act::Register(periods) => {
            registry.register(name(), periods).value(TERMS.price * u128::from(periods))
        }
        Act::Renew(periods) => {
            registry.renew(name(), periods).value(TERMS.price * u128::from(periods))
        }
        Act::Transfer(to) => registry.transfer(name(), accounts[to]),
        Act::SetAddress(to) => registry.set_address(name(), Some(accounts[to])),
        Act::SetText(text) => registry.set_text(name(), "key".into(), Some(text.to_string())),
        Act::SetPrimary => registry.set_primary(Some(name())),
    };
    chain.call(&accounts[step.by], call).result()
}

/// Each case is two chains of some dozen blocks.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) }
}

proptest! {
    #![proptest_config(config())]

    /// Each call answers as the model does, and after each all that can be asked for is the
    /// model's.
    #[test]
    fn a_name_is_one_owners_at_a_time(steps in prop::collection::vec(step(), 1..32)) {
        natively_and_as_wasm(|chain| {
            let accounts: Vec<Address> = ACCOUNTS.map(|name| chain.account(name)).to_vec();
            let registry = chain.deploy(&accounts[0], RegistryClient::new(TERMS));
            let mut model = Model::default();
            for step in &steps {
                chain.advance_ms(step.wait_ms);
                let expected = model.apply(*step, chain.time_ms()).map_err(Problem::Refused);
                assert_eq!(call(chain, registry, &accounts, *step), expected, "{step:?}");
                model.check(chain, registry, &accounts);
            }
        });
    }
}
