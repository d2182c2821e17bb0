//! Four validators' keys, and everything that they could sign.
#![allow(dead_code, reason = "each test file uses its part")]

use primitives::certificate::ParentCertificate;
use primitives::codec::FormatVersion;
use primitives::{
    CommitCertificate, CommitVote, Epoch, ExecutionResult, Hash, Header, Height, Justification,
    PrepareCertificate, PrepareVote, Proposal, SecretKey, Signatures, SigningContext,
    TimeoutCertificate, TimeoutVote, TimestampMs, Validator, ValidatorIndex, ValidatorSet, View,
    Vote,
};
use quorate_consensus::leader::Schedule;
use quorate_consensus::{
    Certificate, Committed, Config, Core, Effect, Input, Memory, Message, Now, Record,
    TimeoutReason,
};

pub const START_MS: u64 = 1_000_000;

/// The keys of four validators, and what they can sign.
pub struct World {
    pub keys: Vec<SecretKey>,
    pub validators: ValidatorSet,
    pub context: SigningContext,
    pub genesis: Header,
}

impl World {
    pub fn new() -> Self {
        let keys: Vec<SecretKey> = (1..=4).map(|seed| SecretKey::from_seed([seed; 32])).collect();
        let validators = keys
            .iter()
            .enumerate()
            .map(|(number, key)| Validator { name: format!("v{number}"), key: key.public_key() });
        let chain = Hash([7; 32]);
        Self {
            validators: ValidatorSet::new(validators.collect()).unwrap(),
            context: SigningContext { chain, epoch: Epoch(0) },
            genesis: Header::genesis(chain, TimestampMs(1)),
            keys,
        }
    }

    pub fn core(&self, own: u16, memory: impl Into<Memory>) -> Core {
        self.core_with_heartbeat(own, memory, 1_000_000)
    }

    pub fn core_with_heartbeat(
        &self,
        own: u16,
        memory: impl Into<Memory>,
        heartbeat_ms: u64,
    ) -> Core {
        let config = Config {
            context: self.context,
            validators: self.validators.clone(),
            own: ValidatorIndex(own),
            key: self.keys[usize::from(own)].clone(),
            genesis: self.genesis.hash(),
            clock_drift_ms: 500,
            heartbeat_ms,
        };
        let (header, hash) = (self.genesis.clone(), self.genesis.hash());
        let committed = Committed { header, hash, certificate: None };
        Core::new(config, committed, Schedule::new(4), memory, at(0))
    }

    /// Validator 0 after it has executed the block of view 1, which all others but one prepared with it.
    pub fn executed(&self) -> (Core, Header, Vec<Effect>) {
        let block = self.block(1);
        let hash = block.hash();
        let mut core = self.core(0, Vec::new());
        let proposal = self.proposal(block.clone(), Vec::new());
        let mut effects = offer(&mut core, at(1), proposal, &block);
        for signer in [1, 2] {
            effects.extend(core.step(at(2), vote(self.prepare(signer, 1, hash))));
        }
        effects.extend(core.step(at(3), Input::Executed { block: hash, result: result() }));
        (core, block, effects)
    }

    pub fn leader(&self, view: u64) -> u16 {
        u16::try_from(view % 4).unwrap()
    }

    /// A block of the view's leader on the genesis block.
    pub fn block(&self, view: u64) -> Header {
        self.child(view, &self.genesis)
    }

    /// A block of the view's leader on a parent.
    pub fn child(&self, view: u64, parent: &Header) -> Header {
        Header {
            version: FormatVersion::V1,
            epoch: Epoch(0),
            view: View(view),
            height: parent.height.next(),
            parent: parent.hash(),
            parent_view: parent.view,
            payload: Vec::new(),
            timestamp: TimestampMs(START_MS).max(parent.timestamp.plus(1)),
            proposer: ValidatorIndex(self.leader(view)),
        }
    }

    pub fn proposal(&self, header: Header, timeouts: Vec<TimeoutCertificate>) -> Input {
        let parent = ParentCertificate::Genesis;
        self.justified(header, Justification { parent, timeouts })
    }

    pub fn justified(&self, header: Header, justification: Justification) -> Input {
        let from = header.proposer;
        let key = &self.keys[from.as_usize()];
        let proposal = Proposal::new(&self.context, header, justification, Vec::new(), key);
        Input::Message { from, message: Message::Proposal(Box::new(proposal)) }
    }

