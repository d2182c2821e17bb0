//! Restorations played to their end, with givers that lie, stall, forget or go on.

use std::collections::BTreeSet;

use primitives::codec::FormatVersion;
use primitives::{
    CommitCertificate, CommitVote, Domain, Epoch, ExecutionResult, Header, Namespace, SecretKey,
    Signatures, StateKey, TimestampMs, Validator, View, merkle,
};
use state::{Changes, Child, CommittedBlock, GenesisBlock, Piece, State, check};
use tempfile::TempDir;

use super::*;
use crate::message::Range;
use crate::snapshots::Snapshots;

const VALIDATORS: u8 = 5;
/// Who joins.
const OWN: ValidatorIndex = ValidatorIndex(4);
/// How long an answer takes, in milliseconds.
const TRIP_MS: u64 = 20;

fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed([number + 1; 32])
}

fn validators() -> ValidatorSet {
    let validator =
        |number| Validator { name: format!("v{number}"), key: secret(number).public_key() };
    ValidatorSet::new((0..VALIDATORS).map(validator).collect()).unwrap()
}

fn genesis() -> GenesisBlock {
    let genesis_hash = Hash::of_bytes(Domain::Genesis, b"a chain");
    GenesisBlock {
        header: Header::genesis(genesis_hash, TimestampMs(1_000)),
        genesis_hash,
        changes: changes(0, 4_000),
        next_validators: Hash([8; 32]),
    }
}

/// So many values of half a KiB, of which each call makes others.
fn changes(round: u32, count: u32) -> Changes {
    let key = |n: u32| StateKey { namespace: Namespace::Storage, key: n.to_be_bytes().to_vec() };
    (0..count)
        .map(|n| (key(n), Some([n.to_le_bytes(), round.to_le_bytes()].concat().repeat(64))))
        .collect()
}

/// A chain that others have committed.
struct Chain {
    state: State,
    round: u32,
}

impl Chain {
    fn of(blocks: u64) -> Self {
        let mut chain = Self { state: State::in_memory(&genesis()), round: 0 };
        for _ in 0..blocks {
            chain.grow();
        }
        chain
    }

    fn height(&self) -> Height {
        self.state.head().header.height
    }

    /// One more block, certified by the first four.
    fn grow(&mut self) {
        self.round += 1;
        let parent = self.state.head().header;
        let overlay = self.state.overlay(None, parent.height.next(), changes(self.round, 20));
        let header = Header {
            version: FormatVersion::V1,
            epoch: Epoch::ZERO,
            view: parent.view.next(),
            height: parent.height.next(),
            parent: parent.hash(),
            parent_view: parent.view,
            payload: Vec::new(),
            timestamp: parent.timestamp.plus(1),
            proposer: ValidatorIndex(0),
        };
        let result = ExecutionResult {
            height: header.height,
            state_root: overlay.root(),
            receipts_root: merkle::root(&[]),
            next_validators: Hash([8; 32]),
        };
        let certificate = certify(&header, result, &[0, 1, 2, 3]);
        let (batches, receipts) = (Vec::new(), Vec::new());
        let certificate = Some(certificate);
        let block = CommittedBlock { header, batches, receipts, result, overlay, certificate };
        self.state.commit(vec![block]).unwrap();
    }

    /// What a validator holds that takes a snapshot now.
    fn snapshots(&self) -> Snapshots {
        Snapshots::new(self.state.clone(), usize::from(VALIDATORS), 1)
    }
}

fn certify(header: &Header, result: ExecutionResult, signers: &[u16]) -> CommitCertificate {
    let context = SigningContext { chain: genesis().genesis_hash, epoch: Epoch::ZERO };
    let (view, block): (View, Hash) = (header.view, header.hash());
    let signed = signers.iter().map(|signer| {
        let (signer, key) = (ValidatorIndex(*signer), secret(u8::try_from(*signer).unwrap()));
        (signer, CommitVote::new(&context, view, block, result, signer, &key).signature)
    });
    let signatures = Signatures(signed.collect());
    CommitCertificate { epoch: Epoch::ZERO, view, block, result, signatures }
}

/// What a peer of the tests does when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conduct {
    Honest,
    Stalls,
    /// Says that it has a height that is not there, and nothing more.
    Boasts,
    HasNothing,
    Pruned,
    /// The head of a block that nobody committed.
    ForgesHead,
    /// A head whose headers do not reach down to those that decide who leads.
    CutsHeaders,
    EmptiesPieces,
    InventsBranches,
    SendsOthers,
    SendsNothing,
    SendsRubbish,
}

struct Giver {
    conduct: Conduct,
    snapshots: Snapshots,
}

