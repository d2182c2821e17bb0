//! From what the chain stores to what people read: transactions, receipts, events and errors,
//! decoded by the contracts' ABIs where those are known. An ABI that is absent or belies its
//! contract costs the decoded part of an answer, never the answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use abi::json as abi_json;
use abi::{Abi, Method};
use primitives::{
    Action, Address, Domain, Event, Hash, Receipt, SignedTransaction, Status, Transaction,
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::backend::{Backend, CommittedTransaction, Ending, ReadError};
use crate::limits::ABIS_MAX;
use crate::types::{
    ActionView, At, Blob, EventView, FailureView, ReceiptStatus, ReceiptView, TransactionView,
};

/// The code of a contract's own refusal, beside those of failures and rejections.
const REVERT: &str = "CONTRACT_REVERT";

/// Decodes by ABIs that it reads once and keeps. Its methods may read the disk.
pub(crate) struct Decoder {
    backend: Arc<dyn Backend>,
    abis: Mutex<BTreeMap<Hash, Option<Arc<Abi>>>>,
}

impl Decoder {
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend, abis: Mutex::default() }
    }

    /// The ABI in a stored module; `None` when it has none that can be read.
    pub fn abi_of_code(&self, code: &Hash) -> Result<Option<Arc<Abi>>, ReadError> {
        if let Some(known) = self.abis.lock().unwrap_or_else(PoisonError::into_inner).get(code) {
            return Ok(known.clone());
        }
        let section = self.backend.abi_section(code)?;
        let abi = section.and_then(|bytes| match Abi::decode(&bytes) {
            Ok(abi) => Some(Arc::new(abi)),
            Err(error) => {
                tracing::debug!(%code, %error, "a module's ABI cannot be decoded");
                None
            }
        });
        let mut abis = self.abis.lock().unwrap_or_else(PoisonError::into_inner);
        // Which one gives way is of no account; the map must only not grow for ever.
        if abis.len() >= ABIS_MAX {
            abis.pop_first();
        }
        abis.insert(*code, abi.clone());
        Ok(abi)
    }

    /// The ABI of the contract at an address, as far as there is one.
    fn abi_of_contract(&self, contract: &Address) -> Option<Arc<Abi>> {
        let info = self.backend.contract(contract, At::Latest).ok()?.value;
        self.abi_of_code(&info.code).ok().flatten()
    }

    pub fn transaction(&self, signed: &SignedTransaction) -> TransactionView {
        let Transaction {
            chain_id, sender, nonce, valid_until, gas_limit, gas_price, action, ..
        } = signed.transaction();
        TransactionView {
            chain_id: chain_id.clone(),
            sender: signed.sender(),
            sender_key: *sender,
            nonce: *nonce,
            valid_until_ms: *valid_until,
            gas_limit: *gas_limit,
            gas_price: *gas_price,
            action: self.action(action),
            signature: signed.signature,
        }
    }

    fn action(&self, action: &Action) -> ActionView {
        match action {
            Action::Transfer { to, amount } => ActionView::Transfer { to: *to, amount: *amount },
            Action::Upload { code } => ActionView::Upload {
                code: Hash::of_bytes(Domain::Code, code),
                code_bytes: code.len(),
            },
            Action::Instantiate { code, salt, arguments: input, value } => {
                let abi = self.abi_of_code(code).ok().flatten();
                let (method, arguments) = call(abi.as_deref(), input);
                let (salt, input) = (Blob(salt.clone()), Blob(input.clone()));
                ActionView::Instantiate {
                    code: *code,
                    salt,
                    value: *value,
                    input,
                    method,
                    arguments,
                }
            }
            Action::Call { contract, arguments: input, value } => {
                let abi = self.abi_of_contract(contract);
                let (method, arguments) = call(abi.as_deref(), input);
                let input = Blob(input.clone());
                ActionView::Call { contract: *contract, value: *value, input, method, arguments }
            }
            Action::Upgrade { contract, code, arguments: input } => {
                let abi = self.abi_of_code(code).ok().flatten();
                let (method, arguments) = call(abi.as_deref(), input);
                let input = Blob(input.clone());
                ActionView::Upgrade { contract: *contract, code: *code, input, method, arguments }
            }
            Action::SetAdmin { contract, admin } => {
                ActionView::SetAdmin { contract: *contract, admin: *admin }
            }
        }
    }

    pub fn receipt(&self, committed: CommittedTransaction) -> ReceiptView {
        let CommittedTransaction { height, index, transaction, receipt } = committed;
        let Receipt { transaction: hash, status, gas_used, fee, output, events } = receipt;
        let action = &transaction.transaction().action;
        let abi = match action {
            Action::Transfer { .. } | Action::Upload { .. } | Action::SetAdmin { .. } => None,
            Action::Instantiate { code, .. } | Action::Upgrade { code, .. } => {
                self.abi_of_code(code).ok().flatten()
            }
            Action::Call { contract, .. } => self.abi_of_contract(contract),
        };
        let method = match action {
            Action::Instantiate { arguments, .. }
            | Action::Call { arguments, .. }
            | Action::Upgrade { arguments, .. } => {
                abi.as_deref().and_then(|abi| method(abi, arguments))
            }
            Action::Transfer { .. } | Action::Upload { .. } | Action::SetAdmin { .. } => None,
        };
        let (status, error) = match &status {
            Status::Success => (ReceiptStatus::Success, None),
            Status::Reverted => (ReceiptStatus::Reverted, Some(revert(method, &output))),
            Status::Failed(failure) => {
                (ReceiptStatus::Failed, Some(failure_view(failure, failure.to_string())))
            }
            Status::Rejected(rejection) => {
                (ReceiptStatus::Rejected, Some(failure_view(rejection, rejection.to_string())))
            }
        };
        let result = match status {
            ReceiptStatus::Success => result(action, method, &output),
            _ => None,
        };
        ReceiptView {
            transaction: hash,
            height,
            index,
            status,
            error,
            gas_used,
            fee,
            output: Blob(output),
            result,
            events: self.events(events),
        }
    }

    /// Events of one transaction often come from one contract; its ABI is looked up once.
    fn events(&self, events: Vec<Event>) -> Vec<EventView> {
        let mut abis: BTreeMap<Address, Option<Arc<Abi>>> = BTreeMap::new();
        let view = |Event { contract, topics, data }| {
            let abi = abis.entry(contract).or_insert_with(|| self.abi_of_contract(&contract));
            let decoded =
                abi.as_deref().and_then(|abi| abi_json::decode_event(abi, &topics, &data));
            let (name, fields) = decoded.unzip();
            let topics = topics.into_iter().map(Blob).collect();
            EventView { contract, name, fields, topics, data: Blob(data) }
        };
        events.into_iter().map(view).collect()
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

/// The method that an input names.
pub(crate) fn method<'a>(abi: &'a Abi, input: &[u8]) -> Option<&'a Method> {
    abi.method(*input.first_chunk()?)
}