    pub fn prepare(&self, signer: u16, view: u64, block: Hash) -> Vote {
        let key = &self.keys[usize::from(signer)];
        let signer = ValidatorIndex(signer);
        Vote::Prepare(PrepareVote::new(&self.context, View(view), block, signer, key))
    }

    pub fn timeout(&self, signer: u16, view: u64) -> TimeoutVote {
        let key = &self.keys[usize::from(signer)];
        TimeoutVote::new(&self.context, View(view), None, ValidatorIndex(signer), key)
    }

    pub fn timeout_certificate(&self, view: u64, signers: &[u16]) -> TimeoutCertificate {
        let sign =
            |signer: &u16| (ValidatorIndex(*signer), None, self.timeout(*signer, view).signature);
        let signatures = signers.iter().map(sign).collect();
        TimeoutCertificate { epoch: Epoch(0), view: View(view), signatures }
    }

    pub fn prepare_certificate(
        &self,
        view: u64,
        block: Hash,
        signers: &[u16],
    ) -> PrepareCertificate {
        let sign = |signer: &u16| {
            (ValidatorIndex(*signer), *self.prepare(*signer, view, block).signature())
        };
        let signatures = Signatures(signers.iter().map(sign).collect());
        PrepareCertificate { epoch: Epoch(0), view: View(view), block, signatures }
    }

    pub fn commit(&self, signer: u16, view: u64, block: Hash, result: ExecutionResult) -> Vote {
        let key = &self.keys[usize::from(signer)];
        let signer = ValidatorIndex(signer);
        Vote::Commit(CommitVote::new(&self.context, View(view), block, result, signer, key))
    }

    pub fn commit_certificate(
        &self,
        view: u64,
        block: Hash,
        result: ExecutionResult,
        signers: &[u16],
    ) -> CommitCertificate {
        let sign = |signer: &u16| {
            (ValidatorIndex(*signer), *self.commit(*signer, view, block, result).signature())
        };
        let signatures = Signatures(signers.iter().map(sign).collect());
        CommitCertificate { epoch: Epoch(0), view: View(view), block, result, signatures }
    }
}

pub fn at(ms: u64) -> Now {
    Now { wall: TimestampMs(START_MS + ms), uptime_ms: ms }
}

pub fn vote(vote: Vote) -> Input {
    Input::Message { from: vote.signer(), message: Message::Vote(vote) }
}

pub fn certificate(from: u16, certificate: Certificate) -> Input {
    let message = Message::Certificate(Box::new(certificate));
    Input::Message { from: ValidatorIndex(from), message }
}

pub fn result() -> ExecutionResult {
    result_at(1)
}

pub fn result_at(height: u64) -> ExecutionResult {
    let root = Hash([9; 32]);
    ExecutionResult {
        height: Height(height),
        state_root: root,
        receipts_root: root,
        next_validators: root,
    }
}

/// The votes that leave, whichever way.
pub fn votes(effects: &[Effect]) -> Vec<Vote> {
    let message = |effect: &Effect| match effect {
        Effect::Broadcast(message) | Effect::Send { message, .. } => Some(message.clone()),
        _ => None,
    };
    let vote = |message| match message {
        Message::Vote(vote) => Some(vote),
        Message::Timeout { vote, .. } => Some(Vote::Timeout(vote)),
        _ => None,
    };
    effects.iter().filter_map(message).filter_map(vote).collect()
}

pub fn records(effects: &[Effect]) -> Vec<Record> {
    let record = |effect: &Effect| match effect {
        Effect::Persist(record) => Some(record.clone()),
        _ => None,
    };
    effects.iter().filter_map(record).collect()
}

/// Feeds a proposal and says that its payload is held.
pub fn offer(core: &mut Core, now: Now, proposal: Input, block: &Header) -> Vec<Effect> {
    let mut effects = core.step(now, proposal);
    effects.extend(core.step(now, Input::PayloadReady { block: block.hash() }));
    effects
}

/// A timeout vote as it travels.
pub fn gives_up(vote: TimeoutVote) -> Input {
    let (reason, committed) = (TimeoutReason::NoProposal, View(0));
    Input::Message { from: vote.signer, message: Message::Timeout { vote, reason, committed } }
}