impl Giver {
    fn answer(&self, request: &SnapshotRequest) -> Option<SnapshotAnswer> {
        let honest = self.snapshots.answer(request);
        match (self.conduct, honest) {
            (Conduct::HasNothing, SnapshotAnswer::Offers(offers)) => {
                Some(SnapshotAnswer::Offers(Offers { snapshots: Vec::new(), ..offers }))
            }
            (Conduct::Pruned, SnapshotAnswer::Offers(offers)) => {
                let (floor, snapshots) = (offers.head, Vec::new());
                Some(SnapshotAnswer::Offers(Offers { floor, snapshots, ..offers }))
            }
            (Conduct::Boasts, SnapshotAnswer::Offers(offers)) => {
                let snapshots = vec![Height(1_000_000)];
                Some(SnapshotAnswer::Offers(Offers { snapshots, ..offers }))
            }
            (Conduct::Boasts, _) => None,
            (Conduct::Stalls, SnapshotAnswer::Pieces { .. }) => None,
            (Conduct::ForgesHead, SnapshotAnswer::Head(mut head)) => {
                head.result.state_root = Hash([7; 32]);
                head.certificate = certify(&head.header, head.result, &[3]);
                Some(SnapshotAnswer::Head(head))
            }
            (Conduct::CutsHeaders, SnapshotAnswer::Head(mut head)) => {
                head.below.clear();
                Some(SnapshotAnswer::Head(head))
            }
            (_, SnapshotAnswer::Pieces { height, pieces }) => {
                Some(SnapshotAnswer::Pieces { height, pieces: self.lie(pieces) })
            }
            (_, honest) => Some(honest),
        }
    }

    fn lie(&self, packed: PackedPieces) -> PackedPieces {
        let mut pieces = packed.unpack().unwrap();
        for (prefix, piece) in &mut pieces {
            match self.conduct {
                Conduct::EmptiesPieces => *piece = Piece::Values(Vec::new()),
                Conduct::InventsBranches => {
                    *piece = Piece::Branch([Child::Inner(Hash([7; 32])); 16]);
                }
                Conduct::SendsOthers => *prefix = prefix.children().next().unwrap(),
                _ => {}
            }
        }
        match self.conduct {
            // Of what was asked, the first is true: known by the second.
            Conduct::SendsOthers => pieces.insert(0, packed.unpack().unwrap().remove(0)),
            Conduct::SendsNothing => pieces.clear(),
            Conduct::SendsRubbish => return PackedPieces::from_bytes(vec![1, 2, 3]),
            _ => {}
        }
        PackedPieces::pack(&pieces)
    }
}

/// What came of a play.
#[derive(Debug)]
struct Played {
    outcome: Outcome,
    took_ms: u64,
    liars: BTreeSet<u16>,
    /// Pieces' requests to each peer, and packed bytes that came.
    asked: Vec<usize>,
    bytes: u64,
    aimed: Vec<Height>,
}

struct Play {
    chain: Chain,
    givers: Vec<Giver>,
    home: TempDir,
    options: StateSyncOptions,
    /// At this many requests for pieces the givers have a newer snapshot and not the old one.
    moves_at: Option<usize>,
    /// At this many requests for pieces the process is killed and begins again.
    killed_at: Option<usize>,
}

impl Play {
    fn new(conducts: &[Conduct]) -> Self {
        let chain = Chain::of(300);
        let givers = conducts
            .iter()
            .map(|conduct| Giver { conduct: *conduct, snapshots: chain.snapshots() })
            .collect();
        let options = StateSyncOptions {
            chain: genesis().genesis_hash,
            validators: validators(),
            own: OWN,
            height: Height::ZERO,
            floor: Height::ZERO,
            behind_blocks: 100,
            urgency: Urgency::Optional,
        };
        let home = tempfile::tempdir().unwrap();
        Self { chain, givers, home, options, moves_at: None, killed_at: None }
    }

    fn open(&self) -> Restore {
        Restore::begin(&self.home.path().join("db.syncing"), None).unwrap()
    }

