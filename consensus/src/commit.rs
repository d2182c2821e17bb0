//! Execute, Commit(b, v, result), and finality.

use primitives::{CommitVote, ExecutionResult, Hash, Header, View, Vote};

use crate::core::Core;
use crate::effect::Effect;
use crate::message::Message;
use crate::record::Record;
use crate::recovery::Committed;
use crate::rules::Rule;
use crate::tree::{Execution, PayloadState};

impl Core {
    /// Has every prepared block, and what a commit certificate waits for, executed on its parent's result.
    pub(crate) fn try_execute(&mut self) -> bool {
        let mut tips: Vec<Hash> =
            self.rounds.values().filter_map(|round| round.prepared()).collect();
        tips.extend(self.targets.values().map(|certificate| certificate.block));
        for tip in tips {
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
                Err(missing) => {
                    if self.want(missing) {
                        return true;
                    }
                }
            }
        }
        false
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
        self.forget_below();
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

    /// Drops what only views at or below the last committed one needed.
    fn forget_below(&mut self) {
        let above = View(self.committed.view().0 + 1);
        let rounds = self.rounds.split_off(&above);
        let past = std::mem::replace(&mut self.rounds, rounds);
        self.remember(past);
        self.targets = self.targets.split_off(&above);
        self.wanted.clear();
        if self.view < above {
            self.enter(above, false);
        }
    }
}
