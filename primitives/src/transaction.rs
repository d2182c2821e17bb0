//! Transactions: what people sign.

use std::sync::OnceLock;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::codec::{self, DecodeError, FormatVersion};
use crate::hash::{Domain, Hash};
use crate::id::{Address, Amount, ChainId, Gas, Nonce, TimestampMs};
use crate::key::{PublicKey, SecretKey, Signature, SignatureBatch};
use crate::limits;
use crate::verified::Verified;

/// What a transaction does.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
pub enum Action {
    /// Moves native units. The receiver may be any address.
    Transfer { to: Address, amount: Amount },
    /// Stores a WebAssembly module under its hash.
    Upload { code: Vec<u8> },
    /// Makes a contract of stored code and runs its `init`.
    Instantiate { code: Hash, salt: Vec<u8>, arguments: Vec<u8>, value: Amount },
    /// Runs a contract's method. Arguments are a 4-byte selector and canonical binary.
    Call { contract: Address, arguments: Vec<u8>, value: Amount },
    /// Gives a contract other stored code, by its admin. Where the state versions differ the new
    /// code's `migrate` runs with the arguments; else there are none.
    Upgrade { contract: Address, code: Hash, arguments: Vec<u8> },
    /// Hands a contract to another admin, or to nobody for ever, by its admin.
    SetAdmin { contract: Address, admin: Option<Address> },
}

/// A transaction before it is signed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Transaction {
    pub version: FormatVersion,
    pub chain_id: ChainId,
    /// Who pays, and whose nonce it uses.
    pub sender: PublicKey,
    pub nonce: Nonce,
    /// The last block timestamp at which it may execute. Afterwards it can never commit.
    pub valid_until: TimestampMs,
    /// Gas that it may use; `gas_limit × gas_price` must be in the sender's balance.
    pub gas_limit: Gas,
    /// Native units paid for one unit of gas; may be zero where the chain allows it.
    pub gas_price: Amount,
    pub action: Action,
}

impl Transaction {
    /// The bytes that the sender signs.
    pub fn signing_bytes(&self) -> Vec<u8> {
        let mut bytes = Domain::TransactionSignature.tag().to_vec();
        codec::encode_into(self, &mut bytes);
        bytes
    }

    /// # Panics
    /// When `key` is not the sender's: that is a bug of the caller.
    pub fn sign(self, key: &SecretKey) -> SignedTransaction {
        assert_eq!(self.sender, key.public_key(), "a transaction is signed with its sender's key");
        let signature = key.sign(&self.signing_bytes());
        SignedTransaction::new(self, signature)
    }

    /// The native units that leave the sender beside the fee.
    pub fn value(&self) -> Amount {
        match &self.action {
            Action::Transfer { amount: value, .. }
            | Action::Instantiate { value, .. }
            | Action::Call { value, .. } => *value,
            Action::Upload { .. } | Action::Upgrade { .. } | Action::SetAdmin { .. } => {
                Amount::ZERO
            }
        }
    }

    /// Value and the whole gas limit's fee: what the balance must cover. `None` on overflow.
    pub fn cost_max(&self) -> Option<Amount> {
        let fee = self.gas_price.0.checked_mul(u128::from(self.gas_limit.0))?;
        self.value().checked_add(Amount(fee))
    }

    /// The caps that depend on nothing but the transaction.
    pub fn check_limits(&self) -> Result<(), TransactionError> {
        let check = |what, length, limit| {
            if length > limit {
                return Err(TransactionError::TooLarge { what, length, limit });
            }
            Ok(())
        };
        match &self.action {
            Action::Transfer { .. } | Action::SetAdmin { .. } => Ok(()),
            Action::Upload { code } => check("code", code.len(), limits::CODE_BYTES_MAX),
            Action::Instantiate { salt, arguments, .. } => {
                check("salt", salt.len(), limits::SALT_BYTES_MAX)?;
                check("arguments", arguments.len(), limits::ARGUMENTS_BYTES_MAX)
            }
            Action::Call { arguments, .. } | Action::Upgrade { arguments, .. } => {
                check("arguments", arguments.len(), limits::ARGUMENTS_BYTES_MAX)
            }
        }
    }
}

/// A transaction and its sender's signature; not yet checked.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub struct SignedTransaction {
    transaction: Transaction,
    pub signature: Signature,
    #[borsh(skip)]
    names: OnceLock<Names>,
}

/// What follows from a transaction, and is asked for wherever it comes: computed once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    hash: Hash,
    sender: Address,
}

impl PartialEq for SignedTransaction {
    fn eq(&self, other: &Self) -> bool {
        self.signature == other.signature && self.transaction == other.transaction
    }
}

impl Eq for SignedTransaction {}

impl SignedTransaction {
    pub fn new(transaction: Transaction, signature: Signature) -> Self {
        Self { transaction, signature, names: OnceLock::new() }
    }

    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// Decodes what a client sent. Nothing is checked but the form and the caps.
    pub fn decode(bytes: &[u8]) -> Result<Self, TransactionError> {
        let signed: Self = codec::decode(bytes, limits::TRANSACTION_BYTES_MAX)?;
        signed.transaction.check_limits()?;
        Ok(signed)
    }

    /// The name of the transaction: a hash over what was signed, not over the signature, so that a second
    /// valid signature does not make a second transaction.
    pub fn hash(&self) -> Hash {
        self.names().hash
    }

    /// The sender's address.
    pub fn sender(&self) -> Address {
        self.names().sender
    }

    /// Whoever checks the signature asks, so that they are there for all that come after.
    pub(crate) fn names(&self) -> &Names {
        self.names.get_or_init(|| Names {
            hash: Hash::of(Domain::Transaction, &self.transaction),
            sender: self.transaction.sender.address(),
        })
    }

    pub fn verify(self) -> Result<Verified<Self>, TransactionError> {
        self.transaction.check_limits()?;
        if !self.transaction.sender.verifies(&self.transaction.signing_bytes(), &self.signature) {
            return Err(TransactionError::Signature);
        }
        self.names();
        Ok(Verified::new(self))
    }

    /// Checks many at once; each has its own answer, in order.
    pub fn verify_all(many: Vec<Self>) -> Vec<Result<Verified<Self>, TransactionError>> {
        let mut batch = SignatureBatch::default();
        for signed in &many {
            signed.queue(&mut batch);
        }
        let invalid = batch.invalid();
        let answer = |(position, signed): (usize, Self)| {
            signed.transaction.check_limits()?;
            if invalid.binary_search(&position).is_ok() {
                return Err(TransactionError::Signature);
            }
            signed.names();
            Ok(Verified::new(signed))
        };
        many.into_iter().enumerate().map(answer).collect()
    }

    pub(crate) fn queue(&self, batch: &mut SignatureBatch) {
        let message = self.transaction.signing_bytes();
        batch.push(&self.transaction.sender, &message, &self.signature);
    }
}

/// Why a transaction is refused whatever the state of the chain.
#[derive(Debug, Error)]
pub enum TransactionError {
    #[error("the transaction cannot be decoded: {0}")]
    Decode(#[from] DecodeError),
    #[error("the transaction's {what} has {length} bytes, and at most {limit} are accepted")]
    TooLarge { what: &'static str, length: usize, limit: usize },
    #[error("the signature is not the sender's over this transaction")]
    Signature,
}