    /// Runs to the end, in which a restored state must be the chain's.
    fn run(mut self) -> Played {
        let mut now = 50_000;
        let mut sync = StateSync::new(self.options.clone(), now);
        let mut played = Played {
            outcome: Outcome::Blocks,
            took_ms: 0,
            liars: BTreeSet::new(),
            asked: vec![0; self.givers.len()],
            bytes: 0,
            aimed: Vec::new(),
        };
        let mut coming: Vec<(u64, usize, SnapshotAnswer)> = Vec::new();
        let connect = |sync: &mut StateSync, now: u64, count: usize| {
            let peers = (0u16..).take(count).map(ValidatorIndex);
            peers
                .flat_map(|peer| sync.on_event(now, Happening::Peer { peer, connected: true }))
                .collect::<Vec<_>>()
        };
        let mut steps = connect(&mut sync, now, self.givers.len());
        loop {
            for step in std::mem::take(&mut steps) {
                match step {
                    Step::Send { to, message: Message::SnapshotRequest(request) } => {
                        assert!(request.is_sound(), "{request:?}");
                        let at = to.as_usize();
                        let is_pieces = matches!(request, SnapshotRequest::Pieces { .. });
                        played.asked[at] += usize::from(is_pieces);
                        if let Some(answer) = self.givers[at].answer(&request) {
                            coming.push((now + TRIP_MS, at, answer));
                        }
                    }
                    Step::Send { message, .. } => panic!("{message:?}"),
                    Step::Begin => steps.extend(sync.begin(now, self.open())),
                    Step::Misbehaviour { peer, .. } => {
                        played.liars.insert(peer.0);
                    }
                    Step::Aimed { height } => played.aimed.push(height),
                    Step::End(outcome) => {
                        played.outcome = outcome;
                        played.took_ms = now - 50_000;
                        played.bytes += sync.progress().bytes;
                        if outcome == Outcome::Restored {
                            assert!((sync.progress().done - 1.0).abs() < 1e-9);
                            self.check(sync, &played);
                        }
                        return played;
                    }
                    Step::Stop { reason } => panic!("{reason}"),
                }
            }
            if !steps.is_empty() {
                continue;
            }
            let asked: usize = played.asked.iter().sum();
            if self.moves_at.is_some_and(|at| asked >= at) {
                self.moves_at = None;
                self.chain.grow();
                for giver in &mut self.givers {
                    giver.snapshots = self.chain.snapshots();
                }
            }
            if self.killed_at.is_some_and(|at| asked >= at) {
                self.killed_at = None;
                played.bytes += sync.progress().bytes;
                drop(sync);
                coming.clear();
                self.options.urgency = Urgency::Needed;
                sync = StateSync::new(self.options.clone(), now);
                steps = sync.begin(now, self.open());
                steps.extend(connect(&mut sync, now, self.givers.len()));
                continue;
            }
            let next = coming.iter().map(|(at, ..)| *at).min().unwrap_or(u64::MAX);
            let next = next.min(sync.deadline_ms());
            assert!(next > now || !coming.is_empty(), "it asks for a moment that has passed");
            now = next.max(now + 1);
            assert!(now < 400_000, "it hangs: {sync:?}");
            let (due, later) = coming.into_iter().partition(|(at, ..)| *at <= now);
            coming = later;
            let due: Vec<(u64, usize, SnapshotAnswer)> = due;
            steps = sync.on_event(now, Happening::Tick);
            for (_, from, answer) in due {
                let from = ValidatorIndex(u16::try_from(from).unwrap());
                let message = Message::Snapshot(answer);
                steps.extend(sync.on_event(now, Happening::Message { from, message }));
            }
        }
    }

    fn check(&self, sync: StateSync, played: &Played) {
        let database = self.home.path().join("db");
        let genesis = genesis();
        sync.into_restore().unwrap().finish(&database, genesis.genesis_hash).unwrap();
        assert!(check(&database).unwrap().is_whole());
        let state = State::open(&database, &genesis).unwrap();
        assert_eq!(Some(&state.head().header.height), played.aimed.last());
        let block = self.chain.state.block(state.head().header.height).unwrap();
        assert_eq!(state.head().result, block.result);
    }
}

fn play(conducts: &[Conduct]) -> Played {
    Play::new(conducts).run()
}

#[test]
fn honest_givers_share_the_work() {
    let played = play(&[Conduct::Honest; 4]);
    assert_eq!((played.outcome, played.liars.len()), (Outcome::Restored, 0));
    let (least, most) = (played.asked.iter().min().unwrap(), played.asked.iter().max().unwrap());
    assert!(*least > 0 && most - least <= 2, "{:?}", played.asked);
    assert!(played.took_ms < 1_000, "{} ms", played.took_ms);
}

#[test]
fn whoever_lies_is_known_by_its_first_lie_and_never_asked_again() {
    use Conduct::*;
    for bad in [EmptiesPieces, InventsBranches, SendsOthers, SendsNothing, SendsRubbish] {
        let played = play(&[Honest, bad, Honest, Honest]);
        assert_eq!(played.outcome, Outcome::Restored, "{bad:?}");
        assert_eq!(played.liars, BTreeSet::from([1]), "{bad:?}");
        assert!(played.asked[1] <= PEER_REQUESTS_MAX, "{bad:?} was asked {:?}", played.asked);
        assert!(played.took_ms < 1_000, "{bad:?} cost {} ms", played.took_ms);
    }
}

