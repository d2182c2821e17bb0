//! Oracles. They see what leaves a validator and what it commits, and share no code with what they judge.

use std::collections::{BTreeMap, BTreeSet};

use consensus::Message as Consensus;
use primitives::{ExecutionResult, Hash, Header, Receipt, Status, Vote};
use replica::Message;

/// Views with a conflicting pair after which a culprit must have been accused: the network may hide a few.
const CONVICTING_VIEWS: usize = 5;

/// What one validator was seen to sign in one view.
#[derive(Debug, Default)]
struct Signed {
    prepare: Option<Hash>,
    commit: Option<(Hash, ExecutionResult)>,
    timeout: Option<Option<Hash>>,
    proposal: Option<Hash>,
}

impl Signed {
    /// Adds a vote. False when it does not go with what was signed before.
    fn takes(&mut self, vote: &Vote) -> bool {
        match vote {
            Vote::Prepare(vote) => {
                self.timeout.is_none_or(|prepared| prepared == Some(vote.block))
                    && *self.prepare.get_or_insert(vote.block) == vote.block
            }
            Vote::Commit(vote) => {
                let statement = (vote.block, vote.result);
                self.timeout.is_none() && *self.commit.get_or_insert(statement) == statement
            }
            Vote::Timeout(vote) => {
                self.commit.is_none()
                    && self.prepare.is_none_or(|block| vote.prepared == Some(block))
                    && *self.timeout.get_or_insert(vote.prepared) == vote.prepared
            }
        }
    }

    fn takes_proposal(&mut self, block: Hash) -> bool {
        *self.proposal.get_or_insert(block) == block
    }
}

/// Everything that must never happen.
#[derive(Debug, Default)]
pub struct Checkers {
    /// The chain, as the first to commit each height had it.
    chain: Vec<(Hash, Header)>,
    results: BTreeMap<Hash, ExecutionResult>,
    /// Height reached by each instance.
    heights: BTreeMap<usize, u64>,
    executed: BTreeMap<usize, BTreeSet<Hash>>,
    signed: BTreeMap<(u16, u64), Signed>,
    timed_out: BTreeMap<u64, BTreeSet<u16>>,
    /// What those attackers were seen to sign whose pairs convict.
    lies: BTreeMap<(u16, u64), Signed>,
    /// By such an attacker, the views in which it signed a conflicting pair.
    conflicting: BTreeMap<u16, BTreeSet<u64>>,
    quorum: usize,
    /// The view of every honest proposal that orders something.
    proposals: BTreeMap<Hash, u64>,
    /// Culprit and view of everything that an honest validator gave evidence of.
    pub accused: BTreeSet<(u16, u64)>,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

type Verdict = Result<(), Violation>;

fn violation(text: String) -> Verdict {
    Err(Violation(text))
}

impl Checkers {
    pub fn new(genesis: Header, quorum: usize) -> Self {
        Self { chain: vec![(genesis.hash(), genesis)], quorum, ..Self::default() }
    }

    /// How far the chain has come.
    pub fn height(&self) -> u64 {
        self.chain.len() as u64 - 1
    }

    pub fn height_of(&self, instance: usize) -> u64 {
        self.heights.get(&instance).copied().unwrap_or(0)
    }

    pub fn is_executed_at(&self, instance: usize, transaction: &Hash) -> bool {
        self.executed.get(&instance).is_some_and(|executed| executed.contains(transaction))
    }

    /// Agreement, order, once-only: `instance` says that it has committed this block.
    pub fn committed(&mut self, instance: usize, header: &Header, receipts: &[Receipt]) -> Verdict {
        let height = self.heights.entry(instance).or_default();
        if header.height.0 != *height + 1 {
            return violation(format!(
                "instance {instance} commits height {} after {height}",
                header.height
            ));
        }
        *height += 1;
        let hash = header.hash();
        let position = usize::try_from(header.height.0).unwrap_or(usize::MAX);
        match self.chain.get(position) {
            Some((other, _)) if *other != hash => {
                return violation(format!(
                    "fork at height {}: instance {instance} commits {hash}, another {other}",
                    header.height
                ));
            }
            Some(_) => {}
            None => {
                if self.chain.last().map(|(parent, _)| *parent) != Some(header.parent) {
                    return violation(format!("block {hash} does not stand on the chain"));
                }
                self.chain.push((hash, header.clone()));
            }
        }
        if self.timed_out.get(&header.view.0).is_some_and(|voters| voters.len() >= self.quorum)
            && self.signed_commits(header.view.0, &hash) >= self.quorum
        {
            return violation(format!("view {} has both certificates", header.view));
        }
        let executed = self.executed.entry(instance).or_default();
        for receipt in receipts.iter().filter(|r| !matches!(r.status, Status::Rejected(_))) {
            if !executed.insert(receipt.transaction) {
                return violation(format!("transaction {} executed twice", receipt.transaction));
            }
        }
        Ok(())
    }

