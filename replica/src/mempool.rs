//! Admission: what this node's own clients send, until it is in a batch.

use std::collections::{BTreeMap, VecDeque};

use primitives::batch::Batch;
use primitives::codec::{self, FormatVersion};
use primitives::receipt::Rejection;
use primitives::state_key::Account;
use primitives::{
    Address, Amount, ChainId, Hash, PublicKey, SignedTransaction, SystemAction, TimestampMs,
    ValidatorIndex, Verified, limits,
};
use thiserror::Error;
use vm::BlockContext;

/// Own batches that are under way when all is well: the delay of a batch times these is longer than a block takes.
const WAITING_BATCHES_USUAL: usize = 4;
/// Lanes of which something was seen in others' batches.
const SEEN_LANES_MAX: usize = 1 << 16;
/// How long they are remembered, in milliseconds of the chain.
const SEEN_MS: u64 = 60_000;
/// No transaction waits longer for others, in milliseconds.
const BATCH_DELAY_MS_MAX: u64 = 500;

/// Bounds of one node's mempool; not consensus rules.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Encoded bytes of transactions that wait for a batch.
    pub pending_bytes_max: usize,
    /// Transactions of one sender that are admitted and not committed.
    pub sender_transactions_max: usize,
    /// How long a transaction may wait for others to share a batch with, in milliseconds; longer while own batches
    /// pile up.
    pub batch_delay_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pending_bytes_max: 64 << 20, sender_transactions_max: 4_096, batch_delay_ms: 5 }
    }
}

/// Why a transaction is not admitted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error("the transaction is not valid now: {0}")]
    Rejected(#[from] Rejection),
    #[error("this node's mempool is full; send again in a moment")]
    Full,
    #[error("the sender has {0} transactions waiting already")]
    SenderFull(usize),
    #[error("the transaction is of chain {got}, and this is {expected}")]
    WrongChain { got: ChainId, expected: ChainId },
}

#[derive(Debug)]
struct Pending {
    hash: Hash,
    transaction: SignedTransaction,
    length: usize,
    arrived_ms: u64,
}

/// Transactions that wait for a batch, and what of each lane is taken.
#[derive(Debug)]
pub struct Mempool {
    /// The rules of the chain; the time is set at each admission.
    rules: BlockContext,
    own: ValidatorIndex,
    limits: Limits,
    pending: VecDeque<Pending>,
    pending_bytes: usize,
    /// Next sequence by lane, counting everything admitted here or seen in a batch, while any of it waits.
    lanes: BTreeMap<(PublicKey, u32), Lane>,
    /// Turned away by a block, and able to follow in a later one; by lane and sequence.
    parked: BTreeMap<(PublicKey, u32), BTreeMap<u64, SignedTransaction>>,
    /// Admitted here and neither committed nor expired.
    admitted: BTreeMap<Hash, TimestampMs>,
    senders: BTreeMap<PublicKey, Sender>,
    last_sequence: u64,
}

#[derive(Debug)]
struct Lane {
    next: u64,
    /// When everything counted here has expired.
    until: TimestampMs,
}

#[derive(Debug, Default)]
struct Sender {
    transactions: usize,
    cost: u128,
}

impl Mempool {
    pub fn new(rules: BlockContext, own: ValidatorIndex, limits: Limits) -> Self {
        Self {
            rules,
            own,
            limits,
            pending: VecDeque::new(),
            pending_bytes: 0,
            lanes: BTreeMap::new(),
            parked: BTreeMap::new(),
            admitted: BTreeMap::new(),
            senders: BTreeMap::new(),
            last_sequence: 0,
        }
    }

