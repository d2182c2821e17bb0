//! The batches that are held: every validator's, by digest.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use primitives::{BatchRef, Hash, SignedBatch, TimestampMs, ValidatorIndex, limits};

/// Encoded bytes of waiting batches that one author may occupy.
const AUTHOR_BYTES_MAX: usize = 32 << 20;
/// Encoded bytes of committed batches that are kept for peers that still lack them.
const COMMITTED_BYTES_MAX: usize = 32 << 20;
/// How long a batch with system actions waits for a block after its sequence, which follows the clock, in
/// milliseconds.
const SYSTEM_VALIDITY_MS: u64 = 600_000;

#[derive(Debug)]
struct Held {
    batch: Arc<SignedBatch>,
    length: usize,
}

/// What of one author waits.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    batches: usize,
    /// Encoded.
    bytes: usize,
}

/// Batches whose signatures were checked, or that a commit certificate vouches for.
#[derive(Debug, Default)]
pub struct Batches {
    held: BTreeMap<Hash, Held>,
    /// Not yet committed, in the order in which a block executes them: an author's sequences ascend, and since they
    /// follow the clock, batches of one sender's transactions keep their order over validators.
    waiting: BTreeSet<(u64, ValidatorIndex, Hash)>,
    authors: BTreeMap<ValidatorIndex, Waiting>,
    committed: VecDeque<Hash>,
    committed_bytes: usize,
}

/// Whether an insertion was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insertion {
    New,
    Known,
    /// The author's budget is used up, and no block needs the batch.
    OverBudget,
}

/// What a block orders.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// In the order of execution.
    pub batches: Vec<BatchRef>,
    /// Those that must ride in the proposal.
    pub carried: BTreeSet<Hash>,
}

impl Batches {
    pub fn get(&self, digest: &Hash) -> Option<&Arc<SignedBatch>> {
        self.held.get(digest).map(|held| &held.batch)
    }

    pub fn contains(&self, digest: &Hash) -> bool {
        self.held.contains_key(digest)
    }

    /// Keeps a batch. One that a block names is `needed` and passes the author's budget.
    pub fn insert(&mut self, digest: Hash, batch: SignedBatch, needed: bool) -> Insertion {
        if self.contains(&digest) {
            return Insertion::Known;
        }
        let author = batch.batch.author;
        let length = batch.encoded_length();
        let waiting = self.authors.entry(author).or_default();
        if !needed && waiting.bytes + length > AUTHOR_BYTES_MAX {
            return Insertion::OverBudget;
        }
        waiting.batches += 1;
        waiting.bytes += length;
        self.waiting.insert((batch.batch.sequence, author, digest));
        self.held.insert(digest, Held { batch: Arc::new(batch), length });
        Insertion::New
    }

    /// Whether one more batch of this author is within its budget, however large.
    pub fn has_room(&self, author: ValidatorIndex) -> bool {
        self.waiting_of(author).bytes + limits::BATCH_BYTES_MAX <= AUTHOR_BYTES_MAX
    }

    /// How many batches of this author no committed block orders.
    pub fn count_waiting(&self, author: ValidatorIndex) -> usize {
        self.waiting_of(author).batches
    }

    fn waiting_of(&self, author: ValidatorIndex) -> Waiting {
        self.authors.get(&author).copied().unwrap_or_default()
    }

    /// Batches for a block, without those already ordered, within a block's caps. Authors take turns, `first` before
    /// the others: whatever an author numbers its batches, it crowds out nobody, and a leader that names itself first
    /// orders something of its own. Batches of suspects are to be carried: as many as may ride in a proposal, and one
    /// however large, so that none waits for ever.
    pub fn choose(
        &self,
        ordered: &BTreeSet<Hash>,
        suspects: &BTreeSet<ValidatorIndex>,
        first: ValidatorIndex,
    ) -> Choice {
        let mut queues: BTreeMap<ValidatorIndex, VecDeque<(u64, Hash)>> = BTreeMap::new();
        for (sequence, author, digest) in &self.waiting {
            if !ordered.contains(digest) {
                queues.entry(*author).or_default().push_back((*sequence, *digest));
            }
        }
        let turns = queues.range(first..).chain(queues.range(..first));
        let mut turns: VecDeque<ValidatorIndex> = turns.map(|(author, _)| *author).collect();
        let mut chosen = BTreeSet::new();
        let mut carried = BTreeSet::new();
        let (mut bytes, mut carried_bytes) = (0, 0);
        while chosen.len() < limits::BLOCK_BATCHES_MAX
            && let Some(author) = turns.pop_front()
        {
            let next = queues.get_mut(&author).and_then(VecDeque::pop_front);
            let Some((sequence, digest)) = next else { continue };
            let Some(held) = self.held.get(&digest) else { continue };
            let is_suspect = suspects.contains(&author);
            let rides = carried_bytes == 0
                || carried_bytes + held.length <= limits::PROPOSAL_INLINE_BYTES_MAX;
            // Where one does not fit its author is passed over: the later ones build on it.
            if bytes + held.length > limits::BLOCK_BYTES_MAX || (is_suspect && !rides) {
                continue;
            }
            bytes += held.length;
            if is_suspect {
                carried_bytes += held.length;
                carried.insert(digest);
            }
            chosen.insert((sequence, author, digest));
            turns.push_back(author);
        }
        let reference = |(_, author, digest)| BatchRef { author, digest };
        Choice { batches: chosen.into_iter().map(reference).collect(), carried }
    }

