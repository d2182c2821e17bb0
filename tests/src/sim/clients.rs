//! Honest clients: each sends one transfer after the other.
//!
//! Half of them send it again, and elsewhere, when they see no result for a while. The other half rely on the validator
//! that admitted it, and send again only when that has crashed: what they sent must not be lost.

use primitives::codec::FormatVersion;
use primitives::{
    Action, Address, Amount, ChainId, Gas, Hash, Nonce, SecretKey, SignedTransaction, TimestampMs,
    Transaction,
};

/// How long a client waits before it sends the same transaction to another validator, in milliseconds.
const PATIENCE_MS: u64 = 1_500;

/// One account and its owner.
#[derive(Debug)]
pub struct Client {
    pub key: SecretKey,
    sequence: u64,
    waiting: Option<(SignedTransaction, Hash, u64)>,
    pub committed: u64,
    /// Whether it relies on the validator that admits its transaction.
    pub relies: bool,
    /// What was admitted, by which instance in which of its lives, and when.
    admitted: Option<(Hash, usize, u64)>,
}

impl Client {
    pub fn new(number: u8) -> Self {
        let key = SecretKey::from_seed([number.wrapping_add(100); 32]);
        let relies = number.is_multiple_of(2);
        Self { key, sequence: 0, waiting: None, committed: 0, relies, admitted: None }
    }

    pub fn address(&self) -> Address {
        self.key.public_key().address()
    }

    pub fn waits_for(&self) -> Option<Hash> {
        self.waiting.as_ref().map(|(_, hash, _)| *hash)
    }

    /// An instance has admitted the transaction.
    pub fn admitted(&mut self, hash: Hash, instance: usize, life: u64) {
        if self.waits_for() == Some(hash) {
            self.admitted = Some((hash, instance, life));
        }
    }

    /// The transaction that this client relies on an instance for, in which of its lives, and when it was sent.
    pub fn relies_on(&self) -> Option<(Hash, usize, u64, u64)> {
        let (hash, instance, life) = self.admitted.filter(|_| self.relies)?;
        Some((hash, instance, life, self.waiting.as_ref()?.2))
    }

    /// The transaction was executed.
    pub fn done(&mut self) {
        (self.waiting, self.admitted) = (None, None);
        self.sequence += 1;
        self.committed += 1;
    }

    /// What to send now: the next transfer, or the last one again.
    pub fn next(
        &mut self,
        now_ms: u64,
        wall: TimestampMs,
        chain: &ChainId,
        to: Address,
    ) -> Option<SignedTransaction> {
        if let Some((transaction, _, sent_ms)) = &mut self.waiting {
            if now_ms < *sent_ms + PATIENCE_MS {
                return None;
            }
            *sent_ms = now_ms;
            return Some(transaction.clone());
        }
        let transaction = Transaction {
            version: FormatVersion::V1,
            chain_id: chain.clone(),
            sender: self.key.public_key(),
            nonce: Nonce { lane: 0, sequence: self.sequence },
            valid_until: wall.plus(600_000),
            gas_limit: Gas(100_000_000),
            gas_price: Amount(0),
            action: Action::Transfer { to, amount: Amount(1) },
        };
        let signed = transaction.sign(&self.key);
        self.waiting = Some((signed.clone(), signed.hash(), now_ms));
        Some(signed)
    }
}
