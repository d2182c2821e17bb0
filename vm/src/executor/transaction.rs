//! One transaction: admission, fee and nonce, action, receipt.

use primitives::receipt::{Failure, Rejection, Status};
use primitives::state_key::Account;
use primitives::{
    Action, Address, Amount, Domain, Gas, Hash, Receipt, SignedTransaction, Transaction,
};

use super::{check_transaction, finish};
use crate::cost::intrinsic_gas;
use crate::engine::Fatal;
use crate::machine::{Ended, Entry, Invocation, Machine, Outcome};
use crate::module::code_changes;
use crate::validate::check;

impl Machine<'_> {
    /// Executes one transaction; `gas_left` is what is left of the block's.
    pub(crate) fn execute(
        &mut self,
        signed: &SignedTransaction,
        gas_left: Gas,
    ) -> Result<Receipt, Fatal> {
        let transaction = signed.transaction();
        let sender = signed.sender();
        let hash = signed.hash();
        self.forget_warm();
        let account = match self.admit(&sender, transaction, gas_left) {
            Ok(account) => account,
            Err(rejection) => return Ok(rejected(hash, rejection)),
        };
        // The whole limit is taken first, so that nothing the action does can spend the fee.
        self.take_fee_and_nonce(&sender, account, transaction);
        self.origin = sender;
        let checkpoint = self.journal.checkpoint();
        let intrinsic = intrinsic_gas(transaction);
        let gas = transaction.gas_limit.saturating_sub(intrinsic).0;
        let outcome = self.act(&sender, &transaction.action, gas)?;
        if outcome.ended != Ended::Returned {
            self.journal.revert(checkpoint);
        }
        let refunded = Gas(outcome.gas_left.min(gas));
        let gas_used = transaction.gas_limit.saturating_sub(refunded);
        self.journal.credit(&sender, price(refunded, transaction.gas_price));
        let events = self.journal.commit();
        let (status, output) = finish(outcome);
        let fee = price(gas_used, transaction.gas_price);
        Ok(Receipt { transaction: hash, status, gas_used, fee, output, events })
    }

    /// The sender's account, if the transaction may execute.
    fn admit(
        &self,
        sender: &Address,
        transaction: &Transaction,
        gas_left: Gas,
    ) -> Result<Account, Rejection> {
        let account = self.journal.account(sender);
        let expected = account.next_sequence(transaction.nonce.lane);
        check_transaction(&account, expected, self.block, transaction)?;
        if transaction.gas_limit > gas_left {
            return Err(Rejection::BlockGasExhausted);
        }
        Ok(account)
    }

    fn take_fee_and_nonce(
        &mut self,
        sender: &Address,
        mut account: Account,
        transaction: &Transaction,
    ) {
        let fee = price(transaction.gas_limit, transaction.gas_price);
        account.balance = account.balance.saturating_sub(fee);
        account.lanes.insert(transaction.nonce.lane, transaction.nonce.sequence.saturating_add(1));
        self.journal.set_account(sender, &account);
    }

    fn act(&mut self, sender: &Address, action: &Action, gas: u64) -> Result<Outcome, Fatal> {
        let done = |output| Outcome { ended: Ended::Returned, output, gas_left: gas };
        let failed =
            |failure| Outcome { ended: Ended::Failed(failure), output: Vec::new(), gas_left: gas };
        match action {
            Action::Transfer { to, amount } => Ok(if self.journal.transfer(sender, to, *amount) {
                done(Vec::new())
            } else {
                failed(Failure::InsufficientBalance)
            }),
            Action::Upload { code } => Ok(match check(code) {
                Ok(checked) => match gas.checked_sub(checked.compile_gas) {
                    Some(gas_left) => Outcome { gas_left, ..done(self.store_code(code)?) },
                    None => Outcome { gas_left: 0, ..failed(Failure::OutOfGas) },
                },
                Err(refusal) => failed(Failure::InvalidCode(refusal.to_string())),
            }),
            Action::Instantiate { code, salt, arguments, value } => {
                self.instantiate(*sender, *code, salt, arguments.clone(), *value, gas)
            }
            Action::Upgrade { contract, code, arguments } => {
                self.upgrade(*sender, *contract, *code, arguments.clone(), gas)
            }
            Action::SetAdmin { contract, admin } => {
                Ok(match self.set_admin(sender, contract, *admin) {
                    Ok(()) => done(Vec::new()),
                    Err(failure) => failed(failure),
                })
            }
            Action::Call { contract, arguments, value } => self.invoke(Invocation {
                entry: Entry::Call,
                contract: *contract,
                caller: *sender,
                value: *value,
                input: arguments.clone(),
                is_static: false,
                gas,
            }),
        }
    }

    /// Stores code under its hash and answers with the hash. The same code again changes nothing.
    /// It is compiled at once, since that is what an upload pays for, and no call does.
    fn store_code(&mut self, code: &[u8]) -> Result<Vec<u8>, Fatal> {
        let hash = Hash::of_bytes(Domain::Code, code);
        if self.journal.code_info(&hash).is_none() {
            let (_, changes) = code_changes(code.to_vec());
            changes.into_iter().for_each(|(key, value)| self.journal.set(key, Some(value)));
            self.module(&hash)?;
        }
        Ok(hash.0.to_vec())
    }
}

fn rejected(transaction: Hash, rejection: Rejection) -> Receipt {
    Receipt {
        transaction,
        status: Status::Rejected(rejection),
        gas_used: Gas::ZERO,
        fee: Amount::ZERO,
        output: Vec::new(),
        events: Vec::new(),
    }
}

/// Admission has checked that the whole limit's price fits an amount, and no other price here is
/// larger.
fn price(gas: Gas, gas_price: Amount) -> Amount {
    Amount(u128::from(gas.0).saturating_mul(gas_price.0))
}