    /// Whether a batch waits that is not among the ordered.
    pub fn has_unordered(&self, ordered: &BTreeSet<Hash>) -> bool {
        self.waiting.iter().any(|(_, _, digest)| !ordered.contains(digest))
    }

    pub fn waiting(&self) -> impl Iterator<Item = &Arc<SignedBatch>> {
        self.waiting.iter().filter_map(|(_, _, digest)| self.get(digest))
    }

    /// Encoded bytes of these batches; `None` when one is not held.
    pub fn bytes(&self, batches: &[BatchRef]) -> Option<usize> {
        batches.iter().map(|batch| self.held.get(&batch.digest).map(|held| held.length)).sum()
    }

    /// A block with these batches is final: they wait no more, and are let go when others have taken their room.
    pub fn committed(&mut self, batches: &[BatchRef]) {
        for BatchRef { digest, .. } in batches {
            let Some(length) = self.stop_waiting(digest) else { continue };
            self.committed.push_back(*digest);
            self.committed_bytes += length;
        }
        while self.committed_bytes > COMMITTED_BYTES_MAX {
            let Some(oldest) = self.committed.pop_front() else { break };
            if let Some(held) = self.held.remove(&oldest) {
                self.committed_bytes -= held.length;
            }
        }
    }

    /// Drops waiting batches of which no transaction can execute any more, unless a block names them.
    pub fn expire(&mut self, now: TimestampMs, ordered: &BTreeSet<Hash>) -> Vec<Arc<SignedBatch>> {
        let is_expired = |batch: &SignedBatch| {
            let mut transactions = batch.batch.transactions.iter();
            // System actions do not expire; their reporter sends them again when they are lost.
            let old = batch.batch.sequence.saturating_add(SYSTEM_VALIDITY_MS) < now.0;
            (batch.batch.system.is_empty() || old)
                && transactions.all(|signed| signed.transaction().valid_until < now)
        };
        let expired: Vec<Hash> = self
            .waiting
            .iter()
            .map(|(_, _, digest)| *digest)
            .filter(|digest| !ordered.contains(digest))
            .filter(|digest| self.get(digest).is_some_and(|batch| is_expired(batch)))
            .collect();
        let drop_one = |digest: &Hash| {
            self.stop_waiting(digest)?;
            self.held.remove(digest).map(|held| held.batch)
        };
        expired.iter().filter_map(drop_one).collect()
    }

    fn stop_waiting(&mut self, digest: &Hash) -> Option<usize> {
        let held = self.held.get(digest)?;
        let (author, sequence) = (held.batch.batch.author, held.batch.batch.sequence);
        if !self.waiting.remove(&(sequence, author, *digest)) {
            return None;
        }
        if let Some(waiting) = self.authors.get_mut(&author) {
            waiting.batches -= 1;
            waiting.bytes -= held.length;
        }
        Some(held.length)
    }
}

#[cfg(test)]
mod tests {
    use primitives::codec::FormatVersion;
    use primitives::{Action, Amount, Batch, Gas, Nonce, SecretKey, Transaction, codec};

    use super::*;

    const MEBIBYTE: usize = 1 << 20;
    const ONE: ValidatorIndex = ValidatorIndex(1);

    /// A batch of about so many bytes.
    fn batch(author: u16, sequence: u64, bytes: usize) -> SignedBatch {
        let key = SecretKey::from_seed([7; 32]);
        let action = Action::Upload { code: vec![0; bytes] };
        let transaction = Transaction {
            version: FormatVersion::V1,
            chain_id: "tests".parse().expect("a chain id"),
            sender: key.public_key(),
            nonce: Nonce { lane: 0, sequence },
            valid_until: TimestampMs(1_000 + sequence),
            gas_limit: Gas(1),
            gas_price: Amount(0),
            action,
        };
        let (version, author) = (FormatVersion::V1, ValidatorIndex(author));
        let transactions = vec![transaction.sign(&key)];
        Batch { version, author, sequence, system: Vec::new(), transactions }
            .sign(&Hash::ZERO, &key)
    }

    fn hold(batches: &mut Batches, batch: &SignedBatch, needed: bool) -> Insertion {
        batches.insert(batch.digest(), batch.clone(), needed)
    }

    /// Fills an author's budget; the batches that are held.
    fn filled(batches: &mut Batches, author: u16) -> Vec<SignedBatch> {
        let mut held = Vec::new();
        for sequence in 0.. {
            let batch = batch(author, sequence, MEBIBYTE);
            if hold(batches, &batch, false) == Insertion::OverBudget {
                break;
            }
            held.push(batch);
        }
        held
    }

