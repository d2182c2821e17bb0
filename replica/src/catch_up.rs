//! Catching up: ranges of committed blocks from several peers at once.
//!
//! The heights between the own head and the highest that others have committed are cut into ranges. Each is asked from
//! one peer; a few are under way at once, and what comes is applied in order. A range proves itself: its blocks hang
//! together by their hashes, and a commit certificate stands over the last ([`crate::SyncBlocks::is_proven`]).
//!
//! A peer that lies, does not answer in time, sends less than it could, or has nothing is excluded: the others are
//! asked. Exclusions add up, and are forgiven from time to time, and at once when nobody is left. A peer that has
//! pruned what is missing is not asked for it; when that is so of all, only a snapshot helps ([`crate::StateSync`]).

use std::collections::{BTreeMap, BTreeSet};

use primitives::{CommitCertificate, Header, Height, SignedBatch, ValidatorIndex, limits};

use crate::message::{Range, SyncBlocks};

/// How long a peer may take to answer, in milliseconds.
const PATIENCE_MS: u64 = 2_000;
/// Exclusions are forgiven this often, in milliseconds.
const AMNESTY_MS: u64 = 30_000;
/// When all are excluded they are forgiven earlier, but no more often than this, in milliseconds.
const LAST_RESORT_MS: u64 = 500;
/// Ranges that are asked for or wait for those before them. Times [`limits::MESSAGE_BYTES_MAX`], the memory that
/// peers can occupy; more only of blocks of which none is committed without the others, and those are proven.
const RANGES_MAX: usize = 6;
/// Ranges that one peer is asked for at once.
const PEER_RANGES_MAX: usize = 2;
/// How long consensus may take to commit a range that it was given, in milliseconds.
const APPLY_MS: u64 = 30_000;

#[derive(Clone, Copy, Debug)]
struct Asked {
    peer: ValidatorIndex,
    range: Range,
    until_ms: u64,
}

/// Where catch-up stands.
#[derive(Debug, Default)]
pub struct CatchUp {
    /// The highest height known to be committed by others.
    target: Height,
    /// By first height.
    asked: BTreeMap<Height, Asked>,
    /// Proven ranges that wait for those before them, by first height.
    held: BTreeMap<Height, SyncBlocks>,
    /// The last height of the range that consensus was given, and when to give up on that.
    applying: Option<(Height, u64)>,
    excluded: BTreeSet<ValidatorIndex>,
    /// The lowest blocks that peers keep, where they said so.
    floors: BTreeMap<ValidatorIndex, Height>,
    forgiven_ms: u64,
    /// Counts requests, to go round the peers.
    turn: usize,
}

/// One question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub to: ValidatorIndex,
    pub range: Range,
}

/// What a peer sent, checked.
#[derive(Debug)]
pub enum Answer {
    /// A proven range, and its encoded bytes.
    Proven(SyncBlocks, usize),
    /// It has nothing of the range that begins here, and keeps blocks from a floor on.
    Nothing { first: Height, floor: Height },
    /// It does not hold together.
    Lie,
}

impl CatchUp {
    /// Others have committed this height.
    pub fn aim(&mut self, target: Height) {
        self.target = self.target.max(target);
    }

    /// Whom to ask for what, now.
    pub fn ask(
        &mut self,
        now_ms: u64,
        committed: Height,
        peers: &BTreeSet<ValidatorIndex>,
    ) -> Vec<Request> {
        self.asked.retain(|_, asked| asked.range.last > committed);
        self.held.retain(|_, blocks| blocks.last_height() > committed);
        for stalled in self.asked.extract_if(.., |_, asked| asked.until_ms <= now_ms) {
            self.excluded.insert(stalled.1.peer);
        }
        self.asked.retain(|_, asked| peers.contains(&asked.peer));
        if self.applying.is_some_and(|(last, until)| last <= committed || until <= now_ms) {
            self.applying = None;
        }
        if self.target <= committed {
            return Vec::new();
        }
        self.forgive(now_ms, peers);
        let mut requests = Vec::new();
        while (self.asked.len() + self.held.len() < RANGES_MAX || self.lacks_end(committed))
            && let Some(range) = self.gap(committed)
            && let Some(to) = self.next_peer(peers, range.first)
        {
            let until_ms = now_ms.saturating_add(PATIENCE_MS);
            self.asked.insert(range.first, Asked { peer: to, range, until_ms });
            requests.push(Request { to, range });
        }
        requests
    }