/// An input's method and its arguments by name.
fn call(abi: Option<&Abi>, input: &[u8]) -> (Option<String>, Option<Value>) {
    let decoded = abi.and_then(|abi| abi_json::decode_arguments(abi, input).ok());
    decoded.map(|(method, arguments)| (method.name.clone(), arguments)).unzip()
}

fn result(action: &Action, method: Option<&Method>, output: &[u8]) -> Option<Value> {
    match action {
        Action::Transfer { .. } | Action::SetAdmin { .. } => None,
        // The hash of the code, the contract's address: 32 bytes in the same form.
        Action::Upload { .. } | Action::Instantiate { .. } => {
            Some(Hash(output.try_into().ok()?).to_string().into())
        }
        Action::Call { .. } | Action::Upgrade { .. } => {
            abi_json::decode_output(method?, output).ok()
        }
    }
}

/// A contract's refusal, decoded as far as the ABI goes.
pub(crate) fn revert(method: Option<&Method>, output: &[u8]) -> FailureView {
    let detail = method.and_then(|method| abi_json::decode_error(method, output).ok());
    let message = match &detail {
        Some(error) => format!("the contract refused: {}", brief(error)),
        None => "the contract refused, with an error that its ABI does not explain".to_owned(),
    };
    FailureView { code: REVERT.to_owned(), message, detail }
}

/// An error value within a sentence: bare text as it is, all else as JSON, cut to a line.
fn brief(error: &Value) -> String {
    const CHARACTERS_MAX: usize = 200;
    let text = match error {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars().take(CHARACTERS_MAX).collect()
}

/// A [`primitives::receipt::Failure`] or [`primitives::receipt::Rejection`] as JSON.
fn failure_view(failure: &impl Serialize, message: String) -> FailureView {
    let (code, detail) = code_and_figures(failure);
    FailureView { code, message, detail }
}

/// Why a transaction that has ended is in no block, when there is more to say than its status.
pub(crate) fn ending_failure(ending: &Ending) -> Option<FailureView> {
    match ending {
        Ending::Committed { .. } | Ending::Expired => None,
        Ending::Rejected(rejection) => Some(failure_view(rejection, rejection.to_string())),
    }
}

/// The tag and the contents of an enum that serialises as `{code, detail}`, names in camelCase.
pub(crate) fn code_and_figures(failure: &impl Serialize) -> (String, Option<Value>) {
    let Ok(Value::Object(mut object)) = serde_json::to_value(failure) else {
        return ("UNKNOWN".to_owned(), None);
    };
    let code = match object.remove("code") {
        Some(Value::String(code)) => code,
        _ => "UNKNOWN".to_owned(),
    };
    let detail = object.remove("detail").map(|detail| match detail {
        Value::Object(figures) => {
            let figures = figures.into_iter().map(|(name, value)| (camel_case(&name), value));
            Value::Object(Map::from_iter(figures))
        }
        other => other,
    });
    (code, detail)
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut joined, word| {
        let mut letters = word.chars();
        joined.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        joined.push_str(letters.as_str());
        joined
    })
}

#[cfg(test)]
mod tests {
    use primitives::receipt::{Failure, Rejection};
    use primitives::{Amount, TimestampMs};
    use serde_json::json;

    use super::*;

    fn check(failure: &impl Serialize, code: &str, detail: Option<Value>) {
        assert_eq!(code_and_figures(failure), (code.to_owned(), detail));
    }

    #[test]
    fn failures_and_rejections_have_a_code_and_figures() {
        let (valid_until, block) = (TimestampMs(5), TimestampMs(6));
        check(&Failure::OutOfGas, "OUT_OF_GAS", None);
        check(&Failure::Panicked("at x:1".into()), "PANICKED", Some(json!("at x:1")));
        let expired = Rejection::Expired { valid_until, block };
        check(&expired, "EXPIRED", Some(json!({ "validUntil": 5, "block": 6 })));
        let poor = Rejection::InsufficientBalance { balance: Amount(1), needed: Amount(2) };
        let figures = json!({ "balance": "1", "needed": "2" });
        check(&poor, "INSUFFICIENT_BALANCE", Some(figures));
    }
}
