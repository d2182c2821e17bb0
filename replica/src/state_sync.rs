//! Synchronizing by snapshot: a validator that is far behind puts the state of a recent block together from pieces
//! that others give, before it takes part again; the last blocks come by catching up as always.
//!
//! One synchronous machine, as the replica is: what happens goes in, what is to be done comes out. It runs before
//! there is a replica, so that nothing can be signed meanwhile.
//!
//! 1. *Looking.* All are asked what they have. When none offers a snapshot far enough ahead, it ends: blocks will do.
//! 2. *The head.* Of the height that most offer, and the highest of those, one is asked what it begins with: a block
//!    with a certificate, which proves itself and the root of the state.
//! 3. *Pieces.* Several peers are asked at once for what stands below prefixes whose hash is known. Every piece is
//!    checked when it comes ([`Restore::accept`]), so one honest peer is enough, and a liar is known by its first lie.
//!
//! Who lies is not asked again; who stalls, not for a while. When nobody holds the height any more, a higher one takes
//! its place, and what is there and right stays. An interrupted restoration is always taken up: its database may be
//! too far behind for blocks.

use std::collections::{BTreeMap, BTreeSet};

use consensus::leader::Schedule;
use primitives::{Hash, Height, SigningContext, ValidatorIndex, ValidatorSet, limits};
use state::{Prefix, Restore, SnapshotHead};

use crate::message::{Message, SnapshotAnswer, SnapshotRequest};
use crate::snapshots::{Offers, PackedPieces};

/// How long a peer may take to answer, in milliseconds. Who gives rests most of the time.
const PATIENCE_MS: u64 = 10_000;
/// Who stalled is not asked for this long, in milliseconds, unless nobody else is left.
const AVOIDED_MS: u64 = 30_000;
/// How often all are asked what they have, in milliseconds.
const OFFERS_MS: u64 = 5_000;
/// How long answers are waited for until blocks have to do, in milliseconds.
const LOOK_MS: u64 = 5_000;
/// How long a head is tried to be had until blocks have to do, in milliseconds.
const HEAD_MS: u64 = 60_000;
/// Requests to one peer that are under way at once: one to be answered while another travels.
const PEER_REQUESTS_MAX: usize = 2;

/// What is to be restored, and when.
#[derive(Clone, Debug)]
pub struct StateSyncOptions {
    /// The hash of the genesis.
    pub chain: Hash,
    pub validators: ValidatorSet,
    pub own: ValidatorIndex,
    /// The own committed height, and the lowest that can be read.
    pub height: Height,
    pub floor: Height,
    /// A snapshot so far ahead is worth it.
    pub behind_blocks: u64,
    pub urgency: Urgency,
}

/// What happens when nobody offers a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Blocks will do.
    Optional,
    /// It goes on looking: a restoration was begun, or nobody has the blocks.
    Needed,
}

/// What happens to it.
#[derive(Debug)]
pub enum Happening {
    Peer {
        peer: ValidatorIndex,
        connected: bool,
    },
    Message {
        from: ValidatorIndex,
        message: Message,
    },
    Unreadable {
        from: ValidatorIndex,
    },
    /// The moment that [`StateSync::deadline_ms`] named has come.
    Tick,
}

/// One thing to do, in order.
#[derive(Debug)]
pub enum Step {
    Send {
        to: ValidatorIndex,
        message: Message,
    },
    /// Open the restoration and hand it in with [`StateSync::begin`].
    Begin,
    /// For the log.
    Misbehaviour {
        peer: ValidatorIndex,
        what: &'static str,
    },
    Aimed {
        height: Height,
    },
    /// It is over.
    End(Outcome),
    /// The own disk fails: stop the process and say why.
    Stop {
        reason: String,
    },
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is there: [`StateSync::into_restore`] gives what is to be finished.
    Restored,
    /// Nothing was begun.
    Blocks,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    pub target: Option<Height>,
    /// Values that are there.
    pub keys: u64,
    /// Packed bytes and pieces that came in this life.
    pub bytes: u64,
    pub pieces: u64,
    /// Of all paths, the share below which everything is right.
    pub done: f64,
    /// Peers that offer the target.
    pub peers: usize,
}

