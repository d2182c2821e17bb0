//! What blocks order: the payloads of others' blocks, checked and fetched, and the payload of an own one, chosen.

use std::collections::BTreeSet;
use std::sync::Arc;

use consensus::{Cost, Input, Payload};
use primitives::batch::BatchError;
use primitives::{Batch, BatchRef, Hash, Header, SignedBatch, ValidatorIndex, Verified, limits};

use crate::action::Action;
use crate::batches::{Choice, Insertion};
use crate::message::{BatchList, Message};
use crate::replica::{Record, Replica, is_spent};
use crate::verifying::Way;

/// Batches of one answer; whoever lacks more asks again.
const BATCH_ANSWER_MAX: usize = limits::BLOCK_BATCHES_MAX;
/// Own batches that no block has ordered are sent again this often, in milliseconds. So long, too, a batch that came
/// with a proposal has for its verification before others are asked for it.
pub(crate) const RESEND_BATCHES_MS: u64 = 1_000;
/// A batch that is older than this, in milliseconds by its author's clock, may have been ordered long ago.
const FRESH_MS: u64 = 10_000;
/// Own batches of one resending.
const RESEND_BATCHES_MAX: usize = 32;

impl Replica {
    /// Sees which batches of a block are held, and awaits the others.
    pub(crate) fn check_payload(&mut self, header: Header, inline: Vec<SignedBatch>) {
        let block = header.hash();
        self.headers.insert(block, header.clone());
        let comes: BTreeSet<Hash> = inline.iter().map(SignedBatch::digest).collect();
        let now_ms = self.now.uptime_ms;
        let mut missing = Vec::new();
        for batch in &header.payload {
            match self.batches.get(&batch.digest) {
                Some(held) if held.batch.author == batch.author => {}
                Some(_) => return self.step(Input::PayloadInvalid { block }),
                None => {
                    let soon =
                        comes.contains(&batch.digest) || self.verifying.contains(&batch.digest);
                    let patience_ms = if soon { RESEND_BATCHES_MS } else { 0 };
                    missing.push((*batch, now_ms.saturating_add(patience_ms)));
                }
            }
        }
        let Some(author) = self.payloads.await_block(block, header.clone(), missing) else {
            return self.payload_complete(&header);
        };
        self.step(Input::PayloadMissing { block, author });
        for batch in inline.into_iter().take(limits::BLOCK_BATCHES_MAX) {
            self.offer(header.proposer, Way::Direct, batch);
        }
    }

    /// All batches of a block are held: they go to the log before the vote that covers them.
    fn payload_complete(&mut self, header: &Header) {
        let block = header.hash();
        let mut batches = Vec::with_capacity(header.payload.len());
        for BatchRef { author, digest } in &header.payload {
            match self.batches.get(digest) {
                Some(held) if held.batch.author == *author => batches.push(Arc::clone(held)),
                Some(_) | None => return self.step(Input::PayloadInvalid { block }),
            }
        }
        if self.batches.bytes(&header.payload).is_none_or(|bytes| bytes > limits::BLOCK_BYTES_MAX) {
            return self.step(Input::PayloadInvalid { block });
        }
        for (named, batch) in header.payload.iter().zip(&batches) {
            if self.logged.insert(named.digest) {
                let record = Record::Batch(Box::new((**batch).clone()));
                self.actions.push(Action::Persist(record));
            }
        }
        self.ready.insert(block, batches);
        self.step(Input::PayloadReady { block });
    }

    /// Tells the blocks that wait for a batch that it is held.
    pub(crate) fn arrived(&mut self, digest: &Hash) {
        let arrival = self.payloads.arrived(digest);
        for (block, author) in arrival.incomplete {
            self.step(Input::PayloadMissing { block, author });
        }
        for header in arrival.complete {
            self.payload_complete(&header);
        }
    }

    /// Batches that a peer sent directly: its own again, and others that it was asked for.
    pub(crate) fn on_batches(&mut self, from: ValidatorIndex, BatchList(batches): BatchList) {
        for batch in batches.into_iter().take(BATCH_ANSWER_MAX) {
            if batch.batch.author == from || self.payloads.needs(&batch.digest()) {
                self.offer(from, Way::Direct, batch);
            }
        }
    }

    pub(crate) fn on_gossip(&mut self, from: ValidatorIndex, batch: SignedBatch) {
        if self.core.admits(from, Cost::Bulk) {
            self.offer(from, Way::Gossip, batch);
        }
    }

    /// A batch from outside: its signatures are checked before it counts, once. Whoever sends an old batch of somebody
    /// again could else fill that author's budget, and blocks, with what was executed long ago.
    fn offer(&mut self, from: ValidatorIndex, way: Way, batch: SignedBatch) {
        let digest = batch.digest();
        if self.batches.contains(&digest) || self.verifying.contains(&digest) {
            return;
        }
        if !self.payloads.needs(&digest) {
            let is_old = batch.batch.sequence.saturating_add(FRESH_MS) < self.now.wall.0;
            let is_spent = is_old && is_spent(&self.state, &batch);
            if is_spent || !self.verifying.has_room(from, &batch) {
                return;
            }
        }
        self.verifying.begin(digest, from, way, &batch);
        self.actions.push(Action::Verify(batch));
    }

