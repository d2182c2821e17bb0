//! Payloads of blocks that consensus asked about: which batches are still missing, and from whom to fetch them.

use std::collections::{BTreeMap, BTreeSet};

use primitives::{Hash, Header, ValidatorIndex};

/// How long one validator is given before the next is asked, in milliseconds.
const PATIENCE_MS: u64 = 150;

#[derive(Debug)]
struct Payload {
    header: Header,
    missing: BTreeSet<Hash>,
    /// Whom to ask next: 0 is the proposer.
    attempt: usize,
    ask_at_ms: u64,
}

/// Blocks whose batches are not all held.
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

impl Payloads {
    /// Awaits a block's missing batches. Those that came with the proposal are being verified: nobody is asked for
    /// them before the patience is over.
    pub fn await_block(
        &mut self,
        block: Hash,
        header: Header,
        missing: BTreeSet<Hash>,
        ask_at_ms: u64,
    ) {
        self.awaited.insert(block, Payload { header, missing, attempt: 0, ask_at_ms });
    }

    pub fn needs(&self, digest: &Hash) -> bool {
        self.awaited.values().any(|payload| payload.missing.contains(digest))
    }

    /// A batch is held now. Answers the blocks that are complete with it.
    pub fn arrived(&mut self, digest: &Hash) -> Vec<Header> {
        for payload in self.awaited.values_mut() {
            payload.missing.remove(digest);
        }
        let complete: Vec<Hash> = self
            .awaited
            .iter()
            .filter(|(_, payload)| payload.missing.is_empty())
            .map(|(block, _)| *block)
            .collect();
        complete.iter().filter_map(|block| self.awaited.remove(block)).map(|p| p.header).collect()
    }

    /// A batch is invalid whoever sends it. Answers the blocks that can never be complete.
    pub fn invalid(&mut self, digest: &Hash) -> Vec<Hash> {
        let blocks: Vec<Hash> = self
            .awaited
            .iter()
            .filter(|(_, payload)| payload.missing.contains(digest))
            .map(|(block, _)| *block)
            .collect();
        self.awaited.retain(|block, _| !blocks.contains(block));
        blocks
    }

    pub fn forget(&mut self, block: &Hash) {
        self.awaited.remove(block);
    }

    /// The requests that are due: the proposer first, then the others in turn.
    pub fn due(&mut self, now_ms: u64, own: ValidatorIndex, validators: usize) -> Vec<Request> {
        let mut requests = Vec::new();
        for payload in self.awaited.values_mut().filter(|payload| payload.ask_at_ms <= now_ms) {
            let position = payload.header.proposer.as_usize() + payload.attempt;
            payload.attempt += 1;
            let to = u16::try_from(position % validators).map(ValidatorIndex);
            let Ok(to) = to else { continue };
            if to == own {
                continue;
            }
            payload.ask_at_ms = now_ms.saturating_add(PATIENCE_MS);
            requests.push(Request { to, digests: payload.missing.iter().copied().collect() });
        }
        requests
    }

    pub fn deadline_ms(&self) -> Option<u64> {
        self.awaited.values().map(|payload| payload.ask_at_ms).min()
    }
}
