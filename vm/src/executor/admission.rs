//! Which transactions may execute. The mempool asks the same questions before it takes one in.

use primitives::receipt::Rejection;
use primitives::state_key::Account;
use primitives::{Amount, Transaction, limits};

use crate::cost::intrinsic_gas;
use crate::executor::BlockContext;

/// Whether a transaction may execute in a block, given its sender's account and the sequence that
/// its lane expects next. In a block that is [`Account::next_sequence`]; a mempool counts those it
/// already holds.
///
/// The gas left in the block is not looked at, only the gas of a whole block.
pub fn check_transaction(
    account: &Account,
    expected_sequence: u64,
    block: &BlockContext,
    transaction: &Transaction,
) -> Result<(), Rejection> {
    let parameters = &block.parameters;
    if transaction.chain_id != block.chain_id {
        return Err(Rejection::WrongChain);
    }
    let valid_until = transaction.valid_until;
    if block.timestamp > valid_until {
        return Err(Rejection::Expired { valid_until, block: block.timestamp });
    }
    if valid_until.since(block.timestamp) > parameters.transaction_validity_ms {
        return Err(Rejection::ValidTooLong);
    }
    check_nonce(account, expected_sequence, transaction)?;
    if transaction.gas_price < parameters.gas_price_min {
        return Err(Rejection::GasPriceTooLow { minimum: parameters.gas_price_min });
    }
    let minimum = intrinsic_gas(transaction);
    if transaction.gas_limit < minimum {
        return Err(Rejection::GasLimitTooLow { minimum });
    }
    if transaction.gas_limit > parameters.block_gas {
        return Err(Rejection::BlockGasExhausted);
    }
    // What overflows an amount nobody can have.
    let needed = transaction.cost_max().unwrap_or(Amount(u128::MAX));
    if account.balance < needed || transaction.cost_max().is_none() {
        return Err(Rejection::InsufficientBalance { balance: account.balance, needed });
    }
    Ok(())
}

fn check_nonce(
    account: &Account,
    expected: u64,
    transaction: &Transaction,
) -> Result<(), Rejection> {
    let nonce = transaction.nonce;
    if nonce.sequence < expected || nonce.sequence == u64::MAX {
        return Err(Rejection::NonceUsed { expected });
    }
    if nonce.sequence > expected {
        return Err(Rejection::NonceGap { expected });
    }
    if !account.lanes.contains_key(&nonce.lane) && account.lanes.len() >= limits::LANES_MAX {
        return Err(Rejection::TooManyLanes);
    }
    Ok(())
}