    pub(crate) fn on_verified(
        &mut self,
        digest: Hash,
        batch: Result<Verified<SignedBatch>, BatchError>,
    ) {
        if let Some(peer) = self.verifying.end(&digest, batch.as_ref().err()) {
            self.step(Input::Misbehaved { peer, what: "an invalid batch" });
        }
        match batch {
            Ok(batch) => self.hold(digest, batch.into_inner()),
            // Another copy may carry the author's true signature.
            Err(BatchError::AuthorSignature) => {}
            Err(_) => {
                for block in self.payloads.invalid(&digest) {
                    self.step(Input::PayloadInvalid { block });
                }
            }
        }
    }

    pub(crate) fn hold(&mut self, digest: Hash, batch: SignedBatch) {
        let needed = self.payloads.needs(&digest);
        match self.batches.insert(digest, batch, needed) {
            Insertion::OverBudget => return,
            Insertion::Known => {}
            Insertion::New => {
                let batch = self.batches.get(&digest).map(Arc::clone);
                for signed in batch.iter().flat_map(|batch| &batch.batch.transactions) {
                    self.mempool.see(self.now.wall, signed);
                }
            }
        }
        self.arrived(&digest);
    }

    pub(crate) fn on_batch_request(&mut self, from: ValidatorIndex, digests: &[Hash]) {
        let mut bytes = 0;
        let mut batches = Vec::new();
        for batch in digests.iter().take(BATCH_ANSWER_MAX).filter_map(|one| self.batches.get(one)) {
            bytes += batch.encoded_length();
            if bytes > limits::BLOCK_BYTES_MAX {
                break;
            }
            batches.push(Arc::clone(batch));
        }
        let admitted = self.core.admits_many(from, Cost::AnswerByte, bytes as u64);
        if !batches.is_empty() && admitted {
            let batches = batches.iter().map(|batch| (**batch).clone()).collect();
            let message = Message::Batches(BatchList(batches));
            self.actions.push(Action::Send { to: from, message });
        }
    }

    /// Packs what waits into signed batches and sends them out.
    pub(crate) fn pack(&mut self) {
        while self.may_pack()
            && let Some(batch) = self.mempool.take_batch(
                self.now.wall,
                self.now.uptime_ms,
                self.batches.count_waiting(self.own),
            )
        {
            self.publish(batch);
        }
    }

    /// Whether one more batch of own clients' transactions may be made. What finds no room among the batches waits as a
    /// transaction, and fills the mempool: clients hear of it.
    pub(crate) fn may_pack(&self) -> bool {
        self.packing && self.batches.has_room(self.own)
    }

    /// Signs an own batch, sends it out and holds it.
    pub(crate) fn publish(&mut self, batch: Batch) {
        let signed = batch.sign(&self.chain, &self.key);
        let digest = signed.digest();
        self.actions.push(Action::Gossip(signed.clone()));
        self.hold(digest, signed);
    }

    /// What a block on `parent` orders: what waits and no ancestor orders. A small payload rides along, and so do the
    /// batches of suspects.
    pub(crate) fn build_payload(&self, parent: Hash) -> Payload {
        let ordered = self.ordered_up_to(parent);
        let suspects = self.withholders.suspects(self.now.uptime_ms);
        let Choice { batches, carried } = self.batches.choose(&ordered, &suspects, self.own);
        let small = self
            .batches
            .bytes(&batches)
            .is_some_and(|bytes| bytes <= limits::PROPOSAL_INLINE_BYTES_MAX);
        let inline = batches
            .iter()
            .filter(|one| small || carried.contains(&one.digest))
            .filter_map(|one| self.batches.get(&one.digest).map(|batch| (**batch).clone()))
            .collect();
        Payload { batches, inline }
    }

    /// What the uncommitted blocks up to this one order.
    pub(crate) fn ordered_up_to(&self, mut block: Hash) -> BTreeSet<Hash> {
        let mut ordered = BTreeSet::new();
        while let Some(header) = self.headers.get(&block) {
            ordered.extend(header.payload.iter().map(|batch| batch.digest));
            block = header.parent;
        }
        ordered
    }

    /// Everything that any uncommitted block orders.
    pub(crate) fn ordered(&self) -> BTreeSet<Hash> {
        let payloads = self.headers.values().flat_map(|header| &header.payload);
        payloads.map(|batch| batch.digest).collect()
    }

    /// Own batches that nobody orders may have been lost on the way; everybody gets them again.
    pub(crate) fn resend_batches(&mut self) {
        let due = self.batches_resent_ms.saturating_add(RESEND_BATCHES_MS);
        if self.now.uptime_ms < due {
            return;
        }
        self.batches_resent_ms = self.now.uptime_ms;
        let ordered = self.ordered();
        let old = self.now.wall.0.saturating_sub(RESEND_BATCHES_MS);
        let lost: Vec<SignedBatch> = self
            .batches
            .waiting()
            .filter(|batch| batch.batch.author == self.own && batch.batch.sequence <= old)
            .filter(|batch| !ordered.contains(&batch.digest()))
            .take(RESEND_BATCHES_MAX)
            .scan(0, |bytes, batch| {
                *bytes += batch.encoded_length();
                (*bytes <= limits::BLOCK_BYTES_MAX).then(|| (**batch).clone())
            })
            .collect();
        if !lost.is_empty() {
            self.actions.push(Action::Broadcast(Message::Batches(BatchList(lost))));
        }
    }
}
