//! Shows what makes and carries certificates (votes, certificates, proposals) to one validator only, in each view
//! to another: that one moves on alone.

use primitives::View;
use replica::{Action, Message};

use crate::attacker::Attack;
use crate::context::{Context, rewrite_consensus, send};

#[derive(Debug)]
pub struct CertificateHoarder;

fn view(message: &consensus::Message) -> Option<View> {
    match message {
        consensus::Message::Proposal(proposal) => Some(proposal.header.view),
        consensus::Message::Vote(vote) => Some(vote.view()),
        consensus::Message::Timeout { vote, .. } => Some(vote.view),
        consensus::Message::Certificate(certificate) => Some(certificate.view()),
        consensus::Message::ViewAnswer { certificate, .. } => {
            certificate.as_ref().map(|certificate| certificate.view())
        }
        consensus::Message::CertificateRequest { .. }
        | consensus::Message::ViewRequest { .. }
        | consensus::Message::BlockRequest { .. }
        | consensus::Message::Block { .. }
        | consensus::Message::Evidence(_) => None,
    }
}

impl Attack for CertificateHoarder {
    fn act(&mut self, context: &Context, actions: Vec<Action>) -> Vec<Action> {
        rewrite_consensus(context, actions, |to, message| {
            let shown = view(&message);
            let sees = |one: &&_| match shown {
                Some(view) => {
                    context.favourite(view) == Some(**one) || context.attackers.contains(*one)
                }
                None => true,
            };
            let to: Vec<_> = to.iter().filter(sees).copied().collect();
            send(&to, &Message::Consensus(message))
        })
    }
}
