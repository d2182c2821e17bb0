//! Payloads of blocks that consensus asked about: which batches are still missing, and from whom to fetch them.
//!
//! A missing batch is asked from its author and from the block's proposer at once: the author made it, and the
//! proposer has no business to name what it does not hold. Then the others are asked, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use primitives::{BatchRef, Hash, Header, ValidatorIndex};

/// How long those who were asked are given before the next is asked, in milliseconds.
const PATIENCE_MS: u64 = 150;

#[derive(Debug)]
struct Missing {
    author: ValidatorIndex,
    /// How many times it was asked for: the first time from author and proposer, then from one validator each time.
    attempts: usize,
    ask_at_ms: u64,
}

#[derive(Debug)]
struct Payload {
    header: Header,
    missing: BTreeMap<Hash, Missing>,
}

impl Payload {
    /// The author of the first batch that is missing, in the order of the payload.
    fn missing_author(&self) -> Option<ValidatorIndex> {
        let first = self.header.payload.iter().find(|one| self.missing.contains_key(&one.digest));
        first.map(|batch| batch.author)
    }
}

/// Blocks whose batches are not all held. Bounded as the tree of uncommitted blocks is, which asks for them.
#[derive(Debug, Default)]
pub struct Payloads {
    awaited: BTreeMap<Hash, Payload>,
}

/// One request for missing batches.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    pub to: ValidatorIndex,
    pub digests: Vec<Hash>,
}

/// What the arrival of a batch changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// Blocks that are complete now.
    pub complete: Vec<Header>,
    /// Blocks that still lack a batch, and of which author.
    pub incomplete: Vec<(Hash, ValidatorIndex)>,
}

impl Payloads {
    /// Awaits a block's missing batches, each with the moment from which it is asked for: those that came with the
    /// proposal are being verified, and nobody is asked for them at once. Answers the author of the first.
    pub fn await_block(
        &mut self,
        block: Hash,
        header: Header,
        missing: impl IntoIterator<Item = (BatchRef, u64)>,
    ) -> Option<ValidatorIndex> {
        let missing = missing.into_iter().map(|(BatchRef { author, digest }, ask_at_ms)| {
            (digest, Missing { author, attempts: 0, ask_at_ms })
        });
        let payload = Payload { header, missing: missing.collect() };
        let author = payload.missing_author();
        self.awaited.insert(block, payload);
        author
    }

    pub fn needs(&self, digest: &Hash) -> bool {
        self.awaited.values().any(|payload| payload.missing.contains_key(digest))
    }

    /// A batch is held now.
    pub fn arrived(&mut self, digest: &Hash) -> Arrival {
        let mut arrival = Arrival::default();
        for (block, payload) in &mut self.awaited {
            if payload.missing.remove(digest).is_none() {
                continue;
            }
            match payload.missing_author() {
                Some(author) => arrival.incomplete.push((*block, author)),
                None => arrival.complete.push(payload.header.clone()),
            }
        }
        self.awaited.retain(|_, payload| !payload.missing.is_empty());
        arrival
    }

    /// A batch is invalid whoever sends it. Answers the blocks that can never be complete.
    pub fn invalid(&mut self, digest: &Hash) -> Vec<Hash> {
        let blocks: Vec<Hash> = self
            .awaited
            .iter()
            .filter(|(_, payload)| payload.missing.contains_key(digest))
            .map(|(block, _)| *block)
            .collect();
        self.awaited.retain(|block, _| !blocks.contains(block));
        blocks
    }

    pub fn forget(&mut self, block: &Hash) {
        self.awaited.remove(block);
    }