    /// Admits a transaction or says why not. Admitting it again is harmless.
    pub fn admit(
        &mut self,
        now: TimestampMs,
        uptime_ms: u64,
        account: &Account,
        transaction: Verified<SignedTransaction>,
    ) -> Result<Hash, Refusal> {
        let hash = transaction.hash();
        if self.admitted.contains_key(&hash) {
            return Ok(hash);
        }
        let inner = transaction.transaction();
        if inner.chain_id != self.rules.chain_id {
            return Err(Refusal::WrongChain {
                got: inner.chain_id.clone(),
                expected: self.rules.chain_id.clone(),
            });
        }
        let sender = inner.sender;
        let waiting = self.senders.get(&sender);
        let count = waiting.map_or(0, |sender| sender.transactions);
        if count >= self.limits.sender_transactions_max {
            return Err(Refusal::SenderFull(count));
        }
        let spendable = account.balance.0.saturating_sub(waiting.map_or(0, |sender| sender.cost));
        let expected = self.next_sequence(account, &sender, inner.nonce.lane);
        let as_if = Account { balance: Amount(spendable), lanes: account.lanes.clone() };
        let block = BlockContext { timestamp: now, ..self.rules.clone() };
        vm::check_transaction(&as_if, expected, &block, inner)?;
        let signed = transaction.into_inner();
        let length = codec::encode(&signed).len();
        if self.pending_bytes + length > self.limits.pending_bytes_max {
            return Err(Refusal::Full);
        }
        self.remember(hash, &signed);
        self.enqueue(hash, signed, uptime_ms);
        Ok(hash)
    }

    fn remember(&mut self, hash: Hash, signed: &SignedTransaction) {
        self.count(signed, signed.transaction().valid_until);
        self.admitted.insert(hash, signed.transaction().valid_until);
        let entry = self.senders.entry(signed.transaction().sender).or_default();
        entry.transactions += 1;
        entry.cost = entry.cost.saturating_add(cost(signed));
    }

    fn enqueue(&mut self, hash: Hash, transaction: SignedTransaction, uptime_ms: u64) {
        let length = codec::encode(&transaction).len();
        self.pending_bytes += length;
        self.pending.push_back(Pending { hash, transaction, length, arrived_ms: uptime_ms });
    }

    /// Keeps a transaction that was admitted here and that a block turned away, until its predecessors are committed.
    /// It overtook one, since batches travel on their own and a leader may hold the later first; or the block was full.
    /// Bounded as admission is, which it has passed.
    pub fn park(&mut self, signed: SignedTransaction) {
        self.remember(signed.hash(), &signed);
        let (sender, nonce) = (signed.transaction().sender, signed.transaction().nonce);
        self.parked.entry((sender, nonce.lane)).or_default().insert(nonce.sequence, signed);
    }

    /// Whose transactions are parked, and in which lanes.
    pub fn parked(&self) -> Vec<(PublicKey, u32)> {
        self.parked.keys().copied().collect()
    }

    /// A lane's next sequence is committed up to here: what can follow waits for a batch again.
    pub fn unpark(&mut self, sender: PublicKey, lane: u32, mut next: u64, uptime_ms: u64) {
        let Some(mut parked) = self.parked.remove(&(sender, lane)) else { return };
        let later = parked.split_off(&next);
        for used in parked.into_values() {
            self.forget(&used.hash(), &used);
        }
        parked = later;
        while let Some(signed) = parked.remove(&next) {
            self.enqueue(signed.hash(), signed, uptime_ms);
            next += 1;
        }
        if !parked.is_empty() {
            self.parked.insert((sender, lane), parked);
        }
    }

    /// The sequence that a lane's next transaction must carry, counting what waits.
    pub fn next_sequence(&self, account: &Account, sender: &PublicKey, lane: u32) -> u64 {
        let waiting = self.lanes.get(&(*sender, lane)).map_or(0, |lane| lane.next);
        account.next_sequence(lane).max(waiting)
    }

    /// The same by address, for clients that know no key.
    pub fn next_sequence_of(&self, account: &Account, address: &Address, lane: u32) -> u64 {
        let of = |((key, index), entry): (&(PublicKey, u32), &Lane)| {
            (*index == lane && key.address() == *address).then_some(entry.next)
        };
        let waiting = self.lanes.iter().find_map(of).unwrap_or(0);
        account.next_sequence(lane).max(waiting)
    }

    pub fn is_admitted(&self, hash: &Hash) -> bool {
        self.admitted.contains_key(hash)
    }

    /// Counts a transaction that was seen in somebody's batch, so that its sender may go on at any validator. Bounded
    /// in number and time, since any validator can send batches of as many senders as it likes.
    pub fn see(&mut self, now: TimestampMs, signed: &SignedTransaction) {
        let key = (signed.transaction().sender, signed.transaction().nonce.lane);
        if self.lanes.len() < SEEN_LANES_MAX || self.lanes.contains_key(&key) {
            self.count(signed, signed.transaction().valid_until.min(now.plus(SEEN_MS)));
        }
    }

