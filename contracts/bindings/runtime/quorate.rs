//! What generated clients of Quorate contracts stand on: a node, and keys that sign.
//!
//! Needs the crates `quorate-rpc`, `quorate-primitives`, `quorate-abi` (feature `json`) and `borsh`.
#![allow(dead_code)]

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use borsh::{BorshDeserialize, BorshSerialize};
use quorate_abi::{Abi, json};
use quorate_primitives::codec::{self, FormatVersion};
pub use quorate_primitives::{Action, Address, Amount, Gas, Hash, SecretKey};
use quorate_primitives::{TimestampMs, Transaction};
use quorate_rpc::client::{
    AccountApiClient, ChainApiClient, ClientError, ContractApiClient, HttpClient, TxApiClient,
};
use quorate_rpc::types::{
    At, Blob, EventView, FailureView, ReceiptStatus, ReceiptView, TransactionStatus,
};
use quorate_rpc::{ApiError, ErrorCode};

/// Gas that a contract may use when nothing else is said: about ten milliseconds.
const GAS_DEFAULT: u64 = 10_000_000_000;

/// A node. Its answers are believed; what a transaction says is encoded here.
#[derive(Clone, Debug)]
pub struct Client {
    pub http: HttpClient,
}

/// Who signs, and how.
#[derive(Clone, Debug)]
pub struct Sender {
    pub key: SecretKey,
    /// Gas that a transaction may use.
    pub gas: Gas,
    /// Native units for one unit of gas; the chain's minimum when there is none.
    pub gas_price: Option<Amount>,
    pub lane: u32,
    /// After this a transaction can no longer commit.
    pub valid: Duration,
}

impl From<SecretKey> for Sender {
    fn from(key: SecretKey) -> Self {
        let (gas, valid) = (Gas(GAS_DEFAULT), Duration::from_secs(60));
        Self { key, gas, gas_price: None, lane: 0, valid }
    }
}

/// What a call returned, and the receipt of its transaction.
#[derive(Clone, Debug)]
pub struct Sent<T> {
    pub result: T,
    pub receipt: ReceiptView,
}

/// Why a contract gave no value; `E` is its own error.
#[derive(Debug)]
pub enum CallError<E> {
    /// The contract refused; what it had done is undone.
    Reverted(E),
    /// It was not executed, or failed: out of gas, a panic.
    Failed { code: String, message: String },
    /// The node did not answer.
    Node(ClientError),
    /// What the contract says is not of the types that this client was made of: make it anew.
    Malformed,
}

impl<E: fmt::Debug> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reverted(error) => write!(f, "the contract refused: {error:?}"),
            Self::Failed { message, .. } => f.write_str(message),
            Self::Node(error) => write!(f, "the node does not answer: {error}"),
            Self::Malformed => f.write_str("the contract answers in other types"),
        }
    }
}

impl<E: fmt::Debug> std::error::Error for CallError<E> {}

/// The error of a method that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {}

impl BorshDeserialize for Never {
    fn deserialize_reader<R: borsh::io::Read>(_: &mut R) -> borsh::io::Result<Self> {
        Err(borsh::io::Error::new(borsh::io::ErrorKind::InvalidData, "it never reverts"))
    }
}

impl Client {
    /// A node at a URL such as `http://127.0.0.1:4100`.
    pub fn new(url: &str) -> Result<Self, ClientError> {
        Ok(Self { http: quorate_rpc::client::http(url)? })
    }

    /// Asks a contract. `input` is selector and canonical arguments.
    pub async fn query<T: BorshDeserialize, E: BorshDeserialize>(
        &self,
        contract: Address,
        abi: &[u8],
        input: &[u8],
    ) -> Result<T, CallError<E>> {
        // The node takes arguments by name, since it shows them to people.
        let abi = Abi::decode(abi).map_err(|_| CallError::Malformed)?;
        let decoded = json::decode_arguments(&abi, input).map_err(|_| CallError::Malformed)?;
        let (name, arguments) = (decoded.0.name.clone(), Some(decoded.1));
        let asked = self.http.contract_query(contract, name, arguments, None, Some(At::Latest));
        match asked.await {
            Ok(answer) => read(&answer.body.output),
            Err(error) => Err(refused(error)),
        }
    }

