//! The tokens against a model of a few lines: whatever is called in whatever order, each token has
//! one owner, and all ways to ask for it agree.

#![allow(clippy::indexing_slicing, reason = "accounts are told by their numbers")]

use std::collections::{BTreeMap, BTreeSet};

use nft::nft::{Error, NftClient};
use proptest::prelude::*;
use quorate_sdk::Address;
use quorate_sdk::testing::{Problem, TestChain, natively_and_as_wasm};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// One call; accounts by their numbers.
#[derive(Clone, Debug)]
enum Step {
    Mint { by: usize, to: usize },
    Transfer { by: usize, token: u64, to: usize },
    Burn { by: usize, token: u64 },
    Approve { by: usize, token: u64, approved: Option<usize> },
    AddOperator { by: usize, operator: usize },
    RemoveOperator { by: usize, operator: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..NAMES.len();
    // Among the first few tokens, so that most of them exist.
    let token = || 0..5_u64;
    prop_oneof![
        // Half of them by the owner of the contract.
        3 => (prop_oneof![Just(0), who()], who()).prop_map(|(by, to)| Step::Mint { by, to }),
        4 => (who(), token(), who()).prop_map(|(by, token, to)| Step::Transfer { by, token, to }),
        1 => (who(), token()).prop_map(|(by, token)| Step::Burn { by, token }),
        3 => (who(), token(), prop::option::of(who()))
            .prop_map(|(by, token, approved)| Step::Approve { by, token, approved }),
        1 => (who(), who()).prop_map(|(by, operator)| Step::AddOperator { by, operator }),
        1 => (who(), who()).prop_map(|(by, operator)| Step::RemoveOperator { by, operator }),
    ]
}

/// Owners and approvals.
#[derive(Default)]
struct Model {
    minted: u64,
    tokens: BTreeMap<u64, (usize, Option<usize>)>,
    operators: BTreeSet<(usize, usize)>,
}

impl Model {
    fn check(&self, by: usize, token: u64, approval_suffices: bool) -> Result<(), Error> {
        let (owner, approved) = self.tokens.get(&token).ok_or(Error::NoSuchToken)?;
        let is_operator = self.operators.contains(&(*owner, by));
        let is_approved = approval_suffices && *approved == Some(by);
        if by == *owner || is_operator || is_approved { Ok(()) } else { Err(Error::NotAllowed) }
    }

    fn apply(&mut self, step: &Step) -> Result<(), Error> {
        match *step {
            Step::Mint { by, .. } if by != 0 => return Err(Error::NotTheOwner),
            Step::Mint { to, .. } => {
                self.minted += 1;
                self.tokens.insert(self.minted, (to, None));
            }
            Step::Transfer { by, token, to } => {
                self.check(by, token, true)?;
                self.tokens.insert(token, (to, None));
            }
            Step::Burn { by, token } => {
                self.check(by, token, true)?;
                self.tokens.remove(&token);
            }
            Step::Approve { by, token, approved } => {
                self.check(by, token, false)?;
                self.tokens.entry(token).and_modify(|(_, before)| *before = approved);
            }
            Step::AddOperator { by, operator } => {
                self.operators.insert((by, operator));
            }
            Step::RemoveOperator { by, operator } => {
                self.operators.remove(&(by, operator));
            }
        }
        Ok(())
    }
}

fn call(
    chain: &mut TestChain,
    nft: NftClient,
    accounts: &[Address],
    step: &Step,
) -> Result<(), Error> {
    let result = match *step {
        Step::Mint { by, to } => {
            let call = nft.mint(accounts[to], String::new());
            chain.call(&accounts[by], call).result().map(|_| ())
        }
        Step::Transfer { by, token, to } => {
            chain.call(&accounts[by], nft.transfer(token, accounts[to])).result()
        }
        Step::Burn { by, token } => chain.call(&accounts[by], nft.burn(token)).result(),
        Step::Approve { by, token, approved } => {
            let approved = approved.map(|approved| accounts[approved]);
            chain.call(&accounts[by], nft.approve(token, approved)).result()
        }
        // These two never refuse.
        Step::AddOperator { by, operator } => {
            chain.call(&accounts[by], nft.add_operator(accounts[operator])).value();
            Ok(())
        }
        Step::RemoveOperator { by, operator } => {
            chain.call(&accounts[by], nft.remove_operator(accounts[operator])).value();
            Ok(())
        }
    };
    result.map_err(|problem| match problem {
        Problem::Refused(error) => error,
        other => panic!("{step:?} failed: {other}"),
    })
}

/// Each case is two chains of some dozen blocks.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) }
}

proptest! {
    #![proptest_config(config())]

    /// Each call answers as the model does, and at the end the tokens, the lists of the owners and
    /// their counts are the model's.
    #[test]
    fn each_token_has_one_owner(steps in prop::collection::vec(step(), 1..48)) {
        natively_and_as_wasm(|chain| {
            let accounts: Vec<Address> = NAMES.map(|name| chain.account(name)).to_vec();
            let nft = chain.deploy(&accounts[0], NftClient::new());
            let mut model = Model::default();
            for step in &steps {
                let expected = model.apply(step);
                assert_eq!(call(chain, nft, &accounts, step), expected, "{step:?}");
            }
            let tokens = chain.query(nft.tokens(None, 100)).into_iter();
            let tokens: BTreeMap<u64, (Address, Option<Address>)> =
                tokens.map(|(number, token)| (number, (token.owner, token.approved))).collect();
            let expected = model.tokens.iter().map(|(number, (owner, approved))| {
                (*number, (accounts[*owner], approved.map(|approved| accounts[approved])))
            });
            assert_eq!(tokens, expected.collect());
            assert_eq!(chain.query(nft.supply()), model.tokens.len() as u128);
            for (number, account) in accounts.iter().enumerate() {
                let own = model.tokens.iter().filter(|(_, (owner, _))| *owner == number);
                let own: Vec<u64> = own.map(|(token, _)| *token).collect();
                assert_eq!(chain.query(nft.balance_of(*account)), own.len() as u128);
                assert_eq!(chain.query(nft.tokens_of(*account, None, 100)), own);
            }
        });
    }
}
