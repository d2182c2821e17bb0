//! An account that signs, for tests and load.

use std::time::{SystemTime, UNIX_EPOCH};

use primitives::codec::{self, FormatVersion};
use primitives::{
    Action, Address, Amount, ChainId, Gas, Nonce, SecretKey, SignedTransaction, TimestampMs,
    Transaction,
};
use rpc::types::Blob;

/// How long its transactions are valid, in milliseconds; a chain allows an hour by default.
const VALID_FOR_MS: u64 = 50 * 60 * 1_000;

/// A key and where it stands in one of its nonce lanes. Gas is free, as it is by default.
#[derive(Clone, Debug)]
pub struct Wallet {
    key: SecretKey,
    chain_id: ChainId,
    next: Nonce,
}

impl Wallet {
    /// A wallet that begins a lane.
    pub fn new(key: SecretKey, chain_id: ChainId) -> Self {
        Self { key, chain_id, next: Nonce::default() }
    }

    /// The same account in another place.
    #[must_use]
    pub fn at(&self, next: Nonce) -> Self {
        Self { next, ..self.clone() }
    }

    /// The same account in the lane after this one, which must be unused.
    #[must_use]
    pub fn in_next_lane(&self) -> Self {
        self.at(Nonce { lane: self.next.lane + 1, sequence: 0 })
    }

    pub fn address(&self) -> Address {
        self.key.public_key().address()
    }

    pub fn key(&self) -> &SecretKey {
        &self.key
    }

    /// The next transaction, unsigned, with no more gas than it needs to begin. It takes no nonce,
    /// so that a test can change it.
    pub fn draft(&self, action: Action) -> Transaction {
        let mut transaction = Transaction {
            version: FormatVersion::V1,
            chain_id: self.chain_id.clone(),
            sender: self.key.public_key(),
            nonce: self.next,
            valid_until: now().plus(VALID_FOR_MS),
            gas_limit: Gas::ZERO,
            gas_price: Amount::ZERO,
            action,
        };
        transaction.gas_limit = vm::intrinsic_gas(&transaction);
        transaction
    }

    /// Signs the next transaction and goes on to the nonce after it.
    pub fn sign(&mut self, action: Action) -> SignedTransaction {
        let signed = self.draft(action).sign(&self.key);
        self.next.sequence += 1;
        signed
    }

    /// Signs a call, an upload or an instantiation that may use this much gas.
    pub fn sign_with_gas(&mut self, action: Action, gas_limit: Gas) -> SignedTransaction {
        let signed = Transaction { gas_limit, ..self.draft(action) }.sign(&self.key);
        self.next.sequence += 1;
        signed
    }

    pub fn transfer(&mut self, to: Address, units: u128) -> SignedTransaction {
        self.sign(Action::Transfer { to, amount: Amount(units) })
    }
}

/// A transaction as `tx_send` takes it.
pub fn blob(signed: &SignedTransaction) -> Blob {
    Blob(codec::encode(signed))
}

/// The wall clock.
pub fn now() -> TimestampMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
