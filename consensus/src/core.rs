//! The state machine: [`Core::step`] is the only match on events.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use primitives::{
    CommitCertificate, Hash, Header, SecretKey, SigningContext, ValidatorIndex, ValidatorSet, View,
    limits,
};

use crate::conduct::{Conduct, Cost};
use crate::effect::Effect;
use crate::evidence::Evidence;
use crate::input::{Input, Now};
use crate::leader::Schedule;
use crate::message::Message;
use crate::pacemaker::Pacemaker;
use crate::record::Record;
use crate::recovery::Committed;
use crate::rejoin::Floor;
use crate::round::Round;
use crate::rules::Rule;
use crate::status::TimedOut;
use crate::tree::{PayloadState, Tree};

/// What does not change within an epoch.
#[derive(Clone, Debug)]
pub struct Config {
    pub context: SigningContext,
    pub validators: ValidatorSet,
    pub own: ValidatorIndex,
    pub key: SecretKey,
    /// The genesis block's hash: the parent of the first block.
    pub genesis: Hash,
    /// How far a proposal's timestamp may be ahead of this validator's clock.
    pub clock_drift_ms: u64,
    /// Time between blocks of an idle chain.
    pub heartbeat_ms: u64,
}

/// When a validator was heard last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    pub(crate) uptime_ms: u64,
    /// [`Core::needed_ms`] at that time. Silence is measured by it: nobody speaks while nothing is to be done.
    pub(crate) needed_ms: u64,
}

/// One validator's part in agreement. Small parts are public to the crate: each file beside this one is one
/// concern of the same machine.
#[derive(Debug)]
pub struct Core {
    pub(crate) config: Config,
    pub(crate) committed: Committed,
    pub(crate) schedule: Schedule,
    pub(crate) floor: Floor,
    pub(crate) view: View,
    /// Views above the last decided one.
    pub(crate) rounds: BTreeMap<View, Round>,
    /// The last views at or below the decided one, for their votes and proposals only; see `witness.rs`.
    pub(crate) past: BTreeMap<View, Round>,
    pub(crate) tree: Tree,
    /// Commit certificates whose blocks are not committed here yet; see [`TARGETS_MAX`].
    pub(crate) targets: BTreeMap<View, CommitCertificate>,
    /// Blocks that a certificate names and that are not held.
    pub(crate) wanted: BTreeSet<Hash>,
    pub(crate) pacemaker: Pacemaker,
    pub(crate) work: bool,
    pub(crate) now: Now,
    pub(crate) entered_ms: u64,
    /// When the current view's proposal came.
    pub(crate) proposed_ms: Option<u64>,
    /// Since when something is to be ordered or finished; timers run only then.
    pub(crate) needed_since_ms: Option<u64>,
    /// For how long altogether, in milliseconds, something was to be done.
    pub(crate) needed_ms: u64,
    pub(crate) last_commit_ms: u64,
    pub(crate) last_resend_ms: u64,
    pub(crate) heard: BTreeMap<ValidatorIndex, Heard>,
    pub(crate) disconnected_ms: BTreeMap<ValidatorIndex, u64>,
    pub(crate) answered_ms: BTreeMap<ValidatorIndex, u64>,
    pub(crate) conduct: Conduct,
    pub(crate) evidence: BTreeMap<(ValidatorIndex, View), Evidence>,
    pub(crate) timed_out: VecDeque<TimedOut>,
    pub(crate) effects: Vec<Effect>,
}

impl Core {
    /// Takes one event and answers what is to be done, in order.
    pub fn step(&mut self, now: Now, input: Input) -> Vec<Effect> {
        if self.needed_since_ms.is_some() {
            self.needed_ms += now.uptime_ms.saturating_sub(self.now.uptime_ms);
        }
        self.now = now;
        match input {
            Input::Start => self.start(),
            Input::Message { from, message } => self.on_message(from, message),
            Input::Peer { peer, connected } => self.on_peer(peer, connected),
            Input::PayloadReady { block } => self.on_payload(block, PayloadState::Ready),
            Input::PayloadMissing { block, author } => {
                self.on_payload(block, PayloadState::Missing { author });
            }
            Input::PayloadInvalid { block } => self.on_payload(block, PayloadState::Invalid),
            Input::Executed { block, result } => self.on_executed(block, result),
            Input::Payload { view, payload } => self.on_built(view, payload),
            Input::Work(work) => self.work = work,
            Input::Chain { headers, certificate } => self.on_chain(headers, certificate),
            Input::Misbehaved { peer, what } => self.misbehaviour(peer, what),
            Input::Tick => {}
        }
        self.advance();
        if !Rule::PersistBeforeSend.holds() {
            self.effects.sort_by_key(|effect| matches!(effect, Effect::Persist(_)));
        }
        std::mem::take(&mut self.effects)
    }