    /// The lowest heights that nobody was asked for, up to what one answer holds.
    fn gap(&self, committed: Height) -> Option<Range> {
        let applied = self.applying.map_or(committed, |(last, _)| last.max(committed));
        let asked = self.asked.values().map(|asked| asked.range);
        let held =
            self.held.iter().map(|(first, one)| Range { first: *first, last: one.last_height() });
        let mut covered: Vec<Range> = asked.chain(held).collect();
        covered.sort_by_key(|range| range.first);
        let mut first = applied.next();
        for range in &covered {
            if range.first > first {
                break;
            }
            first = first.max(range.last.next());
        }
        let next = covered.iter().map(|range| range.first).find(|other| *other > first);
        let full = Height(first.0.saturating_add(limits::SYNC_BLOCKS_MAX as u64 - 1));
        let below_next = next.map_or(full, |next| Height(next.0 - 1));
        let last = full.min(below_next).min(self.target);
        (first <= last).then_some(Range { first, last })
    }

    fn next_peer(
        &mut self,
        peers: &BTreeSet<ValidatorIndex>,
        first: Height,
    ) -> Option<ValidatorIndex> {
        let busy =
            |peer: &ValidatorIndex| self.asked.values().filter(|one| one.peer == *peer).count();
        let free: Vec<ValidatorIndex> = peers
            .difference(&self.excluded)
            .filter(|peer| busy(peer) < PEER_RANGES_MAX && self.keeps(**peer, first))
            .copied()
            .collect();
        let peer = *free.get(self.turn.checked_rem(free.len())?)?;
        self.turn += 1;
        Some(peer)
    }

    fn keeps(&self, peer: ValidatorIndex, height: Height) -> bool {
        self.floors.get(&peer).is_none_or(|floor| *floor <= height)
    }

    /// The lowest floor of the connected peers, when all of them have pruned the next block and so many may be lying.
    pub fn pruned(
        &self,
        committed: Height,
        peers: &BTreeSet<ValidatorIndex>,
        faulty_max: usize,
    ) -> Option<Height> {
        let all = peers.len() > faulty_max
            && self.target > committed
            && !peers.iter().any(|peer| self.keeps(*peer, committed.next()));
        all.then(|| peers.iter().filter_map(|peer| self.floors.get(peer)).min().copied()).flatten()
    }

    fn forgive(&mut self, now_ms: u64, peers: &BTreeSet<ValidatorIndex>) {
        let since = now_ms.saturating_sub(self.forgiven_ms);
        let nobody = peers.is_subset(&self.excluded) && since >= LAST_RESORT_MS;
        if nobody || since >= AMNESTY_MS {
            self.excluded.clear();
            self.forgiven_ms = now_ms;
        }
    }

    /// Whether this peer was asked for the range that begins here.
    pub fn is_asked(&self, peer: ValidatorIndex, first: Option<Height>) -> bool {
        first.and_then(|first| self.asked.get(&first)).is_some_and(|asked| asked.peer == peer)
    }

    /// A peer has answered. Whether it was asked for that: what nobody asked for is nobody's answer.
    pub fn answered(&mut self, peer: ValidatorIndex, answer: Answer) -> bool {
        let first = match &answer {
            Answer::Proven(blocks, _) => blocks.first_height(),
            Answer::Nothing { first, .. } => Some(*first),
            Answer::Lie => self.asked.values().find(|a| a.peer == peer).map(|a| a.range.first),
        };
        let asked = first.and_then(|first| self.asked.get(&first)).copied();
        let Some(asked) = asked.filter(|asked| asked.peer == peer) else { return false };
        self.asked.remove(&asked.range.first);
        match answer {
            Answer::Proven(blocks, bytes) => {
                if is_short(&asked.range, blocks.last_height(), bytes) {
                    self.excluded.insert(peer);
                }
                // Others have committed what the certificate says, and without it these blocks are not whole.
                self.aim(blocks.certificate.result.height);
                self.held.insert(asked.range.first, blocks);
            }
            Answer::Nothing { first, floor } if floor > first => {
                self.floors.insert(peer, floor);
            }
            Answer::Nothing { .. } | Answer::Lie => {
                self.excluded.insert(peer);
            }
        }
        true
    }

