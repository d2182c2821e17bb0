//! Execute, Commit(b, v, result), and finality.

use primitives::{
    CommitCertificate, CommitVote, ExecutionResult, Hash, Header, Height, Vote, limits,
};

use crate::core::{Core, TARGETS_MAX};
use crate::effect::Effect;
use crate::message::Message;
use crate::record::Record;
use crate::recovery::Committed;
use crate::rules::Rule;
use crate::tree::{Execution, PayloadState};

/// From the committed block to one that is to be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Distance {
    Near,
    Far,
}

impl Core {
    /// Has every prepared block, and what a commit certificate waits for, executed on its parent's result.
    pub(crate) fn try_execute(&mut self) -> bool {
        for (tip, distance) in self.tips() {
            match self.next_to_execute(tip) {
                Ok(None) => {}
                Ok(Some(hash)) => {
                    if let Some(block) = self.tree.get_mut(&hash) {
                        block.execution = Execution::Asked;
                        let header = block.header.clone();
                        self.effects.push(Effect::Execute { header });
                        return true;
                    }
                }
                // What is further ahead than one range of catch-up is fetched by ranges and not block by block.
                Err(missing) => {
                    if distance == Distance::Near && self.want(missing) {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Prepared blocks, unless something far above them is committed, and those that commit certificates wait for.
    fn tips(&self) -> Vec<(Hash, Distance)> {
        let reach = Height(self.committed.header.height.0 + limits::SYNC_BLOCKS_MAX as u64);
        let is_near = |target: &CommitCertificate| target.result.height <= reach;
        let mut tips = Vec::new();
        if self.targets.values().all(is_near) {
            let prepared = self.rounds.values().filter_map(|round| round.prepared());
            tips.extend(prepared.map(|block| (block, Distance::Near)));
        }
        tips.extend(self.targets.values().map(|target| {
            (target.block, if is_near(target) { Distance::Near } else { Distance::Far })
        }));
        tips
    }

    /// The lowest block up to `tip` that can be executed now; or a missing ancestor.
    fn next_to_execute(&self, tip: Hash) -> Result<Option<Hash>, Hash> {
        for block in self.tree.chain(self.committed.hash, tip)? {
            match block.execution {
                Execution::Done(_) => {}
                Execution::Asked => return Ok(None),
                Execution::None if block.payload == PayloadState::Ready => {
                    return Ok(Some(block.header.hash()));
                }
                Execution::None => return Ok(None),
            }
        }
        Ok(None)
    }

    pub(crate) fn on_executed(&mut self, hash: Hash, result: ExecutionResult) {
        if let Some(block) = self.tree.get_mut(&hash) {
            block.execution = Execution::Done(result);
        }
    }

    pub(crate) fn result(&self, hash: &Hash) -> Option<ExecutionResult> {
        match self.tree.get(hash)?.execution {
            Execution::Done(result) => Some(result),
            Execution::None | Execution::Asked => None,
        }
    }

    /// Signs commit in every view whose prepared block is executed and that was not timed out here.
    pub(crate) fn try_commit(&mut self) -> bool {
        let next = self.rounds.iter().find_map(|(view, round)| {
            let block = round.prepared().filter(|_| round.signed.may_commit())?;
            self.may_sign(*view).then_some(())?;
            Some((*view, block, self.result(&block)?))
        });
        let Some((view, block, result)) = next else { return false };
        let vote = CommitVote::new(
            &self.config.context,
            view,
            block,
            result,
            self.own(),
            &self.config.key,
        );
        self.round_mut(view).signed.commit = Some(vote);
        self.persist(Record::Vote(Vote::Commit(vote)));
        self.broadcast(Message::Vote(Vote::Commit(vote)));
        self.add_vote(Vote::Commit(vote));
        true
    }

    /// Commits a certified block and all its ancestors, oldest first, once they are held and executed.
    pub(crate) fn try_finish(&mut self) -> bool {
        let next = self.targets.values().find_map(|certificate| {
            let chain = self.tree.chain(self.committed.hash, certificate.block).ok()?;
            let headers: Vec<_> = chain.into_iter().map(|block| block.header.clone()).collect();
            Some((certificate.clone(), headers, self.result(&certificate.block)?))
        });
        let Some((certificate, headers, result)) = next else { return false };
        let Some(tip) = headers.last().cloned() else { return false };
        if !Rule::SameResult.permits(result == certificate.result) {
            let reason = format!(
                "executing block {} at height {} gave {result:?} here, but a quorum certified {:?}; this node's \
                 state or binary differs from the other validators'. Do not restart it on this data: compare \
                 versions, then resync from the others with an empty data directory",
                certificate.block, tip.height, certificate.result,
            );
            self.effects.push(Effect::Stop { reason });
            self.targets.clear();
            return false;
        }
        let committed: Vec<Hash> = headers.iter().map(|header| header.hash()).collect();
        for header in &headers {
            self.schedule.committed(header);
        }
        let blocks = self.in_order(headers);
        self.effects.push(Effect::Commit { blocks, certificate: certificate.clone() });
        let (hash, view) = (certificate.block, tip.view);
        self.committed = Committed { header: tip, hash, certificate: Some(certificate) };
        self.pacemaker.committed();
        self.last_commit_ms = self.now.uptime_ms;
        self.targets = self.targets.split_off(&view.next());
        self.forget_decided();
        let discarded = self.tree.prune(hash, view, &committed);
        if !discarded.is_empty() {
            self.effects.push(Effect::Discard { blocks: discarded });
        }
        true
    }

    /// The order in which a certified chain is committed: oldest first, all of it, each once.
    fn in_order(&self, mut ascending: Vec<Header>) -> Vec<Header> {
        if !Rule::OldestFirst.holds() {
            ascending.reverse();
        }
        if !Rule::AllAncestors.holds() {
            ascending.drain(..ascending.len() - 1);
        }
        if !Rule::CommitOnce.holds() {
            ascending.insert(0, self.committed.header.clone());
        }
        ascending
    }

    /// Keeps a commit certificate until its block can be committed, and lets go of what it decides.
    ///
    /// A validator that is far behind hears of new blocks all the time. What it keeps of them must not grow: they come
    /// again by ranges, each when its turn has come. (Without a bound here, the work of one step grows with the
    /// distance, and a slow machine never catches up.)
    pub(crate) fn aim(&mut self, certificate: CommitCertificate) {
        self.targets.insert(certificate.view, certificate);
        if self.targets.len() > TARGETS_MAX
            && let Some(middle) = self.targets.keys().nth_back(1).copied()
        {
            self.targets.remove(&middle);
        }
        self.forget_decided();
        let root = self.committed.hash;
        if self.tree.chain(root, self.last_decided()).is_ok() {
            return;
        }
        let tips: Vec<Hash> = self.targets.values().map(|target| target.block).collect();
        let blocks = self.tree.trim(root, self.decided(), &tips);
        if !blocks.is_empty() {
            self.effects.push(Effect::Discard { blocks });
        }
    }

    /// Drops what only views up to the last decided one needed.
    pub(crate) fn forget_decided(&mut self) {
        let above = self.decided().next();
        let rounds = self.rounds.split_off(&above);
        let past = std::mem::replace(&mut self.rounds, rounds);
        self.remember(past);
        self.wanted.clear();
        if self.view < above {
            self.enter(above, false);
        }
    }
}