    fn count(&mut self, signed: &SignedTransaction, until: TimestampMs) {
        let nonce = signed.transaction().nonce;
        let lane = self
            .lanes
            .entry((signed.transaction().sender, nonce.lane))
            .or_insert(Lane { next: 0, until: TimestampMs::ZERO });
        lane.next = lane.next.max(nonce.sequence.saturating_add(1));
        lane.until = lane.until.max(until);
    }

    /// When the next batch is due, on the uptime clock. A block names only so many batches: while `waiting` own ones
    /// pile up, because blocks are slow or full, the next takes its time and holds more.
    pub fn batch_due_ms(&self, waiting: usize) -> Option<u64> {
        let first = self.pending.front()?;
        if self.pending_bytes >= limits::BATCH_BYTES_TARGET {
            return Some(0);
        }
        let piled = waiting.saturating_sub(WAITING_BATCHES_USUAL) as u64;
        let delay_ms = self.limits.batch_delay_ms.saturating_mul(1 + piled);
        Some(first.arrived_ms.saturating_add(delay_ms.min(BATCH_DELAY_MS_MAX)))
    }

    /// Takes the oldest waiting transactions into a batch, if one is due. Its sequence follows the wall clock, so
    /// that it grows over restarts.
    pub fn take_batch(
        &mut self,
        now: TimestampMs,
        uptime_ms: u64,
        waiting: usize,
    ) -> Option<Batch> {
        if self.batch_due_ms(waiting)? > uptime_ms {
            return None;
        }
        let mut transactions = Vec::new();
        let mut bytes = 0;
        while let Some(pending) = self.pending.front() {
            let fits = transactions.is_empty()
                || (bytes + pending.length <= limits::BATCH_BYTES_TARGET
                    && transactions.len() < limits::BATCH_TRANSACTIONS_MAX);
            if !fits {
                break;
            }
            bytes += pending.length;
            self.pending_bytes -= pending.length;
            transactions.extend(self.pending.pop_front().map(|pending| pending.transaction));
        }
        Some(self.batch(now, transactions, Vec::new()))
    }

    /// A batch of system actions alone.
    pub fn system_batch(&mut self, now: TimestampMs, system: Vec<SystemAction>) -> Batch {
        self.batch(now, Vec::new(), system)
    }

    fn batch(
        &mut self,
        now: TimestampMs,
        transactions: Vec<SignedTransaction>,
        system: Vec<SystemAction>,
    ) -> Batch {
        self.last_sequence = self.last_sequence.saturating_add(1).max(now.0);
        let (author, sequence) = (self.own, self.last_sequence);
        Batch { version: FormatVersion::V1, author, sequence, transactions, system }
    }

    /// Its fate is decided: it was executed, or can never be.
    pub fn forget(&mut self, hash: &Hash, signed: &SignedTransaction) {
        if self.admitted.remove(hash).is_none() {
            return;
        }
        let sender = signed.transaction().sender;
        if let Some(entry) = self.senders.get_mut(&sender) {
            entry.transactions = entry.transactions.saturating_sub(1);
            entry.cost = entry.cost.saturating_sub(cost(signed));
            if entry.transactions == 0 {
                self.senders.remove(&sender);
            }
        }
    }

    /// Forgets what has expired by the last block's timestamp, and lanes in which nothing waits any more.
    pub fn expire(&mut self, now: TimestampMs) {
        let (kept, expired): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(|pending| pending.transaction.transaction().valid_until >= now);
        self.pending = kept;
        for pending in expired {
            self.pending_bytes -= pending.length;
            self.forget(&pending.hash, &pending.transaction);
        }
        let is_expired =
            |_: &u64, signed: &mut SignedTransaction| signed.transaction().valid_until < now;
        let expired: Vec<SignedTransaction> = self
            .parked
            .values_mut()
            .flat_map(|parked| parked.extract_if(.., is_expired).map(|(_, signed)| signed))
            .collect();
        for signed in expired {
            self.forget(&signed.hash(), &signed);
        }
        self.parked.retain(|_, parked| !parked.is_empty());
        self.lanes.retain(|_, lane| lane.until >= now);
    }

    /// The lane has nothing waiting that will execute: start again from the account's own count.
    pub fn reset_lane(&mut self, signed: &SignedTransaction) {
        self.lanes.remove(&(signed.transaction().sender, signed.transaction().nonce.lane));
    }
}

fn cost(signed: &SignedTransaction) -> u128 {
    signed.transaction().cost_max().map_or(u128::MAX, |cost| cost.0)
}
