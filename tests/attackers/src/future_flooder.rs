//! Floods the others with signed messages for views that are far away, and with requests for everything.

use consensus::Message as Consensus;
use primitives::certificate::ParentCertificate;
use primitives::codec::FormatVersion;
use primitives::{Hash, Header, Height, Justification, Proposal, View};
use replica::{Action, Message, Range};

use crate::attacker::Attack;
use crate::context::{Context, entered, invented, send};

/// Messages to each validator for every view that is entered.
const BURST: u64 = 32;
/// How far away the last of them is.
const FAR: u64 = 1_000_000;

#[derive(Debug)]
pub struct FutureFlooder;

fn proposal(context: &Context, view: View) -> Message {
    let header = Header {
        version: FormatVersion::V1,
        epoch: context.signing.epoch,
        view,
        height: Height(view.0),
        parent: invented(view, 0),
        parent_view: View(view.0.saturating_sub(1)),
        payload: Vec::new(),
        timestamp: context.now.wall,
        proposer: context.own,
    };
    let justification = Justification { parent: ParentCertificate::Genesis, timeouts: Vec::new() };
    let proposal = Proposal::new(&context.signing, header, justification, Vec::new(), &context.key);
    Message::Consensus(Consensus::Proposal(Box::new(proposal)))
}

fn flood(context: &Context, view: View) -> Vec<Message> {
    let mut messages = vec![
        Message::Consensus(Consensus::CertificateRequest { from: View::ZERO, to: View(u64::MAX) }),
        Message::Consensus(Consensus::BlockRequest { block: invented(view, 0) }),
        Message::BatchRequest { digests: (0..64).map(|one| invented(view, one)).collect() },
        Message::SyncRequest(Range { first: Height(1), last: Height(u64::MAX) }),
    ];
    let count = context.validators.len() as u64;
    for number in 0..BURST.saturating_sub(4) {
        // Some are just beyond the next view, some are far away.
        let ahead = if number.is_multiple_of(4) { FAR + number } else { 2 + number };
        let there = View(view.0.saturating_add(ahead));
        let block: Hash = invented(there, number);
        messages.push(match number % 3 {
            0 => context.prepare(there, block),
            1 => context.timeout(there, Some(block)),
            // In a view that it leads.
            _ => proposal(context, View((there.0 / count) * count + u64::from(context.own.0))),
        });
    }
    messages
}

impl Attack for FutureFlooder {
    fn act(&mut self, context: &Context, mut actions: Vec<Action>) -> Vec<Action> {
        for view in entered(&actions) {
            for message in flood(context, view) {
                actions.extend(send(&context.victims(), &message));
            }
        }
        actions
    }
}
