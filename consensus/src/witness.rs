//! Convicting: everything signed that arrives is compared with what the same validator signed in the same view.
//!
//! Compared are proposals and votes of the views above the committed one and of the [`REMEMBERED_VIEWS`] below it,
//! those inside certificates too, and in whichever order they come. A leader that shows each half another proposal is
//! found out as well: a block is fetched with its signature, and one that a timeout vote names is asked for.
//!
//! Not noticed are: pairs whose first half came before this validator's last start, pairs of older views or of views
//! more than one ahead, and a proposal that was refused for its justification or never came with its signature. A
//! validator elsewhere that notices tells everybody.

use std::collections::BTreeMap;

use primitives::certificate::ParentCertificate;
use primitives::{
    CommitCertificate, CommitVote, Hash, Justification, PrepareCertificate, PrepareVote,
    TimeoutCertificate, TimeoutVote, ValidatorIndex, View, Vote, limits,
};

use crate::core::Core;
use crate::effect::Effect;
use crate::evidence::{Evidence, SignedHeader};
use crate::message::{Certificate, Message};
use crate::record::Record;
use crate::round::Round;

/// Views whose votes are kept after they were left or committed: a vote that is later than that is rare.
pub const REMEMBERED_VIEWS: u64 = 8;

/// What came of an accusation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Convicted,
    /// Of this view of this validator there is evidence already, or of so many views that one more tells nothing.
    Known,
    /// A signature is not the accused's, or the two do not conflict.
    Unproven,
}

impl Core {
    /// Keeps and passes on a pair that convicts. Those who hear of it do the same, once.
    pub(crate) fn accuse(&mut self, evidence: Evidence) -> Verdict {
        let (culprit, view) = (evidence.culprit(), evidence.view());
        let against = self.evidence.range((culprit, View::ZERO)..=(culprit, View(u64::MAX)));
        if self.evidence.contains_key(&(culprit, view))
            || against.count() >= limits::EVIDENCE_PER_VALIDATOR_MAX
        {
            return Verdict::Known;
        }
        if !evidence.verify(&self.config.context, &self.config.validators) {
            return Verdict::Unproven;
        }
        self.persist(Record::Evidence(Box::new(evidence.clone())));
        self.effects.push(Effect::Evidence(evidence.clone()));
        self.broadcast(Message::Evidence(Box::new(evidence.clone())));
        self.evidence.insert((culprit, view), evidence);
        Verdict::Convicted
    }

    pub(crate) fn on_evidence(&mut self, from: ValidatorIndex, evidence: Evidence) {
        if evidence.epoch() == self.config.context.epoch
            && self.accuse(evidence) == Verdict::Unproven
        {
            self.misbehaviour(from, "evidence that convicts nobody");
        }
    }