#[derive(Debug)]
struct Asked {
    what: What,
    until_ms: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    Head(Height),
    /// Of the target.
    Pieces(Vec<Prefix>),
}

/// A connected peer.
#[derive(Debug, Default)]
struct Peer {
    offers: Option<Offers>,
    asked: Vec<Asked>,
    avoided_until_ms: u64,
}

impl Peer {
    fn offers(&self, height: Height) -> bool {
        self.offers.as_ref().is_some_and(|offers| offers.snapshots.contains(&height))
    }
}

/// Where it stands.
#[derive(Debug)]
pub struct StateSync {
    options: StateSyncOptions,
    now_ms: u64,
    began_ms: u64,
    offers_due_ms: u64,
    peers: BTreeMap<ValidatorIndex, Peer>,
    liars: BTreeSet<ValidatorIndex>,
    /// Verified, and waits for the restoration to be opened.
    head: Option<Box<SnapshotHead>>,
    restore: Option<Restore>,
    target: Option<Height>,
    bytes: u64,
    pieces: u64,
    /// Counts heads asked for, to go round the peers.
    turn: usize,
    ended: bool,
    steps: Vec<Step>,
}

impl StateSync {
    pub fn new(options: StateSyncOptions, now_ms: u64) -> Self {
        Self {
            options,
            now_ms,
            began_ms: now_ms,
            offers_due_ms: now_ms,
            peers: BTreeMap::new(),
            liars: BTreeSet::new(),
            head: None,
            restore: None,
            target: None,
            bytes: 0,
            pieces: 0,
            turn: 0,
            ended: false,
            steps: Vec::new(),
        }
    }

    /// Takes the opened restoration: at [`Step::Begin`], or at first when one was interrupted.
    pub fn begin(&mut self, now_ms: u64, restore: Restore) -> Vec<Step> {
        self.restore = Some(restore);
        if let Some(head) = self.head.take() {
            self.aim(*head);
        }
        self.on_event(now_ms, Happening::Tick)
    }

    /// What is to be finished, or abandoned.
    pub fn into_restore(self) -> Option<Restore> {
        self.restore
    }

    /// Takes one event and answers what is to be done. After [`Step::End`] there is nothing more.
    pub fn on_event(&mut self, now_ms: u64, happening: Happening) -> Vec<Step> {
        self.now_ms = now_ms;
        match happening {
            Happening::Peer { peer, connected: true } => {
                self.peers.entry(peer).or_default();
                self.ask_offers(peer);
            }
            Happening::Peer { peer, connected: false } => {
                self.peers.remove(&peer);
            }
            Happening::Message { from, message } => self.on_message(from, message),
            Happening::Unreadable { from } => self.lie(from, "a message that cannot be read"),
            Happening::Tick => {}
        }
        self.advance();
        std::mem::take(&mut self.steps)
    }

    /// The next moment at which [`Happening::Tick`] may change something.
    pub fn deadline_ms(&self) -> u64 {
        let asked = self.peers.values().flat_map(|peer| &peer.asked).map(|asked| asked.until_ms);
        let look = self.restore.is_none().then_some(self.began_ms.saturating_add(LOOK_MS));
        let look = look.filter(|look_ms| *look_ms > self.now_ms);
        asked.chain(look).fold(self.offers_due_ms, u64::min)
    }

    pub fn progress(&self) -> Progress {
        let wanted = self.restore.iter().flat_map(Restore::wanted);
        let missing: f64 = wanted.map(|prefix| 0.5f64.powi(i32::from(prefix.depth))).sum();
        Progress {
            target: self.target,
            keys: self.restore.as_ref().map_or(0, Restore::keys),
            bytes: self.bytes,
            pieces: self.pieces,
            done: if self.target.is_some() { 1.0 - missing } else { 0.0 },
            peers: self.target.map_or(0, |height| self.givers(height).count()),
        }
    }

