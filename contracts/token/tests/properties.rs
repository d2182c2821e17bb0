//! The token against a model of a few lines: whatever is called in whatever order, both have the
//! same units in the same hands.

#![allow(clippy::indexing_slicing)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use quorate_sdk::Address;
use quorate_sdk::testing::{TestChain, natively_and_as_wasm};
use token::token::{Error, TokenClient};

const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];
const SUPPLY: u128 = 1_000;

/// One call; accounts by their numbers.
#[derive(Clone, Debug)]
enum Step {
    Transfer { from: usize, to: usize, amount: u128 },
    Approve { owner: usize, spender: usize, amount: u128 },
    TransferFrom { spender: usize, from: usize, to: usize, amount: u128 },
    Mint { by: usize, to: usize, amount: u128 },
    Burn { by: usize, amount: u128 },
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..NAMES.len();
    // Around what accounts have, so that about half of the calls are refused.
    let amount = || prop_oneof![0..=SUPPLY, Just(u128::MAX)];
    prop_oneof![
        (who(), who(), amount()).prop_map(|(from, to, amount)| Step::Transfer { from, to, amount }),
        (who(), who(), amount()).prop_map(|(owner, spender, amount)| Step::Approve {
            owner,
            spender,
            amount
        }),
        (who(), who(), who(), amount()).prop_map(|(spender, from, to, amount)| {
            Step::TransferFrom { spender, from, to, amount }
        }),
        (who(), who(), amount()).prop_map(|(by, to, amount)| Step::Mint { by, to, amount }),
        (who(), amount()).prop_map(|(by, amount)| Step::Burn { by, amount }),
    ]
}

/// What a token is.
#[derive(Default)]
struct Model {
    balances: BTreeMap<usize, u128>,
    allowances: BTreeMap<(usize, usize), u128>,
    supply: u128,
}

impl Model {
    fn have(&self, who: usize) -> u128 {
        self.balances.get(&who).copied().unwrap_or(0)
    }

    fn shift(&mut self, from: usize, to: usize, amount: u128) -> Result<(), Error> {
        let have = self.have(from);
        if have < amount {
            return Err(Error::Insufficient { have, need: amount });
        }
        self.balances.insert(from, have - amount);
        self.balances.insert(to, self.have(to) + amount);
        Ok(())
    }

    /// Only the first account may mint.
    fn apply(&mut self, step: &Step) -> Result<(), Error> {
        match *step {
            Step::Transfer { from, to, amount } => self.shift(from, to, amount),
            Step::Approve { owner, spender, amount } => {
                self.allowances.insert((owner, spender), amount);
                Ok(())
            }
            Step::TransferFrom { spender, from, to, amount } => {
                let allowed = self.allowances.get(&(from, spender)).copied().unwrap_or(0);
                if allowed < amount {
                    return Err(Error::NotAllowed { allowed, need: amount });
                }
                self.shift(from, to, amount)?;
                self.allowances.insert((from, spender), allowed - amount);
                Ok(())
            }
            Step::Mint { by, .. } if by != 0 => Err(Error::NotAMinter),
            Step::Mint { to, amount, .. } => {
                self.supply = self.supply.checked_add(amount).ok_or(Error::TooMany)?;
                self.balances.insert(to, self.have(to) + amount);
                Ok(())
            }
            Step::Burn { by, amount } => {
                let have = self.have(by);
                if have < amount {
                    return Err(Error::Insufficient { have, need: amount });
                }
                self.balances.insert(by, have - amount);
                self.supply -= amount;
                Ok(())
            }
        }
    }
}

fn call(
    chain: &mut TestChain,
    token: TokenClient,
    accounts: &[Address],
    step: &Step,
) -> Result<(), Error> {
    let result = match *step {
        Step::Transfer { from, to, amount } => {
            chain.call(&accounts[from], token.transfer(accounts[to], amount)).result()
        }
        Step::Approve { owner, spender, amount } => {
            // It never refuses.
            chain.call(&accounts[owner], token.approve(accounts[spender], amount)).value();
            Ok(())
        }
        Step::TransferFrom { spender, from, to, amount } => {
            let call = token.transfer_from(accounts[from], accounts[to], amount);
            chain.call(&accounts[spender], call).result()
        }
        Step::Mint { by, to, amount } => {
            chain.call(&accounts[by], token.mint(accounts[to], amount)).result()
        }
        Step::Burn { by, amount } => chain.call(&accounts[by], token.burn(amount)).result(),
    };
    result.map_err(|problem| match problem {
        quorate_sdk::testing::Problem::Refused(error) => error,
        other => panic!("{step:?} failed: {other}"),
    })
}

/// Each case is two chains of some dozen blocks.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) }
}

proptest! {
    #![proptest_config(config())]

    /// Each call answers as the model does, nothing is made or lost but by minting and burning, and
    /// the balances are the model's.
    #[test]
    fn units_are_neither_made_nor_lost(steps in prop::collection::vec(step(), 1..24)) {
        natively_and_as_wasm(|chain| {
            let accounts: Vec<Address> = NAMES.map(|name| chain.account(name)).to_vec();
            let token = chain.deploy(&accounts[0], TokenClient::new(SUPPLY));
            chain.call(&accounts[0], token.add_minter(accounts[0])).value();
            let mut model = Model { supply: SUPPLY, ..Model::default() };
            model.balances.insert(0, SUPPLY);
            for step in &steps {
                let expected = model.apply(step);
                assert_eq!(call(chain, token, &accounts, step), expected, "{step:?}");
            }
            let holders = chain.query(token.holders(None, 100));
            assert_eq!(holders.iter().map(|(_, units)| units).sum::<u128>(), model.supply);
            assert_eq!(chain.query(token.supply()), model.supply);
            for (number, account) in accounts.iter().enumerate() {
                assert_eq!(chain.query(token.balance_of(*account)), model.have(number));
            }
        });
    }
}
