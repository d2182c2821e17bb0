//! Sends certificates that prove nothing (forged, padded, short, unordered, stale), alone and as the justification of
//! its proposals.

use std::collections::VecDeque;

use consensus::Certificate;
use primitives::certificate::ParentCertificate;
use primitives::{
    CommitCertificate, ExecutionResult, Hash, Height, PrepareCertificate, Proposal, Signature,
    Signatures, TimeoutCertificate, ValidatorIndex, View,
};
use replica::{Action, Message, Record};

use crate::attacker::Attack;
use crate::context::{Context, entered, garbage, invented, rewrite_consensus, send};

/// Genuine certificates that are kept, to be padded and to grow stale.
const KEPT: usize = 32;

#[derive(Debug, Default)]
pub struct CertificateForger {
    genuine: VecDeque<Certificate>,
    sent: u64,
}

/// Garbage in the names of a quorum.
fn nobodys(context: &Context, view: View) -> Vec<(ValidatorIndex, Signature)> {
    let signers = context.validators.indices().take(context.validators.quorum());
    signers.map(|signer| (signer, garbage(view, u64::from(signer.0)))).collect()
}

fn forged(context: &Context, view: View, number: u64) -> Certificate {
    let (epoch, block) = (context.signing.epoch, invented(view, number));
    let signatures = nobodys(context, view);
    match number % 3 {
        0 => {
            let signatures = Signatures(signatures);
            Certificate::Prepare(PrepareCertificate { epoch, view, block, signatures })
        }
        1 => {
            let result = ExecutionResult {
                height: Height(view.0),
                state_root: block,
                receipts_root: Hash::ZERO,
                next_validators: context.validators.hash(),
            };
            let signatures = Signatures(signatures);
            Certificate::Commit(CommitCertificate { epoch, view, block, result, signatures })
        }
        _ => {
            let none = |(signer, signature)| (signer, None, signature);
            let signatures = signatures.into_iter().map(none).collect();
            Certificate::Timeout(TimeoutCertificate { epoch, view, signatures })
        }
    }
}

/// A genuine list made wrong in one way: padded, short, unordered, or with a stranger's name.
fn spoil<T: Clone>(list: &mut Vec<T>, number: u64, rename: impl Fn(&mut T)) {
    match number % 4 {
        0 => list.extend(list.last().cloned()),
        1 => drop(list.pop()),
        2 => list.reverse(),
        _ => list.iter_mut().for_each(rename),
    }
}

fn spoilt(mut certificate: Certificate, number: u64) -> Certificate {
    let stranger = |signer: &mut ValidatorIndex| signer.0 = signer.0.wrapping_add(1_000);
    match &mut certificate {
        Certificate::Prepare(PrepareCertificate { signatures, .. })
        | Certificate::Commit(CommitCertificate { signatures, .. }) => {
            spoil(&mut signatures.0, number, |(signer, _)| stranger(signer));
        }
        Certificate::Timeout(one) => {
            spoil(&mut one.signatures, number, |(signer, _, _)| stranger(signer));
        }
    }
    certificate
}

impl CertificateForger {
    fn learn(&mut self, actions: &[Action]) {
        for action in actions {
            if let Action::Persist(Record::Consensus(consensus::Record::Certificate(one))) = action
            {
                self.genuine.push_back((**one).clone());
            }
        }
        while self.genuine.len() > KEPT {
            self.genuine.pop_front();
        }
    }

    /// What it shows when a view is entered: one forged, one spoilt, one stale.
    fn show(&mut self, context: &Context, view: View) -> Vec<Certificate> {
        self.sent += 1;
        let number = self.sent;
        let fresh = self.genuine.back().cloned().map(|one| spoilt(one, number));
        let ahead = View(view.0.saturating_add(number % 8));
        let stale = self.genuine.front().cloned();
        [Some(forged(context, ahead, number)), fresh, stale].into_iter().flatten().collect()
    }

    /// A proposal whose justification is wrong in another way each time; every fourth is left good.
    fn misjustify(&self, context: &Context, proposal: &mut Proposal) {
        let view = proposal.header.view;
        let justification = &mut proposal.justification;
        let stale = self.genuine.iter().find_map(|one| match one {
            Certificate::Prepare(one) => Some(one.clone()),
            Certificate::Commit(_) | Certificate::Timeout(_) => None,
        });
        match self.sent % 4 {
            0 => match &mut justification.parent {
                ParentCertificate::Genesis => {}
                ParentCertificate::Prepare(PrepareCertificate { signatures, .. })
                | ParentCertificate::Commit(CommitCertificate { signatures, .. }) => {
                    signatures.0 = nobodys(context, view);
                }
            },
            1 => {
                if let (ParentCertificate::Prepare(parent), Some(stale)) =
                    (&mut justification.parent, stale)
                {
                    *parent = stale;
                }
            }
            2 => {
                if let Certificate::Timeout(extra) = forged(context, view, 2) {
                    justification.timeouts.push(extra);
                }
            }
            _ => {}
        }
    }
}

impl Attack for CertificateForger {
    fn act(&mut self, context: &Context, actions: Vec<Action>) -> Vec<Action> {
        self.learn(&actions);
        let views = entered(&actions);
        let mut actions = rewrite_consensus(context, actions, |to, mut message| {
            if let consensus::Message::Proposal(proposal) = &mut message {
                self.misjustify(context, proposal);
            }
            send(to, &Message::Consensus(message))
        });
        for view in views {
            for one in self.show(context, view) {
                let message = consensus::Message::Certificate(Box::new(one));
                actions.extend(send(&context.victims(), &Message::Consensus(message)));
            }
        }
        actions
    }
}