    fn on_message(&mut self, from: ValidatorIndex, message: Message) {
        match message {
            Message::Snapshot(answer) => self.on_answer(from, answer),
            Message::SnapshotRequest(request) => {
                let answer = match request {
                    SnapshotRequest::Offers => {
                        let StateSyncOptions { height: head, floor, .. } = self.options;
                        SnapshotAnswer::Offers(Offers { head, floor, snapshots: Vec::new() })
                    }
                    SnapshotRequest::Head(height) | SnapshotRequest::Pieces { height, .. } => {
                        SnapshotAnswer::Gone(height)
                    }
                };
                self.send(from, Message::Snapshot(answer));
            }
            Message::SyncRequest(range) => {
                let (first, floor) = (range.first, Height::ZERO);
                self.send(from, Message::SyncNothing { first, floor });
            }
            // Agreement goes on without this validator until it has a state.
            _ => {}
        }
    }

    fn on_answer(&mut self, from: ValidatorIndex, answer: SnapshotAnswer) {
        if self.liars.contains(&from) {
            return;
        }
        let Some(peer) = self.peers.get_mut(&from) else { return };
        match answer {
            SnapshotAnswer::Offers(offers) => {
                if offers.snapshots.len() > limits::SNAPSHOTS_OFFERED_MAX {
                    return self.lie(from, "more snapshots than anybody holds");
                }
                peer.offers = Some(offers);
            }
            SnapshotAnswer::Gone(height) => {
                if let Some(offers) = &mut peer.offers {
                    offers.snapshots.retain(|offered| *offered != height);
                }
                let target = self.target;
                peer.asked.retain(|asked| match asked.what {
                    What::Head(asked) => asked != height,
                    What::Pieces(_) => target != Some(height),
                });
            }
            SnapshotAnswer::Head(head) => self.on_head(from, *head),
            SnapshotAnswer::Pieces { height, pieces } => self.on_pieces(from, height, &pieces),
        }
    }

    fn on_head(&mut self, from: ValidatorIndex, head: SnapshotHead) {
        let what = What::Head(head.header.height);
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let Some(at) = peer.asked.iter().position(|asked| asked.what == what) else { return };
        peer.asked.remove(at);
        if !self.is_proven(&head) {
            return self.lie(from, "the head of a snapshot that does not hold together");
        }
        if self.restore.is_some() {
            self.aim(head);
        } else if self.head.is_none() {
            self.head = Some(Box::new(head));
            self.steps.push(Step::Begin);
        }
    }

    /// Whether a quorum has committed this, and the headers reach as far down as the leaders' schedule needs.
    fn is_proven(&self, head: &SnapshotHead) -> bool {
        let StateSyncOptions { chain, validators, .. } = &self.options;
        let context = SigningContext { chain: *chain, epoch: head.certificate.epoch };
        let first = Schedule::first_needed(validators.len(), head.header.view);
        let lowest = head.below.first().unwrap_or(&head.header);
        head.check().is_ok()
            && (lowest.view < first || lowest.height == Height::ZERO)
            && head.certificate.verify(&context, validators).is_ok()
    }

    fn aim(&mut self, head: SnapshotHead) {
        let height = head.header.height;
        let Some(restore) = &mut self.restore else { return };
        if let Err(error) = restore.aim(head) {
            panic!("a head that was checked is refused: {error}");
        }
        self.target = Some(height);
        for peer in self.peers.values_mut() {
            peer.asked.clear();
        }
        self.steps.push(Step::Aimed { height });
    }

    fn on_pieces(&mut self, from: ValidatorIndex, height: Height, packed: &PackedPieces) {
        let (Some(peer), Some(restore)) = (self.peers.get_mut(&from), &mut self.restore) else {
            return;
        };
        // What comes late was given to others meanwhile; nobody is to be blamed for it.
        let waits = peer.asked.iter().any(|asked| matches!(asked.what, What::Pieces(_)));
        if self.target != Some(height) || !waits {
            return;
        }
        self.bytes += packed.as_bytes().len() as u64;
        let lie = "pieces of a snapshot that cannot be unpacked";
        let Some(pieces) = packed.unpack() else { return self.lie(from, lie) };
        let Some((first, _)) = pieces.first() else { return self.lie(from, lie) };
        let is_asked =
            |asked: &Asked| matches!(&asked.what, What::Pieces(list) if list.contains(first));
        let Some(at) = peer.asked.iter().position(is_asked) else { return };
        let What::Pieces(prefixes) = peer.asked.remove(at).what else { return };
        for (prefix, piece) in pieces {
            if !prefixes.contains(&prefix) {
                return self.lie(from, "a piece of a snapshot that it was not asked for");
            }
            match restore.accept(&prefix, piece) {
                Ok(Ok(())) => self.pieces += 1,
                Ok(Err(_)) => return self.lie(from, "a piece of a snapshot that is not true"),
                Err(error) => {
                    let reason = format!(
                        "a piece of the state cannot be written: {error}. Check the disk's space and health, then \
                         start again: what is there stays"
                    );
                    self.ended = true;
                    return self.steps.push(Step::Stop { reason });
                }
            }
        }
    }