    /// Everything that convicts, by culprit and view.
    pub fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        self.evidence.values()
    }

    /// Of views that are decided only who voted is kept, and only of the last.
    pub(crate) fn remember(&mut self, decided: BTreeMap<View, Round>) {
        for (view, round) in decided {
            let Round { proposal, prepares, commits, timeouts, .. } = round;
            let round = Round { proposal, prepares, commits, timeouts, ..Round::default() };
            self.past.insert(view, round);
        }
        let first = View((self.decided().0 + 1).saturating_sub(REMEMBERED_VIEWS));
        self.past = self.past.split_off(&first);
    }

    /// A vote of a decided view changes nothing any more; it may convict.
    pub(crate) fn add_late_vote(&mut self, vote: Vote) {
        if let Some(Err(evidence)) = self.past.get_mut(&vote.view()).map(|round| round.insert(vote))
        {
            self.accuse(*evidence);
        }
    }

    /// Another proposal than the one that came first in its view convicts its leader.
    pub(crate) fn compare_proposal(&mut self, second: SignedHeader) {
        let first = self.proposal(second.header.view);
        if let Some(first) = first.filter(|first| first.header != second.header).cloned() {
            self.accuse(Evidence::Proposals(first, second));
        }
    }

    /// The proposal that came first in a view, if that was not long ago.
    pub(crate) fn proposal(&self, view: View) -> Option<&SignedHeader> {
        let round = self.round(view).or_else(|| self.past.get(&view));
        round.and_then(|round| round.proposal.as_ref())
    }

    pub(crate) fn past_proposals(&self) -> impl Iterator<Item = &SignedHeader> {
        self.past.values().filter_map(|round| round.proposal.as_ref())
    }

    /// Somebody says that it prepared this block. If another one was proposed here, its leader has proposed two: the
    /// other half of the proof is asked for.
    pub(crate) fn ask_for_rival(&mut self, peer: ValidatorIndex, view: View, block: Hash) {
        let rivals = self.proposal(view).is_some_and(|signed| signed.header.hash() != block);
        if rivals && !self.evidence.contains_key(&(self.leader(view), view)) {
            self.send(peer, Message::BlockRequest { block });
        }
    }

    /// Looks for conflicts with the votes inside a certificate, which need not be verified for that: the accusation
    /// is. One that proves nothing ends the search, so that a forged certificate costs one check.
    pub(crate) fn compare(&mut self, certificate: &Certificate) {
        match certificate {
            Certificate::Prepare(one) => self.compare_votes(one.view, prepares(one)),
            Certificate::Commit(one) => self.compare_votes(one.view, commits(one)),
            Certificate::Timeout(one) => self.compare_votes(one.view, timeouts(one)),
        }
    }

    /// The same for all certificates of a proposal.
    pub(crate) fn compare_all(&mut self, justification: &Justification) {
        match &justification.parent {
            ParentCertificate::Genesis => {}
            ParentCertificate::Prepare(one) => self.compare_votes(one.view, prepares(one)),
            ParentCertificate::Commit(one) => self.compare_votes(one.view, commits(one)),
        }
        for one in &justification.timeouts {
            self.compare_votes(one.view, timeouts(one));
        }
    }

    fn compare_votes(&mut self, view: View, votes: impl Iterator<Item = Vote>) {
        let Some(round) = self.rounds.get(&view).or_else(|| self.past.get(&view)) else { return };
        let pairs: Vec<Evidence> = votes
            .filter_map(|vote| Some(Evidence::Votes(round.conflicting(&vote)?, vote)))
            .collect();
        for pair in pairs {
            if self.accuse(pair) == Verdict::Unproven {
                return;
            }
        }
    }

    /// Keeps the votes of a verified certificate, to compare later ones with.
    pub(crate) fn remember_votes(&mut self, certificate: &Certificate) {
        let view = certificate.view();
        if view <= self.decided() {
            return;
        }
        let round = self.round_mut(view);
        let votes: Box<dyn Iterator<Item = Vote>> = match certificate {
            Certificate::Prepare(one) => Box::new(prepares(one)),
            Certificate::Commit(one) => Box::new(commits(one)),
            Certificate::Timeout(one) => Box::new(timeouts(one)),
        };
        for vote in votes {
            round.insert_unchecked(vote);
        }
    }
}

/// The votes that a certificate is made of.
fn prepares(one: &PrepareCertificate) -> impl Iterator<Item = Vote> + '_ {
    let (epoch, view, block) = (one.epoch, one.view, one.block);
    one.signatures.0.iter().map(move |&(signer, signature)| {
        Vote::Prepare(PrepareVote { epoch, view, block, signer, signature })
    })
}

fn commits(one: &CommitCertificate) -> impl Iterator<Item = Vote> + '_ {
    let (epoch, view, block, result) = (one.epoch, one.view, one.block, one.result);
    one.signatures.0.iter().map(move |&(signer, signature)| {
        Vote::Commit(CommitVote { epoch, view, block, result, signer, signature })
    })
}

fn timeouts(one: &TimeoutCertificate) -> impl Iterator<Item = Vote> + '_ {
    let (epoch, view) = (one.epoch, one.view);
    one.signatures.iter().map(move |&(signer, prepared, signature)| {
        Vote::Timeout(TimeoutVote { epoch, view, prepared, signer, signature })
    })
}
