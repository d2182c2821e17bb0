//! The rules of one validator, step by step. Named after the bugs of others where they guard against one.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper that fails fails its test"
)]

use primitives::certificate::ParentCertificate;
use primitives::codec::FormatVersion;
use primitives::{
    CommitVote, Epoch, ExecutionResult, Hash, Header, Height, Justification, PrepareCertificate,
    PrepareVote, Proposal, SecretKey, Signatures, SigningContext, TimeoutCertificate, TimeoutVote,
    TimestampMs, Validator, ValidatorIndex, ValidatorSet, View, Vote,
};

use quorate_consensus as consensus;
use quorate_consensus::leader::Schedule;
use quorate_consensus::{
    Certificate, Committed, Config, Core, Effect, Input, Message, Now, Payload, Record,
};

const START_MS: u64 = 1_000_000;

/// The keys of four validators, and what they can sign.
struct World {
    keys: Vec<SecretKey>,
    validators: ValidatorSet,
    context: SigningContext,
    genesis: Header,
}

impl World {
    fn new() -> Self {
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

    fn core(&self, own: u16, records: Vec<Record>) -> Core {
        let config = Config {
            context: self.context,
            validators: self.validators.clone(),
            own: ValidatorIndex(own),
            key: self.keys[usize::from(own)].clone(),
            genesis: self.genesis.hash(),
            clock_drift_ms: 500,
            heartbeat_ms: 1_000_000,
        };
        let (header, hash) = (self.genesis.clone(), self.genesis.hash());
        let committed = Committed { header, hash, certificate: None };
        Core::new(config, committed, Schedule::new(4), records, at(0))
    }

    fn leader(&self, view: u64) -> u16 {
        u16::try_from(view % 4).unwrap()
    }

    /// A block of the view's leader on the genesis block.
    fn block(&self, view: u64) -> Header {
        Header {
            version: FormatVersion::V1,
            epoch: Epoch(0),
            view: View(view),
            height: Height(1),
            parent: self.genesis.hash(),
            parent_view: View(0),
            payload: Vec::new(),
            timestamp: TimestampMs(START_MS),
            proposer: ValidatorIndex(self.leader(view)),
        }
    }

    fn proposal(&self, header: Header, timeouts: Vec<TimeoutCertificate>) -> Input {
        let from = header.proposer;
        let key = &self.keys[from.as_usize()];
        let justification = Justification { parent: ParentCertificate::Genesis, timeouts };
        let proposal = Proposal::new(&self.context, header, justification, Vec::new(), key);
        Input::Message { from, message: Message::Proposal(Box::new(proposal)) }
    }

    fn prepare(&self, signer: u16, view: u64, block: Hash) -> Vote {
        let key = &self.keys[usize::from(signer)];
        let signer = ValidatorIndex(signer);
        Vote::Prepare(PrepareVote::new(&self.context, View(view), block, signer, key))
    }

    fn timeout(&self, signer: u16, view: u64) -> TimeoutVote {
        let key = &self.keys[usize::from(signer)];
        TimeoutVote::new(&self.context, View(view), None, ValidatorIndex(signer), key)
    }

    fn timeout_certificate(&self, view: u64, signers: &[u16]) -> TimeoutCertificate {
        let sign =
            |signer: &u16| (ValidatorIndex(*signer), None, self.timeout(*signer, view).signature);
        let signatures = signers.iter().map(sign).collect();
        TimeoutCertificate { epoch: Epoch(0), view: View(view), signatures }
    }

    fn prepare_certificate(&self, view: u64, block: Hash, signers: &[u16]) -> PrepareCertificate {
        let sign = |signer: &u16| {
            (ValidatorIndex(*signer), *self.prepare(*signer, view, block).signature())
        };
        let signatures = Signatures(signers.iter().map(sign).collect());
        PrepareCertificate { epoch: Epoch(0), view: View(view), block, signatures }
    }
}

fn at(ms: u64) -> Now {
    Now { wall: TimestampMs(START_MS + ms), uptime_ms: ms }
}

fn vote(vote: Vote) -> Input {
    Input::Message { from: vote.signer(), message: Message::Vote(vote) }
}

fn certificate(from: u16, certificate: Certificate) -> Input {
    let message = Message::Certificate(Box::new(certificate));
    Input::Message { from: ValidatorIndex(from), message }
}

fn result() -> ExecutionResult {
    let root = Hash([9; 32]);
    ExecutionResult {
        height: Height(1),
        state_root: root,
        receipts_root: root,
        next_validators: root,
    }
}

/// The votes that leave, whichever way.
fn votes(effects: &[Effect]) -> Vec<Vote> {
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

fn records(effects: &[Effect]) -> Vec<Record> {
    let record = |effect: &Effect| match effect {
        Effect::Persist(record) => Some(record.clone()),
        _ => None,
    };
    effects.iter().filter_map(record).collect()
}

/// Feeds a proposal and says that its payload is held.
fn offer(core: &mut Core, now: Now, proposal: Input, block: &Header) -> Vec<Effect> {
    let mut effects = core.step(now, proposal);
    effects.extend(core.step(now, Input::PayloadReady { block: block.hash() }));
    effects
}

#[test]
fn a_vote_is_logged_before_it_leaves() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    let block = world.block(1);
    let effects = offer(&mut core, at(1), world.proposal(block.clone(), Vec::new()), &block);
    let own = votes(&effects)[0];
    assert!(matches!(own, Vote::Prepare(prepare) if prepare.block == block.hash()));
    let logged = |effect: &Effect| *effect == Effect::Persist(Record::Vote(own));
    let sent = |effect: &Effect| *effect == Effect::Broadcast(Message::Vote(own));
    let position = |test: &dyn Fn(&Effect) -> bool| effects.iter().position(test).unwrap();
    assert!(position(&logged) < position(&sent));
}

/// Zilliqa and hotstuff_rs 0.4 sent first; aptos-core#18298 could crash in between.
#[test]
fn a_restarted_validator_repeats_its_vote_and_makes_no_other() {
    let world = World::new();
    let block = world.block(1);
    let mut core = world.core(0, Vec::new());
    let effects = offer(&mut core, at(1), world.proposal(block.clone(), Vec::new()), &block);
    let (before, log) = (votes(&effects), records(&effects));

    let mut again = world.core(0, log);
    let effects = again.step(at(2), Input::Start);
    assert_eq!(votes(&effects), before);
    let mut other = block;
    other.timestamp = TimestampMs(START_MS + 1);
    let effects = offer(&mut again, at(3), world.proposal(other.clone(), Vec::new()), &other);
    assert_eq!(votes(&effects), [], "the other proposal of the view gets no vote");
}

/// ava-labs/Simplex#281: voters must demand a timeout certificate for each skipped view.
#[test]
fn a_skipped_view_needs_its_timeout_certificate() {
    let world = World::new();
    let block = world.block(3);
    let one = world.timeout_certificate(1, &[0, 1, 2]);
    let two = world.timeout_certificate(2, &[1, 2, 3]);
    for timeouts in [vec![], vec![one.clone()], vec![two.clone()], vec![two.clone(), one.clone()]] {
        let mut core = world.core(0, Vec::new());
        let effects = offer(&mut core, at(1), world.proposal(block.clone(), timeouts), &block);
        assert_eq!(votes(&effects), []);
    }
    let mut core = world.core(0, Vec::new());
    let effects = offer(&mut core, at(1), world.proposal(block.clone(), vec![one, two]), &block);
    assert!(matches!(votes(&effects)[..], [Vote::Prepare(vote)] if vote.view == View(3)));
}

/// A forged or short certificate justifies nothing.
#[test]
fn a_justification_is_verified() {
    let world = World::new();
    let block = world.block(2);
    let short = world.timeout_certificate(1, &[0, 1]);
    let twice = world.timeout_certificate(1, &[0, 1, 1]);
    let mut forged = world.timeout_certificate(1, &[0, 1, 2]);
    forged.signatures[2].2 = forged.signatures[1].2;
    for timeouts in [short, twice, forged] {
        let mut core = world.core(0, Vec::new());
        let proposal = world.proposal(block.clone(), vec![timeouts]);
        let effects = offer(&mut core, at(1), proposal, &block);
        assert_eq!(votes(&effects), []);
        let accused = |effect: &Effect| matches!(effect, Effect::Misbehaviour { .. });
        assert!(effects.iter().any(accused));
    }
}

/// ava-labs/Simplex#280: commit signed for a view that was timed out is a fork.
#[test]
fn no_commit_after_a_timeout_even_over_a_restart() {
    let world = World::new();
    let block = world.block(1);
    let mut core = world.core(0, Vec::new());
    let mut log =
        records(&offer(&mut core, at(1), world.proposal(block.clone(), Vec::new()), &block));
    // Two others give the view up, so this validator joins them.
    for signer in [1, 2] {
        let vote = world.timeout(signer, 1);
        let reason = consensus::TimeoutReason::NoProposal;
        let message = Message::Timeout { vote, reason, committed: View(0) };
        let from = ValidatorIndex(signer);
        let effects = core.step(at(2), Input::Message { from, message });
        log.extend(records(&effects));
    }
    let timed_out = |record: &Record| match record {
        Record::Vote(Vote::Timeout(vote)) => vote.signer == ValidatorIndex(0),
        _ => false,
    };
    assert!(log.iter().any(timed_out));

    let prepared = world.prepare_certificate(1, block.hash(), &[1, 2, 3]);
    let finish = |core: &mut Core| {
        let mut effects = core.step(at(3), certificate(3, Certificate::Prepare(prepared.clone())));
        effects.extend(core.step(at(3), Input::PayloadReady { block: block.hash() }));
        effects.extend(core.step(at(4), Input::Executed { block: block.hash(), result: result() }));
        effects
    };
    let committed =
        |effects: &[Effect]| votes(effects).iter().any(|vote| matches!(vote, Vote::Commit(_)));
    assert!(!committed(&finish(&mut core)));
    let mut again = world.core(0, log);
    again.step(at(5), Input::Start);
    assert!(!committed(&finish(&mut again)));
}

#[test]
fn a_quorum_of_commits_over_one_result_is_final_and_over_two_results_is_not() {
    let world = World::new();
    let block = world.block(1);
    let hash = block.hash();
    let play = |results: [ExecutionResult; 2]| {
        let mut core = world.core(0, Vec::new());
        let mut effects =
            offer(&mut core, at(1), world.proposal(block.clone(), Vec::new()), &block);
        for signer in [1, 2] {
            effects.extend(core.step(at(2), vote(world.prepare(signer, 1, hash))));
        }
        effects.extend(core.step(at(3), Input::Executed { block: hash, result: result() }));
        assert!(votes(&effects).iter().any(|vote| matches!(vote, Vote::Commit(_))));
        for (signer, result) in [1u16, 2].into_iter().zip(results) {
            let key = &world.keys[usize::from(signer)];
            let signer = ValidatorIndex(signer);
            let commit = CommitVote::new(&world.context, View(1), hash, result, signer, key);
            effects.extend(core.step(at(4), vote(Vote::Commit(commit))));
        }
        effects.iter().any(|effect| matches!(effect, Effect::Commit { .. }))
    };
    let other = ExecutionResult { state_root: Hash([1; 32]), ..result() };
    assert!(play([result(), result()]));
    assert!(!play([result(), other]));
}

/// babylon-node#243: recovery that ignores timeout certificates cannot vote any more.
#[test]
fn recovery_continues_after_the_highest_certificate_of_any_kind() {
    let world = World::new();
    let timed_out = Certificate::Timeout(world.timeout_certificate(5, &[0, 1, 2]));
    let core = world.core(0, vec![Record::Certificate(Box::new(timed_out))]);
    assert_eq!(core.status(0).view, View(6));
}

/// A vote with an invalid signature is left out and its sender named; the others still make the certificate.
#[test]
fn a_bad_signature_costs_only_its_sender() {
    let world = World::new();
    let block = world.block(1);
    let hash = block.hash();
    let mut core = world.core(0, Vec::new());
    offer(&mut core, at(1), world.proposal(block.clone(), Vec::new()), &block);
    let mut bad = world.prepare(1, 1, hash);
    if let Vote::Prepare(vote) = &mut bad {
        vote.signature.0[0] ^= 1;
    }
    core.step(at(2), vote(bad));
    let effects = core.step(at(2), vote(world.prepare(2, 1, hash)));
    let culprit =
        Effect::Misbehaviour { peer: ValidatorIndex(1), what: "a vote with an invalid signature" };
    assert!(effects.contains(&culprit));
    assert_eq!(core.status(2).view, View(1));
    core.step(at(3), vote(world.prepare(3, 1, hash)));
    assert_eq!(core.status(3).view, View(2));
}

/// Two signed messages that no honest validator signs together convict.
#[test]
fn equivocation_is_evidence_and_a_forgery_is_not() {
    let world = World::new();
    let mut core = world.core(0, Vec::new());
    let (first, mut second) = (world.block(1), world.block(1));
    second.timestamp = TimestampMs(START_MS + 1);
    core.step(at(1), world.proposal(first.clone(), Vec::new()));
    let effects = core.step(at(1), world.proposal(second.clone(), Vec::new()));
    let evidence = |effect: &Effect| matches!(effect, Effect::Evidence(_));
    assert!(effects.iter().any(evidence));

    core.step(at(2), vote(world.prepare(2, 1, first.hash())));
    let mut forged = world.prepare(2, 1, second.hash());
    if let Vote::Prepare(vote) = &mut forged {
        vote.signature.0[0] ^= 1;
    }
    assert!(!core.step(at(2), vote(forged)).iter().any(evidence));
    let effects = core.step(at(2), vote(world.prepare(2, 1, second.hash())));
    assert!(effects.iter().any(evidence));
}

/// A view that does not end is given up by its timer, and a leader that has work proposes.
#[test]
fn a_leader_with_work_proposes_and_the_others_wait_no_longer_than_the_timer() {
    let world = World::new();
    let mut leader = world.core(1, Vec::new());
    let effects = leader.step(at(1), Input::Work(true));
    assert!(
        effects.contains(&Effect::BuildPayload { view: View(1), parent: world.genesis.hash() })
    );
    let payload = Payload { batches: vec![Hash([3; 32])], inline: Vec::new() };
    let effects = leader.step(at(1), Input::Payload { view: View(1), payload });
    let proposed = |effect: &Effect| matches!(effect, Effect::Broadcast(Message::Proposal(_)));
    assert!(effects.iter().any(proposed));

    let mut other = world.core(0, Vec::new());
    assert_eq!(votes(&other.step(at(1), Input::Work(true))), []);
    let due = other.deadline_ms();
    let mut now = due;
    let mut sent = Vec::new();
    while sent.is_empty() && now < 20_000 {
        sent = votes(&other.step(at(now), Input::Tick));
        now = other.deadline_ms().max(now + 1);
    }
    assert!(matches!(sent[..], [Vote::Timeout(vote)] if vote.view == View(1)));
    assert!(now <= 2_000, "the first timer is about a second, not {now} ms");
}