    #[test]
    fn an_author_fills_its_own_budget_and_nobody_elses() {
        let mut batches = Batches::default();
        let held = filled(&mut batches, 1);
        let bytes: usize = held.iter().map(|one| codec::encode(one).len()).sum();
        assert!((AUTHOR_BYTES_MAX - 2 * MEBIBYTE..=AUTHOR_BYTES_MAX).contains(&bytes));
        assert!(!batches.has_room(ValidatorIndex(1)));
        let other = batch(2, 0, MEBIBYTE);
        assert!(batches.has_room(ValidatorIndex(2)));
        assert_eq!(hold(&mut batches, &other, false), Insertion::New);
        let named = batch(1, 900, MEBIBYTE);
        assert_eq!(hold(&mut batches, &named, true), Insertion::New, "a block needs it");
    }

    #[test]
    fn what_is_committed_or_expired_makes_room() {
        let mut batches = Batches::default();
        let held = filled(&mut batches, 1);
        let more = batch(1, 900, MEBIBYTE);
        batches.committed(&[held[0].reference(), held[1].reference()]);
        assert_eq!(hold(&mut batches, &more, false), Insertion::New);
        let ordered = BTreeSet::from([held[2].digest()]);
        let expired = batches.expire(TimestampMs(1_000 + 5), &ordered);
        assert_eq!(expired.len(), 2, "3 and 4: the first two are committed, and a block names 2");
        assert!(batches.has_room(ValidatorIndex(1)));
    }

    /// The block that named a batch is orphaned: nothing was taken away, so the next block names it again.
    #[test]
    fn a_batch_waits_until_a_block_with_it_is_committed() {
        let mut batches = Batches::default();
        let (first, second) = (batch(1, 1, 10), batch(1, 2, 10));
        hold(&mut batches, &first, false);
        hold(&mut batches, &second, false);
        let ordered = BTreeSet::from([first.digest()]);
        let none = BTreeSet::new();
        assert_eq!(batches.choose(&ordered, &none, ONE).batches, [second.reference()]);
        let both = [first.reference(), second.reference()];
        assert_eq!(batches.choose(&BTreeSet::new(), &none, ONE).batches, both);
        batches.committed(&both);
        assert!(batches.choose(&BTreeSet::new(), &none, ONE).batches.is_empty());
    }

    #[test]
    fn a_suspects_batches_are_carried_within_the_cap_and_in_their_order() {
        let mut batches = Batches::default();
        let third = limits::PROPOSAL_INLINE_BYTES_MAX / 3;
        let suspect: Vec<_> = (0..4).map(|number| batch(3, 10 * number, third - 300)).collect();
        let other = batch(1, 5, 10);
        for one in suspect.iter().chain([&other]) {
            hold(&mut batches, one, false);
        }
        let suspects = BTreeSet::from([ValidatorIndex(3)]);
        let choice = batches.choose(&BTreeSet::new(), &suspects, ONE);
        let carried = &suspect[..3];
        assert_eq!(choice.carried, carried.iter().map(SignedBatch::digest).collect());
        let expected = [&suspect[0], &other, &suspect[1], &suspect[2]].map(SignedBatch::reference);
        assert_eq!(choice.batches, expected);

        let mut batches = Batches::default();
        let large = batch(3, 1, MEBIBYTE);
        hold(&mut batches, &large, false);
        let choice = batches.choose(&BTreeSet::new(), &suspects, ONE);
        assert_eq!(choice.batches, [large.reference()], "a large one goes alone, but it goes");
    }

    /// An author that numbers its batches from zero, and sends as many as it can, gets its turns and no more.
    #[test]
    fn no_author_crowds_out_another() {
        let mut batches = Batches::default();
        for sequence in 0..100 {
            hold(&mut batches, &batch(3, sequence, 10), false);
        }
        let others: Vec<_> =
            (0..4).map(|number| batch(1 + number % 2, 1_000_000 + u64::from(number), 10)).collect();
        for one in &others {
            hold(&mut batches, one, false);
        }
        let none = BTreeSet::new();
        let choice = batches.choose(&none, &BTreeSet::new(), ONE);
        assert_eq!(choice.batches.len(), limits::BLOCK_BATCHES_MAX);
        assert!(others.iter().all(|one| choice.batches.contains(&one.reference())));

        let mut batches = Batches::default();
        let large: Vec<_> = (0..5).map(|sequence| batch(3, sequence, MEBIBYTE)).collect();
        let own = batch(1, 1_000_000, MEBIBYTE);
        for one in large.iter().chain([&own]) {
            hold(&mut batches, one, false);
        }
        let choice = batches.choose(&none, &BTreeSet::new(), ONE);
        assert!(choice.batches.contains(&own.reference()), "the leader's own has its turn");
    }
}
