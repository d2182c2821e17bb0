//! Byzantine validators beyond twins: a core that follows the protocol, whose messages are replaced on their way out.

mod forge;
mod propose;

use std::collections::BTreeMap;

use consensus::{Certificate, Message, Record, TimeoutReason};
use primitives::{
    CommitVote, Hash, Header, PrepareCertificate, PrepareVote, TimeoutCertificate, TimeoutVote,
    TimestampMs, ValidatorIndex, View, Vote,
};

use crate::chance::Chance;
use crate::payload::Payloads;
use crate::plan::Plan;
use crate::world::World;

pub use forge::Forgery;

macro_rules! attacks {
    ($($name:ident $sentence:literal)*) => {
        /// One way to break the protocol.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Attack {
            $(#[doc = $sentence] $name,)*
        }

        impl Attack {
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

attacks! {
    Equivocate "One proposal to some, another to the others."
    OneSide "A proposal to some only, and no commit for any."
    LateProposal "The proposal is kept for oneself."
    ForgeParent "A proposal on a made-up block, with a forged certificate."
    WrongParent "A proposal on a block that its certificate is not for."
    SkipViews "A proposal on an older block, without timeout certificates."
    ForgeTimeouts "A proposal on an older block, with forged timeout certificates."
    WrongHeight "A proposal whose height does not follow."
    Backdate "A proposal that is not later than its parent."
    Postdate "A proposal far ahead of the clocks."
    BadProposalSignature "A proposal with a broken signature."
    BatchTwice "A proposal that names a batch twice."
    Withhold "A proposal whose payload only some get."
    SpoilPayload "A proposal with an invalid payload."
    Usurp "A proposal in a view that somebody else leads."
    WrongResult "Commit votes over made-up results."
    GarbageVotes "Votes with broken signatures."
    DoubleVotes "Two different votes of each kind, each to some."
    Impersonate "Votes that name other signers."
    CommitAndTimeout "Timeout in each view that it commits in."
    FutureVotes "Votes for many views to come."
    MuteVotes "No votes at all."
    VotesToOne "Votes to one validator only."
    ForgeCertificates "Forged certificates, unasked."
    FalseReasons "Timeouts that blame each leader for silence, at the beginning of each view and later."
}

impl Attack {
    /// Those that honest validators see at once, so that the view costs no timer.
    pub const REFUSED: &[Self] = &[
        Self::ForgeParent,
        Self::WrongParent,
        Self::SkipViews,
        Self::WrongHeight,
        Self::Backdate,
        Self::BatchTwice,
        Self::SpoilPayload,
    ];
}

/// Everybody.
pub const EVERYBODY: u128 = u128::MAX;

/// What a Byzantine validator knows and does.
#[derive(Debug)]
pub struct Actor {
    own: ValidatorIndex,
    attacks: Vec<Attack>,
    /// Of 1,000 occasions, how many are taken.
    of_1000: u64,
    headers: BTreeMap<Hash, Header>,
    prepares: BTreeMap<View, PrepareCertificate>,
    timeouts: BTreeMap<View, TimeoutCertificate>,
}

/// What surrounds an actor.
#[derive(Debug)]
pub struct Surroundings<'a> {
    pub world: &'a World,
    pub chance: &'a mut Chance,
    pub payloads: &'a mut Payloads,
    pub wall: TimestampMs,
}

/// Messages, and to whom each goes: a bit for each validator.
pub type Outgoing = Vec<(u128, Message)>;

impl Actor {
    pub fn new(own: ValidatorIndex, plan: &Plan, genesis: &Header) -> Self {
        let headers = BTreeMap::from([(genesis.hash(), genesis.clone())]);
        let (prepares, timeouts) = (BTreeMap::new(), BTreeMap::new());
        let (attacks, of_1000) = (plan.attacks.clone(), plan.attacks_of_1000);
        Self { own, attacks, of_1000, headers, prepares, timeouts }
    }

    /// What its own core writes, it may use.
    pub fn learn(&mut self, record: &Record) {
        match record {
            Record::Proposal(signed) => self.learn_header(&signed.header),
            Record::Certificate(certificate) => match &**certificate {
                Certificate::Prepare(one) => {
                    self.prepares.insert(one.view, one.clone());
                }
                Certificate::Timeout(one) => {
                    self.timeouts.insert(one.view, one.clone());
                }
                Certificate::Commit(_) => {}
            },
            Record::Vote(_) | Record::Evidence(_) | Record::Floor(_) => {}
        }
    }

    pub fn learn_header(&mut self, header: &Header) {
        self.headers.entry(header.hash()).or_insert_with(|| header.clone());
    }

    fn uses(&self, attack: Attack, chance: &mut Chance) -> bool {
        self.attacks.contains(&attack) && chance.happens(self.of_1000)
    }

    /// Its core says this: what it says instead.
    pub fn says(&mut self, around: &mut Surroundings<'_>, to: u128, message: Message) -> Outgoing {
        match message {
            Message::Proposal(proposal) => self.proposes(around, to, *proposal),
            Message::Vote(vote) => self.votes(around, to, vote, None),
            Message::Timeout { vote, reason, committed } => {
                self.votes(around, to, Vote::Timeout(vote), Some((reason, committed)))
            }
            other => vec![(to, other)],
        }
    }

    /// Its core enters a view: what it says unasked.
    pub fn enters(&mut self, around: &mut Surroundings<'_>, view: View, leads: bool) -> Outgoing {
        let mut outgoing = Vec::new();
        if !leads && self.uses(Attack::Usurp, around.chance) {
            outgoing.extend(self.proposal_out_of_turn(around, view));
        }
        if self.uses(Attack::ForgeCertificates, around.chance) {
            outgoing.push((random_side(around.chance), self.forged_certificate(around, view)));
        }
        if self.attacks.contains(&Attack::FalseReasons) {
            let key = around.world.key(self.own);
            let vote = TimeoutVote::new(&around.world.context, view, None, self.own, key);
            let (reason, committed) = (TimeoutReason::SilentLeader, View(0));
            outgoing.push((EVERYBODY, Message::Timeout { vote, reason, committed }));
        }
        if self.uses(Attack::FutureVotes, around.chance) {
            for ahead in 1..400 {
                let (view, key) = (View(view.0 + ahead), around.world.key(self.own));
                let vote = TimeoutVote::new(&around.world.context, view, None, self.own, key);
                let (reason, committed) = (TimeoutReason::NoProposal, View(0));
                outgoing.push((EVERYBODY, Message::Timeout { vote, reason, committed }));
            }
        }
        outgoing
    }

    fn votes(
        &mut self,
        around: &mut Surroundings<'_>,
        to: u128,
        vote: Vote,
        hint: Option<(TimeoutReason, View)>,
    ) -> Outgoing {
        let message = |vote: Vote| match (vote, hint) {
            (Vote::Timeout(vote), hint) => {
                let (reason, committed) = hint.unwrap_or((TimeoutReason::NoProposal, View(0)));
                let lies = self.attacks.contains(&Attack::FalseReasons);
                let reason = if lies { TimeoutReason::SilentLeader } else { reason };
                Message::Timeout { vote, reason, committed }
            }
            (vote, _) => Message::Vote(vote),
        };
        let one_sided = self.attacks.contains(&Attack::OneSide) && matches!(vote, Vote::Commit(_));
        if one_sided || self.uses(Attack::MuteVotes, around.chance) {
            return Vec::new();
        }
        let mut outgoing = Vec::new();
        if self.uses(Attack::Impersonate, around.chance) {
            let count = around.world.validators.len() as u64;
            let other = u16::try_from(around.chance.below(count)).unwrap_or(0);
            outgoing.push((to, message(with_signer(vote, ValidatorIndex(other)))));
        }
        if self.uses(Attack::CommitAndTimeout, around.chance)
            && let Vote::Commit(commit) = &vote
        {
            let (context, key) = (&around.world.context, around.world.key(self.own));
            let timeout = TimeoutVote::new(context, commit.view, None, self.own, key);
            outgoing.push((to, message(Vote::Timeout(timeout))));
        }
        if self.uses(Attack::DoubleVotes, around.chance) {
            let some = random_side(around.chance);
            outgoing.push((to & some, message(self.other(around, &vote))));
            outgoing.push((to & !some, message(vote)));
            return outgoing;
        }
        let vote = match vote {
            Vote::Commit(_) if self.uses(Attack::WrongResult, around.chance) => {
                self.other(around, &vote)
            }
            vote if self.uses(Attack::GarbageVotes, around.chance) => broken(vote),
            vote => vote,
        };
        let to = if self.uses(Attack::VotesToOne, around.chance) {
            1 << around.chance.index(around.world.validators.len())
        } else {
            to
        };
        outgoing.push((to, message(vote)));
        outgoing
    }

    /// A well-signed vote of the same kind and view that says something else.
    fn other(&self, around: &mut Surroundings<'_>, vote: &Vote) -> Vote {
        let (context, key) = (&around.world.context, around.world.key(self.own));
        let made_up = Hash([around.chance.below(4).to_le_bytes()[0]; 32]);
        match vote {
            Vote::Prepare(one) => {
                let in_view = |header: &&Header| header.view == one.view;
                let known = self.headers.values().find(in_view).map_or(made_up, Header::hash);
                Vote::Prepare(PrepareVote::new(context, one.view, known, self.own, key))
            }
            Vote::Commit(one) => {
                let result = primitives::ExecutionResult { state_root: made_up, ..one.result };
                Vote::Commit(CommitVote::new(context, one.view, one.block, result, self.own, key))
            }
            Vote::Timeout(one) => {
                let stated = one.prepared.is_none().then_some(made_up);
                Vote::Timeout(TimeoutVote::new(context, one.view, stated, self.own, key))
            }
        }
    }
}

/// Each validator with one half of chance.
fn random_side(chance: &mut Chance) -> u128 {
    u128::from(chance.below(u64::MAX)) | (u128::from(chance.below(u64::MAX)) << 64)
}

fn with_signer(mut vote: Vote, other: ValidatorIndex) -> Vote {
    match &mut vote {
        Vote::Prepare(vote) => vote.signer = other,
        Vote::Commit(vote) => vote.signer = other,
        Vote::Timeout(vote) => vote.signer = other,
    }
    vote
}

fn broken(mut vote: Vote) -> Vote {
    let signature = match &mut vote {
        Vote::Prepare(vote) => &mut vote.signature,
        Vote::Commit(vote) => &mut vote.signature,
        Vote::Timeout(vote) => &mut vote.signature,
    };
    if let Some(byte) = signature.0.first_mut() {
        *byte ^= 1;
    }
    vote
}