    /// The state after a block is the same everywhere.
    pub fn result(&mut self, instance: usize, block: Hash, result: ExecutionResult) -> Verdict {
        let first = *self.results.entry(block).or_insert(result);
        if first == result {
            return Ok(());
        }
        violation(format!(
            "instance {instance} executed {block} to {result:?}, another to {first:?}"
        ))
    }

    /// A restarted instance continues at the height that its store has.
    pub fn restarted(&mut self, instance: usize, height: u64) -> Verdict {
        let before = self.height_of(instance);
        if height < before {
            return violation(format!(
                "instance {instance} had committed {before} and restarts at {height}"
            ));
        }
        Ok(())
    }

    /// No honest validator signs a conflicting pair, over all restarts.
    pub fn voted(&mut self, vote: &Vote) -> Verdict {
        let (signer, view) = (vote.signer().0, vote.view().0);
        let signed = self.signed.entry((signer, view)).or_default();
        let mut fine = signed.takes(vote);
        if let Vote::Timeout(vote) = vote {
            // The honest also say nothing that they have not said before.
            fine &= signed.prepare == vote.prepared;
            self.timed_out.entry(view).or_default().insert(signer);
        }
        if fine { Ok(()) } else { violation(format!("{vote:?} conflicts with {signed:?}")) }
    }

    pub fn proposed(&mut self, header: &Header) -> Verdict {
        let hash = header.hash();
        if !header.payload.is_empty() {
            self.proposals.insert(hash, header.view.0);
        }
        let signed = self.signed.entry((header.proposer.0, header.view.0)).or_default();
        if signed.takes_proposal(hash) {
            return Ok(());
        }
        violation(format!("validator {} proposes twice in view {}", header.proposer, header.view))
    }

    /// An attacker whose pairs convict it sends this: the views in which it signs some are counted.
    pub fn culprit_said(&mut self, message: &Message) {
        let Message::Consensus(message) = message else { return };
        let (signer, view, fine) = match message {
            Consensus::Vote(vote) => {
                let (signer, view) = (vote.signer().0, vote.view().0);
                (signer, view, self.lies.entry((signer, view)).or_default().takes(vote))
            }
            Consensus::Timeout { vote, .. } => {
                let (signer, view) = (vote.signer.0, vote.view.0);
                let signed = self.lies.entry((signer, view)).or_default();
                (signer, view, signed.takes(&Vote::Timeout(*vote)))
            }
            Consensus::Proposal(proposal) => {
                let header = &proposal.header;
                let (signer, view) = (header.proposer.0, header.view.0);
                let signed = self.lies.entry((signer, view)).or_default();
                (signer, view, signed.takes_proposal(header.hash()))
            }
            _ => return,
        };
        if !fine {
            self.conflicting.entry(signer).or_default().insert(view);
        }
    }

    /// Whoever signed conflicting pairs in view after view was found out.
    pub fn all_convicted(&self) -> Verdict {
        for (culprit, views) in &self.conflicting {
            if views.len() >= CONVICTING_VIEWS && !self.convicted().contains(culprit) {
                return violation(format!(
                    "validator {culprit} signed conflicting pairs in {} views, and nobody accuses it",
                    views.len()
                ));
            }
        }
        Ok(())
    }

    /// Whom some honest validator has proof against.
    pub fn convicted(&self) -> BTreeSet<u16> {
        self.accused.iter().map(|(culprit, _)| *culprit).collect()
    }

    /// Honest proposals that order something and that the chain has passed by.
    pub fn orphaned(&self) -> usize {
        let end = self.chain.last().map_or(0, |(_, tip)| tip.view.0);
        let chain: BTreeSet<Hash> = self.chain.iter().map(|(hash, _)| *hash).collect();
        let passed = |(hash, view): &(&Hash, &u64)| **view < end && !chain.contains(*hash);
        self.proposals.iter().filter(passed).count()
    }

    fn signed_commits(&self, view: u64, block: &Hash) -> usize {
        let commits = self.signed.iter().filter(|((_, at), signed)| {
            *at == view && signed.commit.is_some_and(|(committed, _)| committed == *block)
        });
        commits.count()
    }
}
