//! A block that an honest validator prepares may stand where it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use consensus::Certificate;
use primitives::certificate::ParentCertificate;
use primitives::{BatchRef, Domain, Hash, Header, PrepareVote, Proposal, View};

use crate::oracle::certificates::{Certificates, is_valid};
use crate::oracle::{Verdict, violation};
use crate::payload::ordered;
use crate::world::{CLOCK_DRIFT_MS, World};

/// Below this view validators take turns, whatever was committed; above it the schedule may demote.
fn plain_rotation_until(world: &World) -> u64 {
    16 * world.validators.len() as u64
}

/// All proposals that were sent, by anybody.
#[derive(Debug)]
pub struct Proposals {
    world: Rc<World>,
    sent: BTreeMap<Hash, Sent>,
}

#[derive(Debug)]
struct Sent {
    variants: Vec<Rc<consensus::Message>>,
    is_justified: bool,
}

/// What a validator knows at the moment at which it signs prepare.
#[derive(Clone, Copy, Debug)]
pub struct Standpoint {
    /// Its own clock.
    pub wall_ms: u64,
    pub holds_payload: bool,
    /// What it has committed.
    pub height: u64,
}

/// Blocks that may stand above the committed one.
const UNCOMMITTED_MAX: u64 = 16;

impl Proposals {
    pub fn new(world: Rc<World>) -> Self {
        Self { world, sent: BTreeMap::new() }
    }

    /// Somebody sends a proposal.
    pub fn sent(&mut self, message: &Rc<consensus::Message>) {
        let consensus::Message::Proposal(proposal) = &**message else { return };
        let sent = self
            .sent
            .entry(proposal.header.hash())
            .or_insert_with(|| Sent { variants: Vec::new(), is_justified: false });
        sent.variants.push(Rc::clone(message));
    }

    /// An honest validator signs this.
    pub fn prepared(
        &mut self,
        vote: &PrepareVote,
        standpoint: Standpoint,
        certificates: &Certificates,
    ) -> Verdict {
        let refuse = |what: &str| violation("justified prepare", format!("{vote:?}: {what}"));
        let Some(header) = self.header(&vote.block) else { return refuse("nobody proposed it") };
        if header.view != vote.view {
            return refuse("the block is of another view");
        }
        if !standpoint.holds_payload {
            return refuse("the payload is not held");
        }
        if header.height.0 > standpoint.height + UNCOMMITTED_MAX {
            let text = format!("{vote:?} at height {} over {}", header.height, standpoint.height);
            return violation("pipeline", text);
        }
        if header.timestamp.0 > standpoint.wall_ms + CLOCK_DRIFT_MS {
            return refuse("the timestamp is ahead of the clock");
        }
        if self.sent.get(&vote.block).is_some_and(|sent| sent.is_justified) {
            return Ok(());
        }
        match self.justified(&vote.block, certificates) {
            Ok(()) => {
                if let Some(sent) = self.sent.get_mut(&vote.block) {
                    sent.is_justified = true;
                }
                Ok(())
            }
            Err(what) => refuse(what),
        }
    }

    fn header(&self, block: &Hash) -> Option<&Header> {
        if *block == self.world.genesis_hash {
            return Some(&self.world.genesis);
        }
        self.proposals(block).next().map(|proposal| &proposal.header)
    }

    fn proposals(&self, block: &Hash) -> impl Iterator<Item = &Proposal> {
        let variants =
            self.sent.get(block).map(|sent| sent.variants.as_slice()).unwrap_or_default();
        variants.iter().filter_map(|message| match &**message {
            consensus::Message::Proposal(proposal) => Some(&**proposal),
            _ => None,
        })
    }

    /// Whether any proposal of the block was in order.
    fn justified(&self, block: &Hash, held: &Certificates) -> Result<(), &'static str> {
        let mut answer = Err("nobody proposed it");
        for proposal in self.proposals(block) {
            answer = self.is_in_order(proposal, held);
            if answer.is_ok() {
                break;
            }
        }
        answer
    }

    fn is_in_order(&self, proposal: &Proposal, held: &Certificates) -> Result<(), &'static str> {
        let (world, header) = (&self.world, &proposal.header);
        let rotates = header.view.0 < plain_rotation_until(world);
        if rotates && header.proposer != world.leader(header.view) {
            return Err("its proposer does not lead the view");
        }
        let bytes = world.context.bytes(Domain::ProposalSignature, header.view, &header.hash());
        let proposer = world.validators.get(header.proposer);
        if !proposer.is_some_and(|one| one.key.verifies(&bytes, &proposal.signature)) {
            return Err("it is not signed by its proposer");
        }
        let parent = self.header(&header.parent).ok_or("its parent was never proposed")?;
        if header.height.0 != parent.height.0 + 1 {
            return Err("its height does not follow its parent's");
        }
        if header.timestamp <= parent.timestamp {
            return Err("its timestamp is not later than its parent's");
        }
        let batches: Vec<BatchRef> = ordered(header).collect();
        if batches.iter().collect::<BTreeSet<_>>().len() != batches.len() {
            return Err("it names a batch twice");
        }
        self.is_justified(proposal, held)
    }

    /// A certificate that somebody honest holds need not come with the proposal in good order.
    fn is_justified(&self, proposal: &Proposal, held: &Certificates) -> Result<(), &'static str> {
        let (world, header) = (&self.world, &proposal.header);
        let proves = |one: &Certificate| held.is_held(one) || is_valid(world, one).is_ok();
        let (view, block, parent) = match &proposal.justification.parent {
            ParentCertificate::Genesis => (View(0), world.genesis_hash, None),
            ParentCertificate::Prepare(one) => {
                (one.view, one.block, Some(Certificate::Prepare(one.clone())))
            }
            ParentCertificate::Commit(one) => {
                (one.view, one.block, Some(Certificate::Commit(one.clone())))
            }
        };
        if !parent.is_none_or(|one| proves(&one)) {
            return Err("its parent's certificate is invalid");
        }
        if header.parent != block || header.parent_view != view {
            return Err("the certificate is not its parent's");
        }
        let timeouts = &proposal.justification.timeouts;
        if !timeouts.iter().map(|one| one.view.0).eq(view.0 + 1..header.view.0) {
            return Err("a skipped view lacks its timeout certificate");
        }
        if !timeouts.iter().all(|one| proves(&Certificate::Timeout(one.clone()))) {
            return Err("a timeout certificate is invalid");
        }
        Ok(())
    }
}