    /// The requests that are due, one for each validator that is to be asked.
    pub fn due(&mut self, now_ms: u64, own: ValidatorIndex, validators: usize) -> Vec<Request> {
        let mut requests: BTreeMap<ValidatorIndex, BTreeSet<Hash>> = BTreeMap::new();
        for payload in self.awaited.values_mut() {
            let proposer = payload.header.proposer;
            for (digest, missing) in &mut payload.missing {
                if missing.ask_at_ms > now_ms {
                    continue;
                }
                let first = [missing.author, proposer];
                let next = in_turn(proposer, missing.attempts, validators);
                let asked = if missing.attempts == 0 { &first[..] } else { &next[..] };
                for to in asked.iter().filter(|to| **to != own) {
                    requests.entry(*to).or_default().insert(*digest);
                }
                missing.attempts += 1;
                missing.ask_at_ms = now_ms.saturating_add(PATIENCE_MS);
            }
        }
        let request =
            |(to, digests): (_, BTreeSet<_>)| Request { to, digests: Vec::from_iter(digests) };
        requests.into_iter().map(request).collect()
    }

    pub fn deadline_ms(&self) -> Option<u64> {
        let missing = self.awaited.values().flat_map(|payload| payload.missing.values());
        missing.map(|missing| missing.ask_at_ms).min()
    }
}

/// The validator that is so many places behind another, round and round.
fn in_turn(first: ValidatorIndex, places: usize, validators: usize) -> [ValidatorIndex; 1] {
    let position = (first.as_usize() + places) % validators;
    [ValidatorIndex(u16::try_from(position).unwrap_or(u16::MAX))]
}

#[cfg(test)]
mod tests {
    use primitives::{Epoch, Height, TimestampMs, View, codec::FormatVersion};

    use super::*;

    const OWN: ValidatorIndex = ValidatorIndex(0);

    fn batch(author: u16) -> BatchRef {
        let number = u8::try_from(author).expect("a small number");
        BatchRef { author: ValidatorIndex(author), digest: Hash([number; 32]) }
    }

    /// A block of validator 1 that names a batch of 2 and one of 3, both missing.
    fn awaited() -> Payloads {
        let payload = vec![batch(2), batch(3)];
        let header = Header {
            version: FormatVersion::V1,
            epoch: Epoch(0),
            view: View(5),
            height: Height(5),
            parent: Hash::ZERO,
            parent_view: View(4),
            payload: payload.clone(),
            timestamp: TimestampMs(1),
            proposer: ValidatorIndex(1),
        };
        let mut payloads = Payloads::default();
        let missing = payload.into_iter().map(|batch| (batch, 10));
        let author = payloads.await_block(header.hash(), header, missing);
        assert_eq!(author, Some(ValidatorIndex(2)));
        payloads
    }

    fn asked(requests: &[Request]) -> Vec<(u16, usize)> {
        requests.iter().map(|request| (request.to.0, request.digests.len())).collect()
    }

    #[test]
    fn a_missing_batch_is_asked_from_author_and_proposer_at_once_and_then_from_the_others_in_turn()
    {
        let mut payloads = awaited();
        assert_eq!(payloads.due(9, OWN, 4), []);
        assert_eq!(asked(&payloads.due(10, OWN, 4)), [(1, 2), (2, 1), (3, 1)]);
        assert_eq!(payloads.due(11, OWN, 4), [], "those who were asked get their time");
        let mut everybody = BTreeSet::new();
        for attempt in 1..=4 {
            everybody.extend(asked(&payloads.due(10 + attempt * PATIENCE_MS, OWN, 4)));
        }
        assert_eq!(Vec::from_iter(everybody), [(1, 2), (2, 2), (3, 2)], "never this node itself");
    }

    #[test]
    fn the_author_of_the_first_missing_batch_is_named_until_all_are_held() {
        let mut payloads = awaited();
        let arrival = payloads.arrived(&batch(2).digest);
        assert_eq!(arrival.complete, []);
        let authors: Vec<_> = arrival.incomplete.iter().map(|(_, author)| author.0).collect();
        assert_eq!(authors, [3]);
        assert_eq!(payloads.arrived(&batch(2).digest), Arrival::default());
        assert_eq!(payloads.arrived(&batch(3).digest).complete.len(), 1);
        assert_eq!(payloads.deadline_ms(), None);
    }
}