    /// The blocks that follow the committed height, if all up to a certificate are here and consensus has done with the
    /// last ones.
    pub fn next(&mut self, now_ms: u64, committed: Height) -> Option<SyncBlocks> {
        if self.applying.is_some_and(|(last, until)| last > committed && until > now_ms) {
            return None;
        }
        let (parts, certificate) = self.parts(committed);
        let certificate = certificate?;
        let end = certificate.result.height;
        let mut blocks: Vec<(Header, Vec<SignedBatch>)> = Vec::new();
        for first in parts {
            let Some(part) = self.held.get(&first) else { continue };
            let last = blocks.last().map_or(committed, |(header, _)| header.height);
            let next = |(header, _): &&(Header, _)| header.height > last && header.height <= end;
            blocks.extend(part.blocks.iter().filter(next).cloned());
            if part.last_height() <= end {
                self.held.remove(&first);
            }
        }
        self.applying = Some((end, now_ms.saturating_add(APPLY_MS)));
        Some(SyncBlocks { blocks, above: Vec::new(), certificate })
    }

    /// The ranges that follow the committed height without a gap, up to the lowest height that one of them certifies;
    /// and its certificate, if they reach it.
    fn parts(&self, committed: Height) -> (Vec<Height>, Option<CommitCertificate>) {
        let (mut parts, mut next) = (Vec::new(), committed.next());
        let mut lowest: Option<&CommitCertificate> = None;
        while let Some((first, blocks)) = self.held.range(..=next).next_back()
            && blocks.last_height() >= next
        {
            parts.push(*first);
            let certificate = &blocks.certificate;
            lowest = lowest.filter(|one| one.result.height <= certificate.result.height);
            let lowest = *lowest.get_or_insert(certificate);
            if lowest.result.height <= blocks.last_height() {
                return (parts, Some(lowest.clone()));
            }
            next = blocks.last_height().next();
        }
        (parts, None)
    }

    /// Whether what is held does not reach a certificate, and nothing is asked for.
    fn lacks_end(&self, committed: Height) -> bool {
        let (parts, certificate) = self.parts(committed);
        self.asked.is_empty() && !parts.is_empty() && certificate.is_none()
    }

    pub fn deadline_ms(&self) -> Option<u64> {
        let asked = self.asked.values().map(|asked| asked.until_ms).min();
        let applying = self.applying.map(|(_, until_ms)| until_ms);
        // Somebody has what is missing, and nobody is asked: all are excluded, or none is connected.
        let idle = self.asked.is_empty() && self.held.is_empty() && self.applying.is_none();
        let forgiven = self.forgiven_ms.saturating_add(LAST_RESORT_MS);
        let waits = idle && !self.excluded.is_empty();
        asked.into_iter().chain(applying).chain(waits.then_some(forgiven)).min()
    }

    /// Peers that are not asked for now.
    #[cfg(test)]
    fn excluded(&self) -> Vec<u16> {
        self.excluded.iter().map(|peer| peer.0).collect()
    }
}

