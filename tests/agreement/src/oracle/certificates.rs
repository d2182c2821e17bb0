//! Certificates that an honest validator accepts, checked signature by signature, and what may not stand together.

use std::collections::BTreeMap;
use std::rc::Rc;

use consensus::{Certificate, Record};
use primitives::{
    CommitVote, Hash, PrepareVote, Signature, TimeoutVote, ValidatorIndex, View, Vote,
};

use crate::oracle::{Verdict, violation};
use crate::world::World;

/// What is certified of one view.
#[derive(Debug, Default)]
struct Certified {
    prepared: Option<Hash>,
    committed: Option<Hash>,
    timed_out: bool,
}

/// All certificates that honest validators hold.
#[derive(Debug)]
pub struct Certificates {
    world: Rc<World>,
    views: BTreeMap<View, Certified>,
}

impl Certificates {
    pub fn new(world: Rc<World>) -> Self {
        Self { world, views: BTreeMap::new() }
    }

    /// Whether some honest validator holds the certificate that this one only claims to be.
    pub fn is_held(&self, certificate: &Certificate) -> bool {
        let certified = self.views.get(&certificate.view());
        certified.is_some_and(|certified| match certificate {
            Certificate::Prepare(one) => certified.prepared == Some(one.block),
            Certificate::Commit(one) => certified.committed == Some(one.block),
            Certificate::Timeout(_) => certified.timed_out,
        })
    }

    /// An honest validator has a record on its disk.
    pub fn written(&mut self, record: &Record) -> Verdict {
        match record {
            Record::Certificate(certificate) => self.accepted(certificate),
            Record::Vote(_) | Record::Proposal(_) | Record::Evidence(_) | Record::Floor(_) => {
                Ok(())
            }
        }
    }

    /// An honest validator accepts a certificate.
    fn accepted(&mut self, certificate: &Certificate) -> Verdict {
        is_valid(&self.world, certificate)?;
        let view = certificate.view();
        let certified = self.views.entry(view).or_default();
        let agrees = match certificate {
            Certificate::Prepare(one) => {
                *certified.prepared.get_or_insert(one.block) == one.block
                    && certified.committed.is_none_or(|block| block == one.block)
            }
            Certificate::Commit(one) => {
                *certified.committed.get_or_insert(one.block) == one.block && !certified.timed_out
            }
            Certificate::Timeout(_) => {
                certified.timed_out = true;
                certified.committed.is_none()
            }
        };
        if agrees {
            return Ok(());
        }
        let text = format!("view {view} has {certificate:?} and {certified:?}");
        violation("exclusive certificates", text)
    }
}

/// Whether a quorum of distinct validators signed just this.
pub fn is_valid(world: &World, certificate: &Certificate) -> Verdict {
    let votes: Vec<Vote> = match certificate {
        Certificate::Prepare(one) => {
            let vote = |(signer, signature): &(ValidatorIndex, Signature)| {
                let (signer, signature) = (*signer, *signature);
                Vote::Prepare(PrepareVote {
                    epoch: one.epoch,
                    view: one.view,
                    block: one.block,
                    signer,
                    signature,
                })
            };
            one.signatures.0.iter().map(vote).collect()
        }
        Certificate::Commit(one) => {
            let vote = |(signer, signature): &(ValidatorIndex, Signature)| {
                let (signer, signature) = (*signer, *signature);
                Vote::Commit(CommitVote {
                    epoch: one.epoch,
                    view: one.view,
                    block: one.block,
                    result: one.result,
                    signer,
                    signature,
                })
            };
            one.signatures.0.iter().map(vote).collect()
        }
        Certificate::Timeout(one) => {
            let vote = |(signer, prepared, signature): &(_, _, _)| {
                let (signer, prepared, signature) = (*signer, *prepared, *signature);
                Vote::Timeout(TimeoutVote {
                    epoch: one.epoch,
                    view: one.view,
                    prepared,
                    signer,
                    signature,
                })
            };
            one.signatures.iter().map(vote).collect()
        }
    };
    let mut signers = 0u128;
    for vote in &votes {
        let bit = 1u128 << vote.signer().0.min(127);
        let is_good = vote.epoch() == world.context.epoch
            && signers & bit == 0
            && world.validators.get(vote.signer()).is_some_and(|validator| {
                validator.key.verifies(&vote.signing_bytes(&world.context), vote.signature())
            });
        if !is_good {
            let text = format!("{vote:?} does not count in {certificate:?}");
            return violation("certificates", text);
        }
        signers |= bit;
    }
    if votes.len() >= world.quorum() {
        return Ok(());
    }
    violation(
        "certificates",
        format!("{} of {} signed {certificate:?}", votes.len(), world.quorum()),
    )
}
