//! Ranges of committed blocks: asking for them, checking them, and handing them to consensus in order.

use consensus::Input;
use primitives::{
    Header, Height, SignedBatch, SigningContext, ValidatorIndex, ValidatorSet, codec,
};

use crate::action::Action;
use crate::catch_up::Answer;
use crate::message::{Message, Range, SnapshotRequest, SyncBlocks};
use crate::replica::Replica;

impl SyncBlocks {
    /// The first block's height; none when there is no block.
    pub fn first_height(&self) -> Option<Height> {
        self.blocks.first().map(|(header, _)| header.height)
    }

    /// The last block's height.
    pub fn last_height(&self) -> Height {
        self.blocks.last().map_or(Height::ZERO, |(header, _)| header.height)
    }

    /// Whether these are blocks of the chain: each has its batches and stands on the one before, and a quorum has
    /// committed the last, or the last above. The batches' signatures need no check: an honest validator of that quorum
    /// has checked them.
    pub fn is_proven(&self, context: &SigningContext, validators: &ValidatorSet) -> bool {
        let whole = self.blocks.iter().all(|(header, batches)| {
            header.payload.iter().copied().eq(batches.iter().map(SignedBatch::reference))
        });
        let headers: Vec<&Header> =
            self.blocks.iter().map(|(header, _)| header).chain(&self.above).collect();
        let linked = headers.windows(2).all(|pair| match pair {
            [below, above] => above.parent == below.hash() && above.height == below.height.next(),
            _ => false,
        });
        let tip = headers.last().map(|tip| tip.hash());
        whole
            && linked
            && tip == Some(self.certificate.block)
            && self.certificate.verify(context, validators).is_ok()
    }
}

impl Replica {
    /// Asks for blocks that others have committed and that are missing here.
    pub(crate) fn ask_for_ranges(&mut self) {
        let now_ms = self.now.uptime_ms;
        for request in self.catch_up.ask(now_ms, self.head.height, &self.connected) {
            let message = Message::SyncRequest(request.range);
            self.actions.push(Action::Send { to: request.to, message });
        }
    }

    /// Has a range read and sent; or says that it is not here.
    pub(crate) fn on_sync_request(&mut self, from: ValidatorIndex, range: Range) {
        let (first, floor) = (range.first, self.state.floor());
        if (floor..=self.durable).contains(&first) && first <= range.last {
            self.actions.push(Action::ServeSync { to: from, range });
        } else {
            let message = Message::SyncNothing { first, floor };
            self.actions.push(Action::Send { to: from, message });
        }
    }

    pub(crate) fn on_sync_nothing(&mut self, from: ValidatorIndex, first: Height, floor: Height) {
        self.catch_up.answered(from, Answer::Nothing { first, floor });
        let faulty_max = self.validators.faulty_max();
        if let Some(floor) = self.catch_up.pruned(self.head.height, &self.connected, faulty_max) {
            self.actions.push(Action::NeedsSnapshot { floor });
        }
    }

    /// Has a snapshot looked into, for a validator that is far behind.
    pub(crate) fn on_snapshot_request(&mut self, from: ValidatorIndex, request: SnapshotRequest) {
        if request.is_sound() {
            self.actions.push(Action::ServeSnapshot { to: from, request });
        } else {
            let what = "a request for what no snapshot has";
            self.step(Input::Misbehaved { peer: from, what });
        }
    }

    pub(crate) fn on_sync(&mut self, from: ValidatorIndex, blocks: SyncBlocks) {
        if !self.catch_up.is_asked(from, blocks.first_height()) {
            return;
        }
        let context = SigningContext { chain: self.chain, epoch: blocks.certificate.epoch };
        if blocks.is_proven(&context, &self.validators) {
            let bytes = codec::encode(&blocks).len();
            self.catch_up.answered(from, Answer::Proven(blocks, bytes));
        } else if self.catch_up.answered(from, Answer::Lie) {
            let what = "a catch-up answer that does not hold together";
            self.step(Input::Misbehaved { peer: from, what });
        }
        self.apply_range();
    }

    /// Hands consensus the range that follows the head, if it is here. Its blocks are final, so that no vote of this
    /// validator has to cover their batches: these stay out of the vote log.
    pub(crate) fn apply_range(&mut self) {
        let head = self.head.height;
        let Some(range) = self.catch_up.next(self.now.uptime_ms, head) else { return };
        let SyncBlocks { blocks, certificate, .. } = range;
        let mut headers = Vec::with_capacity(blocks.len());
        for (header, batches) in blocks.into_iter().filter(|(header, _)| header.height > head) {
            for batch in batches {
                let digest = batch.digest();
                self.logged.insert(digest);
                self.batches.insert(digest, batch, true);
                self.arrived(&digest);
            }
            headers.push(header);
        }
        self.step(Input::Chain { headers, certificate });
    }
}
