//! Certificates that prove nothing.

use consensus::{Certificate, Message};
use primitives::{
    CommitCertificate, CommitVote, ExecutionResult, Hash, Height, PrepareCertificate, PrepareVote,
    Signature, Signatures, TimeoutCertificate, TimeoutVote, ValidatorIndex, View,
};

use crate::byzantine::{Actor, Surroundings};
use crate::chance::Chance;
use crate::world::World;

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// One signature, the own.
    Short,
    /// The own signature as often as a quorum asks.
    Repeated,
    /// A quorum of signers, whose signatures are garbage.
    Garbage,
}

impl Forgery {
    pub fn draw(chance: &mut Chance) -> Self {
        chance.pick(&[Self::Short, Self::Repeated, Self::Garbage]).unwrap_or(Self::Garbage)
    }

    /// The list of signers with their signatures, from the own valid one.
    fn signatures(
        self,
        world: &World,
        own: ValidatorIndex,
        valid: Signature,
    ) -> Vec<(ValidatorIndex, Signature)> {
        match self {
            Self::Short => vec![(own, valid)],
            Self::Repeated => vec![(own, valid); world.quorum()],
            Self::Garbage => {
                let sign = |signer: ValidatorIndex| {
                    (signer, if signer == own { valid } else { Signature([3; 64]) })
                };
                world.validators.indices().take(world.quorum()).map(sign).collect()
            }
        }
    }
}

pub fn prepare_certificate(
    world: &World,
    own: ValidatorIndex,
    view: View,
    block: Hash,
    forgery: Forgery,
) -> PrepareCertificate {
    let vote = PrepareVote::new(&world.context, view, block, own, world.key(own));
    let signatures = Signatures(forgery.signatures(world, own, vote.signature));
    PrepareCertificate { epoch: world.context.epoch, view, block, signatures }
}

pub fn timeout_certificate(
    world: &World,
    own: ValidatorIndex,
    view: View,
    forgery: Forgery,
) -> TimeoutCertificate {
    let vote = TimeoutVote::new(&world.context, view, None, own, world.key(own));
    let signatures = forgery.signatures(world, own, vote.signature);
    let signatures = signatures.into_iter().map(|(signer, one)| (signer, None, one)).collect();
    TimeoutCertificate { epoch: world.context.epoch, view, signatures }
}

pub fn commit_certificate(
    world: &World,
    own: ValidatorIndex,
    (view, block, height): (View, Hash, Height),
    forgery: Forgery,
) -> CommitCertificate {
    let result = ExecutionResult {
        height,
        state_root: Hash([5; 32]),
        receipts_root: Hash::ZERO,
        next_validators: Hash::ZERO,
    };
    let vote = CommitVote::new(&world.context, view, block, result, own, world.key(own));
    let signatures = Signatures(forgery.signatures(world, own, vote.signature));
    CommitCertificate { epoch: world.context.epoch, view, block, result, signatures }
}

impl Actor {
    pub(super) fn forged_certificate(&self, around: &mut Surroundings<'_>, view: View) -> Message {
        let (world, forgery) = (around.world, Forgery::draw(around.chance));
        let header = self.headers.values().find(|header| header.view == view);
        let (block, height) = header.map_or((Hash([6; 32]), Height(1)), |h| (h.hash(), h.height));
        let certificate = match around.chance.below(3) {
            0 => Certificate::Prepare(prepare_certificate(world, self.own, view, block, forgery)),
            1 => {
                let statement = (view, block, height);
                Certificate::Commit(commit_certificate(world, self.own, statement, forgery))
            }
            _ => Certificate::Timeout(timeout_certificate(world, self.own, view, forgery)),
        };
        Message::Certificate(Box::new(certificate))
    }
}
