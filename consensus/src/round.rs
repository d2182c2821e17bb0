//! What is known of one view.

use std::collections::BTreeMap;

use primitives::{
    CommitVote, Hash, PrepareCertificate, PrepareVote, TimeoutCertificate, TimeoutVote,
    ValidatorIndex, Vote,
};

use crate::evidence::{Evidence, SignedHeader, conflict};
use crate::message::TimeoutReason;
use crate::safety::Signed;

/// One view above the last committed one. Votes are one slot per signer and kind, unverified until a quorum is
/// there; certificates are verified.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// The first proposal of the view's leader that was well signed.
    pub proposal: Option<SignedHeader>,
    /// Why that proposal cannot be prepared, if so.
    pub refused: Option<TimeoutReason>,
    pub prepares: BTreeMap<ValidatorIndex, PrepareVote>,
    pub commits: BTreeMap<ValidatorIndex, CommitVote>,
    pub timeouts: BTreeMap<ValidatorIndex, TimeoutVote>,
    pub reasons: BTreeMap<ValidatorIndex, TimeoutReason>,
    pub prepare_certificate: Option<PrepareCertificate>,
    pub timeout_certificate: Option<TimeoutCertificate>,
    pub signed: Signed,
    /// Whether the own leader has asked for a payload, or has proposed.
    pub payload_asked: bool,
}

impl Round {
    /// Keeps a vote unless its slot is taken. Answers the earlier vote that it conflicts with, if any.
    pub fn insert(&mut self, vote: Vote) -> Result<bool, Box<Evidence>> {
        if let Some(earlier) = self.conflicting(&vote) {
            return Err(Box::new(Evidence::Votes(earlier, vote)));
        }
        Ok(self.insert_unchecked(vote))
    }

    /// A vote of the same signer that is kept and conflicts with this one.
    pub fn conflicting(&self, vote: &Vote) -> Option<Vote> {
        let signer = vote.signer();
        let kept = [
            self.prepares.get(&signer).copied().map(Vote::Prepare),
            self.commits.get(&signer).copied().map(Vote::Commit),
            self.timeouts.get(&signer).copied().map(Vote::Timeout),
        ];
        kept.into_iter().flatten().find(|kept| conflict(kept, vote))
    }

    /// Keeps a vote unless its slot is taken; whether it was kept.
    pub fn insert_unchecked(&mut self, vote: Vote) -> bool {
        let signer = vote.signer();
        match vote {
            Vote::Prepare(vote) => insert_new(&mut self.prepares, signer, vote),
            Vote::Commit(vote) => insert_new(&mut self.commits, signer, vote),
            Vote::Timeout(vote) => insert_new(&mut self.timeouts, signer, vote),
        }
    }

    /// The block that a quorum prepared.
    pub fn prepared(&self) -> Option<Hash> {
        self.prepare_certificate.as_ref().map(|certificate| certificate.block)
    }
}

fn insert_new<V>(votes: &mut BTreeMap<ValidatorIndex, V>, signer: ValidatorIndex, vote: V) -> bool {
    if votes.contains_key(&signer) {
        return false;
    }
    votes.insert(signer, vote);
    true
}
