//! Answers whoever has fallen behind with lies: altered blocks, other blocks, half of them, or nothing.

use std::collections::VecDeque;

use primitives::{CommitCertificate, Header, Height, SignedBatch};
use replica::{Action, BatchList, Event, Message, SyncBlocks};

use crate::attacker::Attack;
use crate::context::{Context, rewrite, send};

/// Committed blocks that are kept to lie with.
const KEPT: usize = 64;

#[derive(Debug, Default)]
pub struct LyingSyncPeer {
    blocks: VecDeque<(Header, Vec<SignedBatch>)>,
    /// Of the last of them.
    certificate: Option<CommitCertificate>,
    asked: u64,
}

impl LyingSyncPeer {
    /// The answer to a request for blocks from a height on; another lie each time.
    fn lie(&mut self, first: Height) -> Option<Message> {
        self.asked += 1;
        let certificate = self.certificate.clone()?;
        let wanted = self.blocks.iter().filter(|(header, _)| header.height >= first).cloned();
        let mut blocks: Vec<_> = wanted.collect();
        match self.asked % 5 {
            // A block of its own making in the middle.
            0 => {
                let middle = blocks.len() / 2;
                let (header, _) = blocks.get_mut(middle)?;
                header.timestamp = header.timestamp.plus(1);
            }
            // Half of what the certificate speaks of.
            1 => blocks.truncate(blocks.len() / 2),
            // The blocks without what is in them.
            2 => blocks.iter_mut().for_each(|(_, batches)| batches.clear()),
            // The end without the beginning.
            3 => drop(blocks.drain(..blocks.len() / 2)),
            _ => return None,
        }
        Some(Message::Sync(Box::new(SyncBlocks { blocks, above: Vec::new(), certificate })))
    }
}

impl Attack for LyingSyncPeer {
    fn see(&mut self, _: &Context, event: &Event) {
        let Event::Committed { blocks } = event else { return };
        for block in blocks {
            let batches = block.batches.iter().map(|batch| (**batch).clone()).collect();
            self.blocks.push_back((block.header.clone(), batches));
        }
        while self.blocks.len() > KEPT {
            self.blocks.pop_front();
        }
    }

    fn act(&mut self, context: &Context, actions: Vec<Action>) -> Vec<Action> {
        let mut lies = Vec::with_capacity(actions.len());
        for action in actions {
            match action {
                Action::ServeSync { to, range } => {
                    lies.extend(self.lie(range.first).map(|message| Action::Send { to, message }));
                }
                Action::Commit { blocks, certificate } => {
                    self.certificate = Some(certificate.clone());
                    lies.push(Action::Commit { blocks, certificate });
                }
                other => lies.push(other),
            }
        }
        rewrite(context, lies, |to, message| match message {
            Message::Batches(BatchList(mut batches)) if to.len() == 1 => {
                batches.truncate(batches.len() / 2);
                send(to, &Message::Batches(BatchList(batches)))
            }
            Message::Consensus(consensus::Message::Block { mut header, signature }) => {
                header.timestamp = header.timestamp.plus(1);
                let block = consensus::Message::Block { header, signature };
                send(to, &Message::Consensus(block))
            }
            other => send(to, &other),
        })
    }
}