    /// Notes that a peer sent what no honest one sends. Never more than can be faulty are shut out, so that a fault of
    /// this node cannot cut it off.
    fn lie(&mut self, peer: ValidatorIndex, what: &'static str) {
        self.liars.insert(peer);
        if self.liars.len() > self.options.validators.faulty_max() {
            self.liars.clear();
        }
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.asked.clear();
            peer.avoided_until_ms = self.now_ms.saturating_add(AVOIDED_MS);
        }
        self.steps.push(Step::Misbehaviour { peer, what });
    }

    /// Does what the time and what is known ask for.
    fn advance(&mut self) {
        if self.ended {
            return;
        }
        for peer in self.peers.values_mut() {
            if peer.asked.iter().any(|asked| asked.until_ms <= self.now_ms) {
                peer.asked.clear();
                peer.avoided_until_ms = self.now_ms.saturating_add(AVOIDED_MS);
            }
        }
        if self.offers_due_ms <= self.now_ms {
            self.offers_due_ms = self.now_ms.saturating_add(OFFERS_MS);
            for peer in self.peers.keys().copied().collect::<Vec<_>>() {
                self.ask_offers(peer);
            }
        }
        let is_held = self.target.is_some_and(|height| self.givers(height).next().is_some());
        if !is_held && self.head.is_none() {
            self.look();
        }
        if is_held {
            self.ask_pieces();
        }
        let is_whole = |restore: &Restore| restore.wanted().next().is_none();
        if !self.ended && self.target.is_some() && self.restore.as_ref().is_some_and(is_whole) {
            self.end(Outcome::Restored);
        }
    }

    /// Asks for the head of the best snapshot, or finds that blocks will do.
    fn look(&mut self) {
        let is_head = |asked: &Asked| matches!(asked.what, What::Head(_));
        let under_way = self.peers.values().flat_map(|peer| &peer.asked).any(is_head);
        let waited_ms = self.now_ms.saturating_sub(self.began_ms);
        // The first answers are waited for together, so that the height is one that several have.
        let quorum = self.options.validators.quorum();
        let few = self.target.is_none() && self.answers().count() + 1 < quorum;
        if under_way || (few && waited_ms < LOOK_MS) {
            return;
        }
        let needed = self.restore.is_some()
            || self.options.urgency == Urgency::Needed
            || self.is_pruned_everywhere();
        match self.best(needed) {
            Some(height) if needed || waited_ms < HEAD_MS => {
                let givers = self.askable(height);
                let giver = self.turn.checked_rem(givers.len()).and_then(|at| givers.get(at));
                if let Some(giver) = giver.copied() {
                    self.turn += 1;
                    self.ask(giver, What::Head(height), SnapshotRequest::Head(height));
                }
            }
            _ if needed => {}
            _ => self.end(Outcome::Blocks),
        }
    }

    fn end(&mut self, outcome: Outcome) {
        self.ended = true;
        self.steps.push(Step::End(outcome));
    }

    /// The height that most offer, and the highest of those; of peers that answer, if there are any.
    fn best(&self, needed: bool) -> Option<Height> {
        let worth = if needed { 1 } else { self.options.behind_blocks.max(1) };
        let lowest = self
            .target
            .map_or(Height(self.options.height.0.saturating_add(worth)), |target| target.next());
        let best_of = |avoided: bool| {
            let mut offered = BTreeMap::<Height, usize>::new();
            for (_, peer) in self.honest().filter(|(_, peer)| avoided || !self.is_avoided(peer)) {
                let snapshots = peer.offers.iter().flat_map(|offers| &offers.snapshots);
                for height in snapshots.filter(|height| **height >= lowest) {
                    *offered.entry(*height).or_default() += 1;
                }
            }
            offered.into_iter().max_by_key(|(height, count)| (*count, *height))
        };
        best_of(false).or_else(|| best_of(true)).map(|(height, _)| height)
    }

    /// Whether so many have pruned the next block that one of them is honest, and nobody says that it has it.
    fn is_pruned_everywhere(&self) -> bool {
        let next = self.options.height.next();
        self.answers().count() > self.options.validators.faulty_max()
            && self.answers().all(|offers| offers.floor > next)
    }

    fn answers(&self) -> impl Iterator<Item = &Offers> {
        self.honest().filter_map(|(_, peer)| peer.offers.as_ref())
    }

    fn honest(&self) -> impl Iterator<Item = (ValidatorIndex, &Peer)> {
        let liars = &self.liars;
        self.peers.iter().map(|(index, peer)| (*index, peer)).filter(|(i, _)| !liars.contains(i))
    }

    fn is_avoided(&self, peer: &Peer) -> bool {
        peer.avoided_until_ms > self.now_ms
    }

    fn givers(&self, height: Height) -> impl Iterator<Item = (ValidatorIndex, &Peer)> {
        self.honest().filter(move |(_, peer)| peer.offers(height))
    }

    /// Those that may be asked now; the ones that are avoided, too, when there are no others.
    fn askable(&self, height: Height) -> Vec<ValidatorIndex> {
        let among = |avoided: bool| {
            let givers = self.givers(height).filter(|(_, peer)| avoided || !self.is_avoided(peer));
            givers.map(|(index, _)| index).collect::<Vec<_>>()
        };
        let (usual, all) = (among(false), among(true));
        if usual.is_empty() { all } else { usual }
    }

    /// Asks for pieces that nobody was asked for, in equal shares.
    fn ask_pieces(&mut self) {
        let (Some(height), Some(restore)) = (self.target, &self.restore) else { return };
        let mut places: Vec<(usize, ValidatorIndex)> = Vec::new();
        for peer in self.askable(height) {
            let busy = self.peers.get(&peer).map_or(0, |peer| peer.asked.len());
            places.extend((busy..PEER_REQUESTS_MAX).map(|place| (place, peer)));
        }
        // Whoever has nothing to do comes first.
        places.sort_unstable();
        let asked = self.peers.values().flat_map(|peer| &peer.asked);
        let claimed: BTreeSet<&Prefix> = asked
            .flat_map(|asked| match &asked.what {
                What::Pieces(prefixes) => prefixes.as_slice(),
                What::Head(_) => &[],
            })
            .collect();
        let free = restore.wanted().filter(|prefix| !claimed.contains(prefix));
        let most = places.len() * limits::SNAPSHOT_PREFIXES_MAX;
        let free: Vec<Prefix> = free.take(most).copied().collect();
        let share = free.len().div_ceil(places.len().max(1)).max(1);
        for (prefixes, (_, peer)) in free.chunks(share).zip(places) {
            let prefixes = prefixes.to_vec();
            let request = SnapshotRequest::Pieces { height, prefixes: prefixes.clone() };
            self.ask(peer, What::Pieces(prefixes), request);
        }
    }

    fn ask(&mut self, to: ValidatorIndex, what: What, request: SnapshotRequest) {
        let until_ms = self.now_ms.saturating_add(PATIENCE_MS);
        if let Some(peer) = self.peers.get_mut(&to) {
            peer.asked.push(Asked { what, until_ms });
            self.send(to, Message::SnapshotRequest(request));
        }
    }

    fn ask_offers(&mut self, to: ValidatorIndex) {
        self.send(to, Message::SnapshotRequest(SnapshotRequest::Offers));
    }

    fn send(&mut self, to: ValidatorIndex, message: Message) {
        self.steps.push(Step::Send { to, message });
    }
}

#[cfg(test)]
#[path = "state_sync_tests.rs"]
mod tests;