/// One of three is asked first, whichever: all places are played.
#[test]
fn a_false_head_is_refused_and_another_giver_asked() {
    for bad in [Conduct::ForgesHead, Conduct::CutsHeaders] {
        let played = play(&[bad, Conduct::Honest, Conduct::Honest]);
        assert_eq!(played.outcome, Outcome::Restored, "{bad:?}");
        assert_eq!(played.liars, BTreeSet::from([0]), "{bad:?}");
        assert!(played.took_ms < 1_000, "{bad:?} cost {} ms", played.took_ms);
    }
}

#[test]
fn who_stalls_is_avoided_and_one_honest_giver_is_enough() {
    let played = play(&[Conduct::Honest, Conduct::Stalls, Conduct::Honest]);
    assert_eq!(played.outcome, Outcome::Restored);
    assert_eq!(played.liars, BTreeSet::new(), "slowness is no lie");
    assert!(played.asked[1] <= PEER_REQUESTS_MAX, "{:?}", played.asked);
    assert!(played.took_ms < PATIENCE_MS + 1_000, "{} ms", played.took_ms);

    let all_bad = [Conduct::Stalls, Conduct::Honest, Conduct::EmptiesPieces, Conduct::Boasts];
    let played = play(&all_bad);
    assert_eq!(played.outcome, Outcome::Restored);
    assert!(played.took_ms < 2 * PATIENCE_MS, "{} ms", played.took_ms);
}

/// What one validator alone says it has is believed by nobody who has heard of something better.
#[test]
fn a_height_that_one_boasts_of_costs_nothing_when_more_offer_another() {
    let played = play(&[Conduct::Boasts, Conduct::Honest, Conduct::Honest]);
    assert_eq!(played.outcome, Outcome::Restored);
    assert!(played.took_ms < 1_000, "{} ms", played.took_ms);
}

#[test]
fn when_the_height_is_gone_it_goes_on_with_what_is_there() {
    let straight = play(&[Conduct::Honest; 3]);
    let mut moving = Play::new(&[Conduct::Honest; 3]);
    moving.moves_at = Some(6);
    let moved = moving.run();
    assert_eq!(moved.outcome, Outcome::Restored);
    assert_eq!(moved.aimed.len(), 2, "{:?}", moved.aimed);
    assert!(moved.bytes < 2 * straight.bytes, "{} after {}", moved.bytes, straight.bytes);
}

#[test]
fn a_restoration_that_was_interrupted_goes_on_where_it_was() {
    let straight = play(&[Conduct::Honest; 3]);
    let mut killed = Play::new(&[Conduct::Honest; 3]);
    killed.killed_at = Some(8);
    let resumed = killed.run();
    assert_eq!(resumed.outcome, Outcome::Restored);
    let again = resumed.bytes as f64 / straight.bytes as f64;
    assert!(again < 1.6, "{again} times the bytes");
}

#[test]
fn without_snapshots_blocks_have_to_do_unless_nobody_has_them() {
    for conducts in [&[Conduct::HasNothing; 4][..], &[Conduct::HasNothing; 3]] {
        let played = play(conducts);
        assert_eq!(played.outcome, Outcome::Blocks);
        assert!(played.took_ms < 100, "{} ms: they have all answered", played.took_ms);
    }
    let alone = play(&[]);
    assert_eq!((alone.outcome, alone.took_ms), (Outcome::Blocks, LOOK_MS));
    let mut near = Play::new(&[Conduct::Honest; 3]);
    near.options.height = Height(250);
    assert_eq!(near.run().outcome, Outcome::Blocks, "fifty blocks are no distance");
    // The same distance, and the blocks are gone.
    let pruned = [Conduct::Pruned, Conduct::Pruned, Conduct::Pruned, Conduct::Honest];
    let mut needed = Play::new(&pruned);
    needed.options.height = Height(250);
    assert_eq!(needed.run().outcome, Outcome::Blocks, "one still has them");
}

/// It is no validator yet, and says so to whoever asks.
#[test]
fn it_answers_others_that_it_has_nothing() {
    let play = Play::new(&[]);
    let mut sync = StateSync::new(play.options.clone(), 0);
    let from = ValidatorIndex(1);
    let mut answer = |message| {
        let steps = sync.on_event(0, Happening::Message { from, message });
        steps.into_iter().find_map(|step| match step {
            Step::Send { message, .. } => Some(message),
            _ => None,
        })
    };
    let offers = answer(Message::SnapshotRequest(SnapshotRequest::Offers));
    assert!(matches!(
        offers,
        Some(Message::Snapshot(SnapshotAnswer::Offers(offers))) if offers.snapshots.is_empty()
    ));
    let head = answer(Message::SnapshotRequest(SnapshotRequest::Head(Height(4))));
    assert_eq!(head, Some(Message::Snapshot(SnapshotAnswer::Gone(Height(4)))));
    let range = Range { first: Height(1), last: Height(2) };
    assert!(matches!(answer(Message::SyncRequest(range)), Some(Message::SyncNothing { .. })));
}
