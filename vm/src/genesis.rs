//! The state before the first block.

use std::collections::BTreeMap;

use primitives::state_key::Account;
use primitives::{Amount, Genesis, StateKey, codec};

use crate::cost::CostTable;

/// The system record of the chain's [`primitives::ChainParameters`].
pub const PARAMETERS_KEY: &str = "parameters";
/// The system record of the [`primitives::ValidatorSet`].
pub const VALIDATORS_KEY: &str = "validators";

/// The system record of the [`CostTable`] by which the chain prices gas.
pub const COSTS_KEY: &str = "costs";

/// What the genesis writes into the empty state: the funded accounts, the parameters, the
/// validators, the prices of gas.
///
/// # Panics
/// When the genesis was not checked ([`Genesis::check`]).
pub fn genesis_changes(genesis: &Genesis) -> BTreeMap<StateKey, Option<Vec<u8>>> {
    let validators = match genesis.validator_set() {
        Ok(validators) => codec::encode(&validators),
        Err(error) => panic!("the genesis was not checked: {error}"),
    };
    let parameters = codec::encode(&genesis.parameters);
    let funded = genesis.accounts.iter().filter(|(_, balance)| **balance != Amount::ZERO);
    let accounts = funded.map(|(address, balance)| {
        let account = Account { balance: *balance, ..Account::default() };
        (StateKey::account(address), Some(codec::encode(&account)))
    });
    let system = [
        (StateKey::system(PARAMETERS_KEY), Some(parameters)),
        (StateKey::system(VALIDATORS_KEY), Some(validators)),
        (StateKey::system(COSTS_KEY), Some(codec::encode(&CostTable::own()))),
    ];
    accounts.chain(system).collect()
}
