//! The multisig against a model, in every order of calls and times: nothing is done but what enough
//! of the present owners have confirmed in time, and that once.
#![allow(clippy::indexing_slicing, reason = "accounts are told by their numbers")]

use std::collections::{BTreeMap, BTreeSet};

use multisig::multisig::{Action, MultisigClient};
use proptest::prelude::*;
use quorate_sdk::testing::{Problem, TestChain, natively_and_as_wasm};
use quorate_sdk::{Address, Client};

const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];
/// Native units of the multisig. More than this may be proposed.
const UNITS: u128 = 1_000;

#[derive(Clone, Debug)]
enum Step {
    Propose { by: usize, what: What, valid_ms: u64 },
    Confirm { by: usize, number: u64 },
    Revoke { by: usize, number: u64 },
    Execute { by: usize, number: u64 },
    Discard { by: usize, number: u64 },
}

#[derive(Clone, Debug)]
enum What {
    /// Units for nobody.
    Pay(u128),
    /// Accounts by their numbers.
    Change(BTreeSet<usize>, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let by = || 0..NAMES.len();
    let number = || 0..5_u64;
    let what = prop_oneof![
        3 => (0..UNITS).prop_map(What::Pay),
        1 => (prop::collection::btree_set(by(), 1..4), 1..4_u32)
            .prop_map(|(owners, threshold)| What::Change(owners, threshold)),
    ];
    prop_oneof![
        2 => (by(), what, 0..40_000_u64)
            .prop_map(|(by, what, valid_ms)| Step::Propose { by, what, valid_ms }),
        4 => (by(), number()).prop_map(|(by, number)| Step::Confirm { by, number }),
        1 => (by(), number()).prop_map(|(by, number)| Step::Revoke { by, number }),
        4 => (by(), number()).prop_map(|(by, number)| Step::Execute { by, number }),
        1 => (by(), number()).prop_map(|(by, number)| Step::Discard { by, number }),
    ]
}

struct Proposal {
    what: What,
    expiry_ms: u64,
    confirmed_by: BTreeSet<usize>,
}

struct Model {
    owners: BTreeSet<usize>,
    threshold: usize,
    proposals: BTreeMap<u64, Proposal>,
    /// Proposals of earlier owners.
    void: BTreeSet<u64>,
    next: u64,
    units: u128,
}

impl Model {
    /// Whether the call succeeds; an execution that fails does, and changes nothing.
    fn apply(&mut self, now: u64, step: &Step) -> bool {
        match step {
            Step::Propose { by, what, valid_ms } => {
                let is_valid = match what {
                    What::Pay(_) => true,
                    What::Change(owners, threshold) => *threshold as usize <= owners.len(),
                };
                if !self.owners.contains(by) || !is_valid {
                    return false;
                }
                let (expiry_ms, confirmed_by) = (now + valid_ms, BTreeSet::from([*by]));
                let proposal = Proposal { what: what.clone(), expiry_ms, confirmed_by };
                self.proposals.insert(self.next, proposal);
                self.next += 1;
                true
            }
            Step::Confirm { by, number } => {
                self.owners.contains(by)
                    && self.current(now, *number).is_some_and(|p| p.confirmed_by.insert(*by))
            }
            Step::Revoke { by, number } => {
                let Some(proposal) = self.proposals.get_mut(number) else { return false };
                let was_there = proposal.confirmed_by.remove(by);
                if proposal.confirmed_by.is_empty() {
                    self.proposals.remove(number);
                }
                was_there
            }
            Step::Execute { number, .. } => {
                let threshold = self.threshold;
                let Some(proposal) = self.current(now, *number) else { return false };
                if proposal.confirmed_by.len() < threshold {
                    return false;
                }
                match proposal.what.clone() {
                    What::Pay(units) if units > self.units => return true,
                    What::Pay(units) => self.units -= units,
                    What::Change(owners, threshold) => {
                        (self.owners, self.threshold) = (owners, threshold as usize);
                        self.void = self.proposals.keys().copied().collect();
                    }
                }
                self.proposals.remove(number);
                true
            }
            Step::Discard { number, .. } => {
                let is_over = self.current(now, *number).is_none();
                is_over && self.proposals.remove(number).is_some()
            }
        }
    }

    fn current(&mut self, now: u64, number: u64) -> Option<&mut Proposal> {
        let proposal = self.proposals.get_mut(&number)?;
        (now <= proposal.expiry_ms && !self.void.contains(&number)).then_some(proposal)
    }
}

/// Whether the call succeeded.
fn call(
    chain: &mut TestChain,
    multisig: MultisigClient,
    accounts: &[Address; 4],
    step: &Step,
) -> bool {
    let result = match step {
        Step::Propose { by, what, valid_ms } => {
            let action = match what {
                What::Pay(amount) => Action::Transfer { to: Address::default(), amount: *amount },
                What::Change(owners, threshold) => Action::SetOwners {
                    owners: owners.iter().map(|owner| accounts[*owner]).collect(),
                    threshold: *threshold,
                },
            };
            let expiry_ms = chain.time_ms() + valid_ms;
            chain.call(&accounts[*by], multisig.propose(action, expiry_ms)).result().map(|_| ())
        }
        Step::Confirm { by, number } => {
            chain.call(&accounts[*by], multisig.confirm(*number)).result()
        }
        Step::Revoke { by, number } => {
            chain.call(&accounts[*by], multisig.revoke(*number)).result()
        }
        Step::Execute { by, number } => {
            chain.call(&accounts[*by], multisig.execute(*number)).result().map(|_| ())
        }
        Step::Discard { by, number } => {
            chain.call(&accounts[*by], multisig.discard(*number)).result()
        }
    };
    let failed = matches!(result, Err(Problem::Failed(_) | Problem::Malformed));
    assert!(!failed, "{step:?}: {result:?}");
    result.is_ok()
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn only_what_was_confirmed_is_done(steps in prop::collection::vec(step(), 1..50)) {
        natively_and_as_wasm(|chain| {
            let accounts = NAMES.map(|name| chain.account(name));
            let owners = BTreeSet::from([0, 1, 2]);
            let multisig = MultisigClient::new(accounts[..3].to_vec(), 2);
            let multisig = chain.deploy(&accounts[3], multisig);
            chain.transfer(&accounts[3], &multisig.address(), UNITS).value();
            let mut model = Model {
                owners,
                threshold: 2,
                proposals: BTreeMap::new(),
                void: BTreeSet::new(),
                next: 0,
                units: UNITS,
            };
            for step in &steps {
                let expected = model.apply(chain.time_ms(), step);
                assert_eq!(call(chain, multisig, &accounts, step), expected, "{step:?}");
                assert_eq!(chain.balance(&multisig.address()), model.units);
                let numbers = chain.query(multisig.proposals(None, 100)).into_iter();
                assert!(numbers.map(|(number, _)| number).eq(model.proposals.keys().copied()));
            }
            let owners: BTreeSet<Address> = chain.query(multisig.owners()).into_iter().collect();
            assert!(owners == model.owners.iter().map(|owner| accounts[*owner]).collect());
        });
    }
}