    fn on_message(&mut self, from: ValidatorIndex, message: Message) {
        if self.config.validators.get(from).is_none() || from == self.config.own {
            return;
        }
        if !self.admits(from, Cost::of(&message)) {
            return;
        }
        let (uptime_ms, needed_ms) = (self.now.uptime_ms, self.needed_ms);
        self.heard.insert(from, Heard { uptime_ms, needed_ms });
        match message {
            Message::Proposal(proposal) => self.on_proposal(from, *proposal),
            Message::Vote(vote) if Rule::OwnVotes.permits(vote.signer() == from) => {
                self.add_vote(vote);
            }
            Message::Timeout { vote, reason, committed } if vote.signer == from => {
                self.on_timeout(from, vote, reason, committed);
            }
            Message::Vote(_) | Message::Timeout { .. } => {
                self.misbehaviour(from, "a vote of somebody else");
            }
            Message::Certificate(certificate) => self.on_certificate(from, *certificate),
            Message::CertificateRequest { from: first, to } => self.answer(from, first, to),
            Message::ViewRequest { nonce } => self.on_view_request(from, nonce),
            Message::ViewAnswer { nonce, certificate } => {
                self.on_view_answer(from, nonce, certificate.map(|one| *one));
            }
            Message::BlockRequest { block } => self.on_block_request(from, block),
            Message::Block { header, signature } => self.on_block(*header, signature),
            Message::Evidence(evidence) => self.on_evidence(from, *evidence),
        }
    }

    /// Does whatever the last event has made possible, until nothing more is.
    fn advance(&mut self) {
        while self.try_prepare()
            || self.try_execute()
            || self.try_commit()
            || self.try_finish()
            || self.try_propose()
            || self.try_time_out()
        {}
        self.resend_when_stuck();
        self.ask_views();
    }

    pub(crate) fn own(&self) -> ValidatorIndex {
        self.config.own
    }

    pub(crate) fn leader(&self, view: View) -> ValidatorIndex {
        self.schedule.leader(view)
    }

    pub(crate) fn round(&self, view: View) -> Option<&Round> {
        self.rounds.get(&view)
    }

    /// The last view that a commit certificate decides, whether its blocks are committed here or not. A vote in a view
    /// up to it changes nothing any more, so that nothing is signed there, and its flags may be forgotten.
    pub(crate) fn decided(&self) -> View {
        self.targets.keys().next_back().map_or(self.committed.view(), |view| *view)
    }

    /// The commit certificate of the last decided view; none before the first.
    pub(crate) fn last_certificate(&self) -> Option<&CommitCertificate> {
        self.targets.values().next_back().or(self.committed.certificate.as_ref())
    }

    /// The block of the last decided view.
    pub(crate) fn last_decided(&self) -> Hash {
        self.targets.values().next_back().map_or(self.committed.hash, |target| target.block)
    }

    /// The round of a view above the last decided one.
    pub(crate) fn round_mut(&mut self, view: View) -> &mut Round {
        assert!(view > self.decided(), "a round at or below the decided view");
        self.rounds.entry(view).or_default()
    }

    /// A block of the tree, or the last committed one.
    pub(crate) fn header(&self, hash: &Hash) -> Option<&Header> {
        if *hash == self.committed.hash {
            return Some(&self.committed.header);
        }
        self.tree.get(hash).map(|block| &block.header)
    }

    pub(crate) fn heartbeat_due(&self) -> bool {
        let due_ms = self.last_commit_ms.saturating_add(self.config.heartbeat_ms);
        Rule::Heartbeat.holds() && self.now.uptime_ms >= due_ms
    }

    /// Whether a payload waits above the last committed block.
    pub(crate) fn has_uncommitted_payload(&self) -> bool {
        self.tree.iter().any(|(_, block)| !block.header.payload.is_empty())
    }

    /// Whether something is to be ordered or finished.
    pub(crate) fn needs_progress(&self) -> bool {
        self.work
            || !self.targets.is_empty()
            || self.heartbeat_due()
            || self.round(self.view).is_some_and(|round| round.proposal.is_some())
            || self.has_uncommitted_payload()
    }

    /// How many blocks may stand above the committed one before everybody waits for a commit.
    pub(crate) fn is_within_pipeline(&self, header: &Header) -> bool {
        let above = header.height.saturating_sub(self.committed.header.height).0;
        Rule::Pipeline.permits(above <= limits::UNCOMMITTED_BLOCKS_MAX)
    }

    pub(crate) fn persist(&mut self, record: Record) {
        self.effects.push(Effect::Persist(record));
    }

    pub(crate) fn send(&mut self, to: ValidatorIndex, message: Message) {
        self.effects.push(Effect::Send { to, message });
    }

    pub(crate) fn broadcast(&mut self, message: Message) {
        self.effects.push(Effect::Broadcast(message));
    }

    /// Whether a message of this cost is taken from a validator now; counts it. Asked here of every message that is
    /// for consensus, and by whoever takes the others.
    pub fn admits(&mut self, from: ValidatorIndex, cost: Cost) -> bool {
        self.admits_many(from, cost, 1)
    }

    /// The same for so many of them at once; all or none.
    pub fn admits_many(&mut self, from: ValidatorIndex, cost: Cost, count: u64) -> bool {
        self.conduct.admits(self.now.uptime_ms, from, cost, count)
    }

    pub(crate) fn misbehaviour(&mut self, peer: ValidatorIndex, what: &'static str) {
        if self.conduct.punish(self.now.uptime_ms, peer, what) {
            self.effects.push(Effect::Misbehaviour { peer, what });
        }
    }
}

/// Commit certificates that wait for their blocks: the lowest, which can be finished first, and the highest, which
/// decides most.
pub(crate) const TARGETS_MAX: usize = 4;