    /// Signs a transaction, sends it, and waits until a block has it.
    pub async fn send<E: BorshDeserialize>(
        &self,
        sender: &Sender,
        action: Action,
    ) -> Result<ReceiptView, CallError<E>> {
        let chain = self.http.chain_info().await.map_err(CallError::Node)?;
        let public = sender.key.public_key();
        let nonce = self.http.account_next_nonce(public.address(), Some(sender.lane)).await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let longest = Duration::from_millis(chain.parameters.transaction_validity_ms);
        let valid_until = (now + sender.valid.min(longest)).as_millis();
        let signed = Transaction {
            version: FormatVersion::V1,
            chain_id: chain.chain_id.clone(),
            sender: public,
            nonce: nonce.map_err(CallError::Node)?.nonce,
            valid_until: TimestampMs(u64::try_from(valid_until).unwrap_or(u64::MAX)),
            gas_limit: sender.gas,
            gas_price: sender.gas_price.unwrap_or(chain.parameters.gas_price_min),
            action,
        }
        .sign(&sender.key);
        let blob = Blob(codec::encode(&signed));
        let answer = self.http.tx_send_and_wait(blob, None, None).await.map_err(refused)?.body;
        match (answer.status, answer.receipt) {
            (TransactionStatus::Committed, Some(receipt)) => succeeded(receipt),
            (status, _) => {
                let message = format!("the transaction {} is {status:?}", answer.hash);
                Err(failed(answer.error, message))
            }
        }
    }

    /// Calls a contract by a transaction. `input` is selector and canonical arguments.
    pub async fn call<T: BorshDeserialize, E: BorshDeserialize>(
        &self,
        sender: &Sender,
        contract: Address,
        input: Vec<u8>,
        value: Amount,
    ) -> Result<Sent<T>, CallError<E>> {
        let action = Action::Call { contract, arguments: input, value };
        let receipt = self.send(sender, action).await?;
        Ok(Sent { result: read(&receipt.output)?, receipt })
    }

    /// Makes a contract of stored code; answers with its address.
    pub async fn instantiate<E: BorshDeserialize>(
        &self,
        sender: &Sender,
        code: Hash,
        salt: &[u8],
        input: Vec<u8>,
        value: Amount,
    ) -> Result<Address, CallError<E>> {
        let action = Action::Instantiate { code, salt: salt.to_vec(), arguments: input, value };
        let receipt = self.send(sender, action).await?;
        Ok(Address(receipt.output.0.try_into().map_err(|_| CallError::Malformed)?))
    }
}

fn read<T: BorshDeserialize, E>(bytes: &Blob) -> Result<T, CallError<E>> {
    T::try_from_slice(&bytes.0).map_err(|_| CallError::Malformed)
}

fn succeeded<E: BorshDeserialize>(receipt: ReceiptView) -> Result<ReceiptView, CallError<E>> {
    match receipt.status {
        ReceiptStatus::Success => Ok(receipt),
        ReceiptStatus::Reverted => Err(CallError::Reverted(read(&receipt.output)?)),
        status @ (ReceiptStatus::Failed | ReceiptStatus::Rejected) => {
            Err(failed(receipt.error, format!("the transaction is {status:?}")))
        }
    }
}

fn failed<E>(error: Option<FailureView>, otherwise: String) -> CallError<E> {
    match error {
        Some(FailureView { code, message, .. }) => CallError::Failed { code, message },
        None => CallError::Failed { code: "FAILED".to_owned(), message: otherwise },
    }
}

fn refused<E: BorshDeserialize>(error: ClientError) -> CallError<E> {
    let Some(api) = ApiError::from_client(&error) else { return CallError::Node(error) };
    if api.code == ErrorCode::ContractRevert {
        let output = api.detail.get("output").and_then(|output| output.as_str()?.parse().ok());
        return match output.map(|output: Blob| read::<E, E>(&output)) {
            Some(Ok(own)) => CallError::Reverted(own),
            _ => CallError::Malformed,
        };
    }
    CallError::Failed { code: format!("{:?}", api.code), message: api.message }
}

/// Adds an argument to an input.
pub(crate) fn put<T: BorshSerialize>(input: &mut Vec<u8>, argument: &T) {
    // Writing to memory cannot fail.
    let _ = argument.serialize(input);
}

/// The topics and the data of an event, if it is this contract's and has this selector.
pub(crate) fn parts(event: &EventView, of: Address, selector: [u8; 4]) -> Option<(&[Blob], &[u8])> {
    let (first, topics) = event.topics.split_first()?;
    (event.contract == of && first.0 == selector).then_some((topics, event.data.0.as_slice()))
}

/// An indexed field.
pub(crate) fn topic<T: BorshDeserialize>(topics: &mut &[Blob]) -> Option<T> {
    let (first, rest) = topics.split_first()?;
    *topics = rest;
    T::try_from_slice(&first.0).ok()
}

/// A field of the data.
pub(crate) fn field<T: BorshDeserialize>(data: &mut &[u8]) -> Option<T> {
    T::deserialize(data).ok()
}
