//! No honest validator signs a conflicting pair, over all its lives; nothing leaves before it is on disk; and a vote
//! is of the view where its signer stands.

use std::collections::{BTreeMap, BTreeSet};

use consensus::Record;
use primitives::{ExecutionResult, Hash, Header, ValidatorIndex, View, Vote};

use crate::oracle::{Verdict, violation};

/// What one validator was seen to sign in one view.
#[derive(Debug, Default)]
struct Signed {
    proposal: Option<Hash>,
    prepare: Option<Hash>,
    commit: Option<(Hash, ExecutionResult)>,
    timeout: Option<Option<Hash>>,
}

/// Everything that honest validators were seen to sign.
#[derive(Debug, Default)]
pub struct Signatures {
    signed: BTreeMap<(u16, u64), Signed>,
}

impl Signatures {
    /// An honest validator's vote leaves; `log` is what is synced on its disk.
    pub fn voted(&mut self, vote: &Vote, committed: View, log: &[Record]) -> Verdict {
        let (signer, view) = (vote.signer(), vote.view());
        let signed = self.signed.entry((signer.0, view.0)).or_default();
        let agrees = match vote {
            Vote::Prepare(vote) => {
                signed.timeout.is_none_or(|stated| stated == Some(vote.block))
                    && *signed.prepare.get_or_insert(vote.block) == vote.block
            }
            Vote::Commit(vote) => {
                let statement = (vote.block, vote.result);
                signed.timeout.is_none() && *signed.commit.get_or_insert(statement) == statement
            }
            Vote::Timeout(vote) => {
                signed.commit.is_none()
                    && signed.prepare.is_none_or(|prepared| vote.prepared == Some(prepared))
                    && *signed.timeout.get_or_insert(vote.prepared) == vote.prepared
            }
        };
        if !agrees {
            let text = format!("validator {signer} signs {vote:?} and had {signed:?}");
            return violation("conflicting pair", text);
        }
        let is_logged = |record: &Record| matches!(record, Record::Vote(one) if one == vote);
        if view > committed && !log.iter().rev().any(is_logged) {
            let text = format!("{vote:?} of validator {signer} leaves and is not on its disk");
            return violation("logged before sent", text);
        }
        Ok(())
    }

    /// An honest validator's proposal leaves.
    pub fn proposed(&mut self, header: &Header) -> Verdict {
        let (proposer, view) = (header.proposer, header.view);
        let signed = self.signed.entry((proposer.0, view.0)).or_default();
        let hash = header.hash();
        if *signed.proposal.get_or_insert(hash) == hash {
            return Ok(());
        }
        violation("conflicting pair", format!("validator {proposer} proposes twice in view {view}"))
    }

    /// An honest validator signs prepare or timeout while it stands in `current`. Commit may be signed later.
    pub fn signs(vote: &Vote, current: View) -> Verdict {
        if matches!(vote, Vote::Commit(_)) || vote.view() == current {
            return Ok(());
        }
        violation("own view", format!("{vote:?} is signed in view {current}"))
    }

    /// What a restarted core still knows, of what was on its disk. Of views that a commit certificate has decided it
    /// need not know what it signed there, if it stands above them.
    pub fn restored(log: &[Record], known: &[Record], committed: View, current: View) -> Verdict {
        let decisions = log.iter().filter(|one| is_commit_certificate(one));
        let decided = decisions.filter_map(Record::view).max().unwrap_or(committed);
        for record in log.iter().filter(|one| one.view().is_some_and(|view| view > committed)) {
            let (view, least) = match record {
                Record::Vote(vote) => (vote.view(), vote.view()),
                Record::Certificate(certificate) => (certificate.view(), certificate.view().next()),
                Record::Proposal(_) | Record::Evidence(_) | Record::Floor(_) => continue,
            };
            if current < least {
                let text = format!("restarted in view {current} with {record:?} on disk");
                return violation("remembered", text);
            }
            if view > decided && !known.contains(record) {
                return violation("remembered", format!("restarted without {record:?}"));
            }
        }
        Ok(())
    }
}

fn is_commit_certificate(record: &Record) -> bool {
    matches!(record, Record::Certificate(one) if matches!(**one, consensus::Certificate::Commit(_)))
}

/// The timeouts of its current view that one instance was sent.
#[derive(Debug, Default)]
pub struct Joining {
    view: View,
    heard: BTreeSet<ValidatorIndex>,
    signed: bool,
}

impl Joining {
    pub fn entered(&mut self, view: View) {
        *self = Self { view, heard: BTreeSet::new(), signed: false };
    }

    /// Whether the instance has given its view up itself.
    pub fn has_signed(&self) -> bool {
        self.signed
    }

    pub fn signed(&mut self, vote: &Vote) {
        if matches!(vote, Vote::Timeout(_)) && vote.view() == self.view {
            self.signed = true;
        }
    }

    /// A timeout was delivered and the core has dealt with it: f + 1 of the current view must be joined.
    pub fn delivered(&mut self, from: ValidatorIndex, view: View, faulty_max: usize) -> Verdict {
        if view != self.view {
            return Ok(());
        }
        self.heard.insert(from);
        if self.signed || self.heard.len() <= faulty_max {
            return Ok(());
        }
        let text = format!("{} timeouts of view {view} and none of its own", self.heard.len());
        violation("joined timeouts", text)
    }
}