/// Whether a peer has sent less than half of what it was asked for without a reason: a full message, or the distance
/// between two certificates.
fn is_short(asked: &Range, last: Height, bytes: usize) -> bool {
    let missing = asked.last.0.saturating_sub(last.0);
    let length = asked.last.0.saturating_sub(asked.first.0) + 1;
    missing > limits::UNCOMMITTED_BLOCKS_MAX
        && missing * 2 >= length
        && bytes * 2 < limits::SYNC_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use primitives::codec::FormatVersion;
    use primitives::{Epoch, ExecutionResult, Hash, Signatures, TimestampMs, View};

    use super::*;

    const TARGET: Height = Height(3_000);

    /// What a peer of the tests does when it is asked.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Peer {
        Honest,
        Lies,
        Stalls,
        Halves,
        HasNothing,
        /// Blocks are so large that an answer holds few, and a certificate stands only over every so many of them.
        Parts {
            blocks: u64,
            certified: u64,
        },
    }

    fn header(height: u64) -> Header {
        Header {
            version: FormatVersion::V1,
            epoch: Epoch(0),
            view: View(height),
            height: Height(height),
            parent: Hash::ZERO,
            parent_view: View(height - 1),
            payload: Vec::new(),
            timestamp: TimestampMs(height),
            proposer: ValidatorIndex(0),
        }
    }

    fn blocks(range: Range) -> SyncBlocks {
        let result = ExecutionResult {
            height: range.last,
            state_root: Hash::ZERO,
            receipts_root: Hash::ZERO,
            next_validators: Hash::ZERO,
        };
        let certificate = CommitCertificate {
            epoch: Epoch(0),
            view: View(range.last.0),
            block: Hash::ZERO,
            result,
            signatures: Signatures(Vec::new()),
        };
        let blocks = (range.first.0..=range.last.0).map(|height| (header(height), Vec::new()));
        SyncBlocks { blocks: blocks.collect(), above: Vec::new(), certificate }
    }

    fn answer(peer: Peer, range: Range) -> Option<Answer> {
        match peer {
            Peer::Honest => Some(Answer::Proven(blocks(range), 1_000)),
            Peer::Lies => Some(Answer::Lie),
            Peer::Stalls => None,
            Peer::Halves => {
                let half = Height(range.first.0 + (range.last.0 - range.first.0) / 4);
                Some(Answer::Proven(blocks(Range { last: half, ..range }), 1_000))
            }
            Peer::HasNothing => Some(Answer::Nothing { first: range.first, floor: Height::ZERO }),
            Peer::Parts { blocks: count, certified } => {
                let end = range.first.0.next_multiple_of(certified);
                let last = end.min(range.first.0 + count - 1);
                let mut part = blocks(Range { first: range.first, last: Height(last) });
                part.above = (last + 1..=end).map(header).collect();
                part.certificate =
                    blocks(Range { first: range.first, last: Height(end) }).certificate;
                Some(Answer::Proven(part, limits::SYNC_BYTES_MAX))
            }
        }
    }

    /// Plays a catch-up in which answers take 20 ms and consensus applies at once. Answers how long it took, in
    /// milliseconds, who was asked how often, and who was excluded at the end.
    fn play(peers: &[Peer]) -> (u64, Vec<usize>, Vec<u16>) {
        let indices: BTreeSet<ValidatorIndex> =
            (0u16..).take(peers.len()).map(ValidatorIndex).collect();
        let (mut catch_up, mut committed, mut now) = (CatchUp::default(), Height::ZERO, 100_000);
        catch_up.forgiven_ms = now;
        catch_up.aim(TARGET);
        let mut asked = vec![0; peers.len()];
        let mut coming: Vec<(u64, Request)> = Vec::new();
        while committed < TARGET {
            assert!(now < 200_000, "it hangs at {committed}");
            for request in catch_up.ask(now, committed, &indices) {
                asked[request.to.as_usize()] += 1;
                coming.push((now + 20, request));
            }
            let waiting = catch_up.asked.len() + catch_up.held.len();
            let parts = if matches!(peers, [Peer::Parts { .. }, ..]) { 16 } else { 0 };
            assert!(waiting <= RANGES_MAX + parts, "{waiting} ranges occupy memory");
            let (due, later) = coming.into_iter().partition(|(at, _)| *at <= now);
            coming = later;
            let due: Vec<(u64, Request)> = due;
            for (_, request) in due {
                if let Some(answer) = answer(peers[request.to.as_usize()], request.range) {
                    assert!(catch_up.answered(request.to, answer));
                }
            }
            while let Some(applied) = catch_up.next(now, committed) {
                assert!(applied.first_height().is_some_and(|first| first <= committed.next()));
                committed = applied.last_height();
                assert_eq!(committed, applied.certificate.result.height);
            }
            now += 10;
        }
        (now - 100_000, asked, catch_up.excluded())
    }

    #[test]
    fn honest_peers_share_the_work() {
        let (took_ms, asked, excluded) = play(&[Peer::Honest; 3]);
        assert!(excluded.is_empty(), "{excluded:?}");
        let (least, most) = (asked.iter().min().unwrap(), asked.iter().max().unwrap());
        assert!(most - least <= 2, "one was asked more than the others: {asked:?}");
        assert!(took_ms < 500, "{took_ms} ms for 47 ranges");
    }

    #[test]
    fn peers_that_lie_stall_halve_or_have_nothing_are_excluded_and_it_goes_on() {
        for bad in [Peer::Lies, Peer::Stalls, Peer::Halves, Peer::HasNothing] {
            let (took_ms, asked, excluded) = play(&[Peer::Honest, bad, Peer::Honest]);
            assert_eq!(excluded, [1], "{bad:?}");
            assert!(asked[1] <= PEER_RANGES_MAX, "{bad:?} was asked {} times", asked[1]);
            assert!(took_ms < PATIENCE_MS + 1_000, "{bad:?} cost {took_ms} ms");
        }
    }

    #[test]
    fn what_stands_between_two_certificates_may_come_in_many_parts() {
        let peer = Peer::Parts { blocks: 3, certified: 32 };
        let (_, asked, excluded) = play(&[peer; 3]);
        assert_eq!(excluded, [0u16; 0]);
        assert_eq!(asked.iter().sum::<usize>(), 94 * 11, "each part once");
    }

    #[test]
    fn one_honest_peer_among_bad_ones_is_enough() {
        let (took_ms, _, excluded) =
            play(&[Peer::Lies, Peer::Stalls, Peer::Halves, Peer::Honest, Peer::HasNothing]);
        assert_eq!(excluded, [0, 1, 2, 4]);
        assert!(took_ms < PATIENCE_MS + 2_000, "{took_ms} ms");
    }

    #[test]
    fn when_all_are_excluded_all_are_asked_again() {
        let peers = BTreeSet::from([ValidatorIndex(0), ValidatorIndex(1)]);
        let mut catch_up = CatchUp { forgiven_ms: 1_000, ..CatchUp::default() };
        catch_up.aim(TARGET);
        for request in catch_up.ask(1_000, Height::ZERO, &peers) {
            let (first, floor) = (request.range.first, Height::ZERO);
            assert!(catch_up.answered(request.to, Answer::Nothing { first, floor }));
        }
        assert_eq!(catch_up.ask(1_100, Height::ZERO, &peers), []);
        let again = catch_up.deadline_ms().expect("it tries again");
        assert_eq!(again, 1_000 + LAST_RESORT_MS);
        assert!(!catch_up.ask(again, Height::ZERO, &peers).is_empty());
    }

    /// Whoever prunes says so once, and is asked for what it keeps; that all have pruned what is missing is believed
    /// when so many say it that one of them is honest.
    #[test]
    fn a_peer_that_has_pruned_is_asked_for_what_it_keeps_alone() {
        let all = [0, 1, 2].map(ValidatorIndex);
        let (peers, floor) = (BTreeSet::from(all), Height(500));
        let mut catch_up = CatchUp::default();
        catch_up.aim(TARGET);
        for (count, peer) in all.into_iter().enumerate() {
            assert_eq!(catch_up.pruned(Height::ZERO, &peers, 1), None, "{count} of 3 say so");
            let first = Height(1);
            let range = Range { first, last: Height(64) };
            catch_up.asked.insert(first, Asked { peer, range, until_ms: 1_000 });
            assert!(catch_up.answered(peer, Answer::Nothing { first, floor }));
        }
        assert_eq!(catch_up.pruned(Height::ZERO, &peers, 1), Some(floor));
        let one = BTreeSet::from([all[0]]);
        assert_eq!(catch_up.pruned(Height::ZERO, &one, 1), None, "one may lie");
        assert_eq!(catch_up.ask(10, Height::ZERO, &peers), []);
        assert!(!catch_up.ask(10, Height(499), &peers).is_empty());
        assert_eq!(catch_up.pruned(Height(499), &peers, 1), None);
    }

    #[test]
    fn what_nobody_asked_for_is_not_taken() {
        let peers = BTreeSet::from([ValidatorIndex(0), ValidatorIndex(1)]);
        let mut catch_up = CatchUp::default();
        catch_up.aim(TARGET);
        let requests = catch_up.ask(1, Height::ZERO, &peers);
        let range = requests[0].range;
        let other = ValidatorIndex(1 - requests[0].to.0);
        assert!(!catch_up.answered(other, Answer::Proven(blocks(range), 10)));
        let unasked = Range { first: Height(2_900), last: TARGET };
        assert!(!catch_up.answered(requests[0].to, Answer::Proven(blocks(unasked), 10)));
        assert!(catch_up.next(1, Height::ZERO).is_none());
    }
}
